"""How people ask: a bare question, or an e-mail with greeting, story, anger, typos and a name."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from tailorbird.models.fledgling.tasks.domains import Domain, Fact
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.passages import Point
from tailorbird.models.fledgling.tasks.values import (
    FIRST_NAMES,
    MONTHS,
    NUMBER_WORDS,
    STREETS,
    WEEKDAYS,
    amount,
    code,
    date,
    person,
    place,
)


@dataclass(frozen=True)
class Letter:
    """What the user writes."""

    text: str
    signed: str | None
    """The name at the end, if there is one."""


_ASKS = {
    "amount": ("how much is the {noun}", "what does the {noun} cost", "how high is the {noun}"),
    "duration": ("how long is the {noun}", "what is the {noun}", "how many days is the {noun}"),
    "percent": ("how high is the {noun}", "what is the {noun} in per cent"),
    "date": ("when is the {noun}", "what date is the {noun}"),
    "time": ("when is the {noun}", "at what time is the {noun}"),
    "hours": ("what are the {noun}", "when are the {noun}"),
    "code": ("what is the {noun}", "which {noun} do I need"),
    "phone": ("what is the number of the {noun}", "how do I reach the {noun}"),
    "place": ("where is the {noun}", "where do I find the {noun}"),
    "weekday": ("when is the {noun}", "which day is the {noun}"),
    "person": ("who is the {noun}", "what is the name of the {noun}"),
}
_ANY_ASKS = ("what is the {noun}", "what about the {noun}", "what {noun} do you have")
_ASIDES = (
    "[I am talking about|This is about|It concerns|My question is about] {it}.",
    "I have {it}.",
    "[We|My wife and I|My husband and I] [chose|took|ordered] {it}[| last month].",
    "[I am|We are] [thinking of taking|interested in] {it}.",
)
_LEADS = (
    "",
    "",
    "",
    "please tell me, ",
    "[could|can] you tell me: ",
    "[I would like to know|I want to know|I wonder|I was wondering]: ",
    "[one|a] quick question, ",
    "so ",
    "my question: ",
)
_TOWNS = ("ton", "ford", "ham", "by", " Bay", " Green", "field")
_RUMOURS = (
    "[Someone|A friend|My brother] [told me|says|thinks] it was {wrong}, is that right?",
    "I [think|thought|believe] it was {wrong} [last year|before|].",
)


@cache
def phrases() -> dict[str, tuple[str, ...]]:
    """Templates of what stands around a question, by section of ``letters.txt``."""
    folder = resources.files("tailorbird.models.fledgling.tasks")
    sections = f"\n{(folder / 'letters.txt').read_text(encoding='utf-8')}".split("\n@ ")[1:]
    lines = (section.strip().splitlines() for section in sections)
    return {name: tuple(filter(None, templates)) for name, *templates in lines}


def question(rng: Random, point: Point) -> str:
    """A question, or what happened and a question, that can be understood with the passages."""
    fact = point.fact
    if fact.situations and rng.random() < 0.45:
        template = rng.choice(fact.situations)
        text = say(rng, template, it=point.it)
        return text if "{it}" in template or not point.named else _with_aside(rng, point, text)
    template = _ask(rng, fact)
    ask = say(rng, template, it=point.it, noun=fact.noun)
    mark = "?" if rng.random() < 0.9 else rng.choice((".", "", "??"))
    named = "{it}" in template or (not point.named and rng.random() < 0.75)
    if not named and rng.random() < 0.55:
        place = say(rng, "[for|with|on|in the case of] [the|your|my] {it}", it=point.it)
        # The thing first or last; a place in the middle would need grammar we do not have.
        ask = f"{place}, {ask}" if rng.random() < 0.3 else f"{ask} {place}"
        named = True
    asked = capital(say(rng, rng.choice(_LEADS)) + ask) + mark
    return asked if named else _with_aside(rng, point, asked)


def _ask(rng: Random, fact: Fact) -> str:
    if fact.asks and (fact.choices or rng.random() < 0.7):
        return rng.choice(fact.asks)
    return rng.choice((*_ASKS.get(fact.kind, ()), *_ANY_ASKS))


def _with_aside(rng: Random, point: Point, asked: str) -> str:
    aside = capital(say(rng, rng.choice(_ASIDES), it=f"the {point.it}"))
    return f"{aside} {asked}" if rng.random() < 0.7 else f"{asked} {aside}"


def letter(rng: Random, domain: Domain, organisation: str, points: tuple[Point, ...]) -> Letter:
    """An e-mail that asks for every one of ``points``, among things that do not matter."""
    tell = _teller(rng, domain, organisation, points[0].it)
    asked = [question(rng, points[0])]
    for point in points[1:]:
        asked += [tell("between", 0.8), question(rng, point)]
    if not points[-1].fact.choices and rng.random() < 0.08:
        asked.append(say(rng, rng.choice(_RUMOURS), wrong=points[-1].fact.draw(rng)))
    mood = rng.choice(("anger", "worry", "aside", "aside", "story"))
    before = [tell("opening", 0.45), *_stories(rng, tell), tell("lead", 0.3)]
    after = [tell(mood, 0.35), tell("story", 0.12), tell("aside", 0.2)]
    signed = person(rng) if rng.random() < 0.6 else None
    middle = noisy(rng, " ".join(filter(None, [*before, *asked, *after])))
    subject = tell("subject", 0.1)
    head = f"Subject: {subject}" if subject else ""
    gap = rng.choice(("\n", " ", "\n\n")) if not head else "\n"
    parts = (head, tell("salutation", 0.7), middle, tell("closing", 0.6), signed)
    return Letter(gap.join(filter(None, parts)), signed)


def _stories(rng: Random, tell: Callable[[str, float], str]) -> list[str]:
    return [tell("story", 1.0) for _ in range(rng.choices((0, 1, 2, 3), weights=(4, 4, 2, 1))[0])]


def _teller(rng: Random, domain: Domain, organisation: str, it: str) -> Callable[[str, float], str]:
    """Draws a phrase of a section, or nothing; one writer's slots stay the same."""
    slots = {
        "who": rng.choice(domain.people), "org": organisation, "it": it, "name": person(rng),
        "first": rng.choice(FIRST_NAMES), "date": date(rng), "amount": amount(rng),
        "code": code(rng), "place": place(rng), "town": rng.choice(STREETS) + rng.choice(_TOWNS),
        "month": rng.choice(MONTHS), "weekday": rng.choice(WEEKDAYS),
        "number": rng.choice(NUMBER_WORDS),
    }  # fmt: skip

    def tell(section: str, chance: float) -> str:
        if rng.random() >= chance:
            return ""
        return say(rng, rng.choice(phrases()[section]), **slots)

    return tell


def noisy(rng: Random, text: str) -> str:
    """``text`` as hurried people type it: mostly untouched, else small letters or a few slips."""
    draw = rng.random()
    if draw < 0.7:
        return text
    if draw < 0.8:
        return text.lower()
    letters = list(text)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(letters) - 1)
        # Only letters slip: a slip in a digit would change what is asked.
        if letters[at].isalpha() and letters[at + 1].isalpha():
            letters[at : at + 2] = rng.choice(
                ([letters[at + 1], letters[at]], [letters[at]], [letters[at]] * 2)
            )
            letters.append("")  # the list keeps its length at least, so ``at`` stays valid
    return "".join(letters)
