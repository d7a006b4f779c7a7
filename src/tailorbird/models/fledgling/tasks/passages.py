"""Invented passages and what may be asked about them.

A ``Shelf`` is a few titled passages with a ``Point`` for each fact they state. Passages on one
shelf contradict nothing. There are two kinds of shelf: sections of one handbook, where every fact
is stated once and many are alike; and one passage per thing on offer, where the same fact has
another value for each thing, so that a question has to name its thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tailorbird.models.fledgling.tasks.domains import Domain, Fact, domains, random_fact, thing
from tailorbird.models.fledgling.tasks.grammar import capital, say, sentence, words
from tailorbird.models.fledgling.tasks.values import FIRST_NAMES, MONTHS, STREETS, coined


@dataclass(frozen=True)
class Point:
    """One fact of one thing with the value it has here."""

    fact: Fact
    it: str
    """The thing on offer that the value holds for."""
    value: str
    stated: str
    """The very sentence of the passage."""
    passage: int
    """Which passage of the shelf states it, from 1; 0 for none."""
    named: bool
    """Whether a question has to name the thing to be understood."""


@dataclass(frozen=True)
class Shelf:
    """What a reader sees, and what it says."""

    domain: Domain
    organisation: str
    passages: tuple[tuple[str, str], ...]
    """(title, text)."""
    points: tuple[Point, ...]
    missing: tuple[Point, ...]
    """Facts of the same domain that no passage states: questions without an answer."""


_ARTICLE_STATEMENTS = (
    "The {noun}[| for {it}| of {it}] is {v}.",
    "[For|With] {it}[, the| the] {noun} is {v}.",
    "{noun}: {v}.",
    "{it} [has|comes with] {a_noun} of {v}.",
    "There is {a_noun} of {v}[| for {it}].",
    "[We set the {noun} at|Our {noun} is now] {v}.",
    "The {noun} [has been|was] [changed|set] to {v}[| this year].",
    "[Please note that the|Note that the|Remember: the] {noun} is {v}.",
    "[At present|Currently|From this season], the {noun} [is|stands at] {v}.",
    "The {noun} [remains|stays at] {v}[, as before|].",
    "{it} ({noun} {v}) [is open to everyone|may be ordered at any time|can be given as a gift].",
    "As for the {noun}, it is {v}[| for {it}].",
)
_PERSON_STATEMENTS = (
    "The {noun}[| for {it}] is {v}.",
    "{v} is [our|the] {noun}[| for {it}].",
    "[Speak|Write|Turn] to {v}, [our|the] {noun}.",
    "{noun}: {v}.",
    "{v} [has been|works as] [our|the] {noun}[| since spring].",
)
_PLACE_STATEMENTS = (
    "[You will find the|The] {noun} [at|is at|is now at] {v}.",
    "{noun}: {v}.",
    "The {noun} has moved to {v}.",
)
_LEADS = (
    "[From|Since] {month}[,|] ",
    "[As a rule|In most cases|Without exception|By agreement|After a vote], ",
    "[If|When] {name} [agrees|is on duty|has checked the papers], ",
    "[Unless told otherwise|Whatever the season|In quiet months|On busy days], ",
    "[Good news:|Important:|New:|Reminder:] ",
    "[Many people ask about this:|To answer a common question:] ",
)
_TAILS = (
    " [and|but] this may change [next year|later]",
    ", [which|and that] [has not changed|is the same everywhere|surprises some]",
    " [whatever|no matter what] the [reason|weather|season]",
    ", as [agreed|decided] [in|last] {month}",
    " ([no exceptions|since {month}|by agreement|see the notice])",
)
_BY_KIND = {"person": _PERSON_STATEMENTS, "place": _PLACE_STATEMENTS}

_FILLERS = (
    "[Please|Kindly] keep [your papers|this page|your receipt] [in a safe place|for later].",
    "[We look|Our team looks] forward to [seeing|welcoming] you.",
    "[Details|More] can be found on our [website|notice board|page].",
    "[This|The text] was [checked|updated] [recently|last month|in spring].",
    "[Children|Groups|Beginners|Guests] are [always|very] welcome.",
    "[Our|The] {who}s told us they [like|value] the [calm|friendly|simple] service.",
    "{org} has [been here for a long time|grown a lot|many friends in the town].",
    "[If anything is unclear|In case of doubt], [just ask|please ask us|ask at the desk].",
    "[You can|Everyone may] [write to us|come by|ask] at any time.",
    "{it} is [one of our most popular offers|chosen by many {who}s|available all year].",
    "[Smoking|Shouting|Filming] is not [allowed|permitted] [here|on the premises].",
    "[We thank|Thanks go to] all {who}s for their patience [this year|during the works].",
)
_TITLES = ("{it}", "{it}", "{it} - {noun}", "{it}: [rules|details|terms|prices|what to know]")
_OTHER_TITLES = ("{org}", "{noun}", "About {it}", "[Rules|Terms|Help|FAQ|Good to know]: {it}")


SHORT = 0.45
"""Share of handbooks that are shown as passages of a sentence or two, as a retriever cuts them."""

_SMALL = frozenset(words("The A An There You We Our If For With To Use Please Every Each Up No"))


def shelf(rng: Random, most: int = 6) -> Shelf:
    """One to ``most`` passages of one organisation; more than three are rare."""
    domain = rng.choice(domains())
    organisation = _organisation(rng, domain)
    count = rng.choices(range(1, most + 1), weights=(10, 6, 4, 1, 1, 1)[:most])[0]
    made = _sections if rng.random() < 0.65 else _things_on_offer
    return made(rng, domain, organisation, count)


def _sections(rng: Random, domain: Domain, organisation: str, count: int) -> Shelf:
    """``count`` sections of a handbook, each of neighbouring facts; what is left is missing."""
    [it] = _things(rng, domain, 1)
    if rng.random() < SHORT:
        sizes = rng.choices((1, 2), weights=(3, 2), k=rng.randint(count, count + 2))
    else:
        sizes = rng.choices(range(1, 8), weights=(2, 4, 5, 5, 4, 3, 2), k=count)
    facts = list(domain.facts)
    start = rng.randrange(len(facts))
    facts = facts[start:] + facts[:start]
    passages: list[tuple[str, str]] = []
    points: list[Point] = []
    for number, size in enumerate(sizes, start=1):
        size = min(size, len(facts) - 1)  # something is always missing
        if not size:
            break
        chosen, facts = facts[:size], facts[size:]
        if rng.random() < 0.15:
            chosen.append(random_fact(rng))
        if rng.random() < 0.5:
            rng.shuffle(chosen)
        stated = [_point(rng, fact, it, number, named=False) for fact in chosen]
        points += stated
        passages.append(_section(rng, domain, organisation, it, stated))
    missing = tuple(Point(fact, it, "", "", 0, False) for fact in facts)
    return Shelf(domain, organisation, tuple(passages), tuple(points), missing)


def _section(
    rng: Random, domain: Domain, organisation: str, it: str, stated: Sequence[Point]
) -> tuple[str, str]:
    nouns = [point.fact.noun for point in stated]
    title = say(
        rng, "[{d}: {n}|{d}: {n}|{n}|{n}|About {d}|{d}|{org}|Section {s}: {n}|{d} - {n}]",
        d=domain.name, org=organisation, s=str(rng.randint(1, 40)),
        n=" and ".join(dict.fromkeys((nouns[0], nouns[-1]))),
    )  # fmt: skip
    return capital(title), _text(rng, domain, organisation, it, stated, rng.choice((0, 0, 0, 1, 2)))


def _things_on_offer(rng: Random, domain: Domain, organisation: str, count: int) -> Shelf:
    """``count`` passages, each about one of the things on offer."""
    *things, absent = _things(rng, domain, count + 1)
    facts = _facts(rng, domain, rng.randint(3, 6))
    spoken, unspoken = facts[:-1], facts[-1]
    passages: list[tuple[str, str]] = []
    points: list[Point] = []
    for number, it in enumerate(things, start=1):
        chosen = rng.sample(spoken, rng.randint(1, min(4, len(spoken))))
        if number > 1 and rng.random() < 0.6:
            chosen[0] = points[0].fact  # the same fact with another value: the hard distractor
        stated = [_point(rng, fact, it, number, named=True) for fact in dict.fromkeys(chosen)]
        points += stated
        passages.append(_passage(rng, domain, organisation, it, stated))
    missing = [Point(unspoken, it, "", "", 0, True) for it in things]
    missing.append(Point(rng.choice(points).fact, absent, "", "", 0, True))  # not for this thing
    return Shelf(domain, organisation, tuple(passages), tuple(points), tuple(missing))


def state(rng: Random, fact: Fact, it: str, value: str) -> str:
    """One sentence of a passage that gives ``value``."""
    if fact.choices or (fact.says and rng.random() < 0.75):
        text = say(rng, rng.choice(fact.says), v=value, it=it)
    else:
        forms = _BY_KIND.get(fact.kind, _ARTICLE_STATEMENTS)
        noun = fact.noun
        text = say(
            rng, rng.choice(forms), v=value, it=_the(it), noun=noun, a_noun=with_article(noun)
        )
    return capital(_framed(rng, text))


def _framed(rng: Random, text: str) -> str:
    """``text`` with now and then a clause before or after it that changes nothing."""
    draw = rng.random()
    if draw > 0.2:
        return text
    clause = say(
        rng,
        rng.choice(_LEADS if draw < 0.12 else _TAILS),
        month=rng.choice(MONTHS),
        name=rng.choice(FIRST_NAMES),
    )
    if draw < 0.12:
        first, _, rest = text.partition(" ")
        plain = first.lower() if first in _SMALL else first
        return f"{clause}{plain} {rest}"
    return f"{text[:-1]}{clause}."


def filler(rng: Random, domain: Domain, organisation: str, it: str) -> str:
    """A sentence that answers nothing."""
    who = rng.choice(domain.people)
    return sentence(rng, rng.choice(_FILLERS), who=who, org=organisation, it=_the(it))


def _point(rng: Random, fact: Fact, it: str, passage: int, named: bool) -> Point:
    value = fact.draw(rng)
    return Point(fact, it, value, state(rng, fact, it, value), passage, named)


def _passage(
    rng: Random, domain: Domain, organisation: str, it: str, stated: Sequence[Point]
) -> tuple[str, str]:
    # The title has to name the thing if no sentence does, or nobody could tell whose value it is.
    named = all(it in point.stated for point in stated)
    forms = _TITLES + _OTHER_TITLES if named else _TITLES
    title = sentence(rng, rng.choice(forms), it=it, org=organisation, noun=stated[0].fact.noun)
    return title, _text(rng, domain, organisation, it, stated, rng.choice((0, 0, 1, 1, 2, 3)))


def _text(
    rng: Random, domain: Domain, organisation: str, it: str, stated: Sequence[Point], fillers: int
) -> str:
    """The sentences of ``stated`` in their order, ``fillers`` others among them."""
    sentences = [point.stated for point in stated]
    for _ in range(fillers):
        sentences.insert(rng.randint(0, len(sentences)), filler(rng, domain, organisation, it))
    return " ".join(sentences)


def _facts(rng: Random, domain: Domain, count: int) -> list[Fact]:
    """``count`` facts, a third of them combined at random, no noun twice."""
    drawn = [random_fact(rng) if rng.random() < 0.35 else rng.choice(domain.facts)]
    while len(drawn) < count:
        fact = random_fact(rng) if rng.random() < 0.35 else rng.choice(domain.facts)
        if fact.noun not in {other.noun for other in drawn}:
            drawn.append(fact)
    return drawn


def _things(rng: Random, domain: Domain, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        # A coined name now and then: the product names of a real task are unknown words too.
        it = thing(rng, domain)
        if rng.random() < 0.3:
            it = f"{capital(coined(rng))} {it.split()[-1]}"
        if it not in names:
            names.append(it)
    return names


def _organisation(rng: Random, domain: Domain) -> str:
    where = rng.choice((rng.choice(STREETS), capital(coined(rng))))
    return say(rng, "{w} {d}[| Service| Centre|]", w=where, d=domain.name.title())


def with_article(noun: str) -> str:
    """ "an excess", "a uniform fee": by the first letters, which is right for our nouns."""
    return f"{'an' if noun[0] in 'aeio' or noun.startswith(('um', 'up')) else 'a'} {noun}"


def _the(it: str) -> str:
    """Running text says "the Silver membership" where a title says "Silver membership"."""
    return f"the {it}"
