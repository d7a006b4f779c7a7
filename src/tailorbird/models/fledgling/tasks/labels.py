"""Texts with a label: the classes, their names, and the label-from-a-list family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.domains import Fact, domains, thing
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.letters import noisy


@dataclass(frozen=True)
class Label:
    """One class."""

    name: str
    """Words separated by spaces, such as "cancel booking"."""
    text: Callable[[Random], str]
    """Draws a text of this class."""


def sample(rng: Random) -> Conversation:
    """A goal, the list of labels, one to three texts."""
    labels = label_set(rng, rng.choices((3, 5, 8, 12, 24, 40), weights=(3, 4, 3, 3, 2, 1))[0])
    spell = spelling(rng)
    names = [spell(label.name) for label in labels]
    turns: list[Message] = [system(f"{goal(rng)}{list_of_labels(rng, names)}")]
    for label in rng.choices(labels, k=rng.choice((1, 1, 2, 3))):
        turns += (user(label.text(rng)), assistant(spell(label.name)))
    return tuple(turns)


_GOALS = (
    "[Sort|Classify|Label|Route] the [message|text|e-mail|sentence|request][ by topic|].",
    "What [is the message about|does the writer want|is wanted here]?",
    "You [sort|route] [mail|messages|requests] [to the right place|as they come].",
    "[Find|Choose|Pick|Name] the [intent|topic|category|kind] of the [message|text].",
)


def goal(rng: Random) -> str:
    """What the labelling is for."""
    return say(rng, rng.choice(_GOALS))


def list_of_labels(rng: Random, names: Sequence[str]) -> str:
    """The allowed labels, mostly in the product's own words."""
    comma = ", ".join(names)
    if rng.random() < 0.6:
        return f"\nAnswer with one of these labels: {comma}"
    if rng.random() < 0.3:
        return "\nLabels:\n" + "\n".join(f"- {name}" for name in names)
    lead = say(
        rng, "[Choose one label|Labels|Options|Pick one of|Reply with one of|Possible answers]"
    )
    return rng.choice((" ", "\n")) + f"{lead}: {comma}" + rng.choice(("", "."))


def spelling(rng: Random) -> Callable[[str], str]:
    """One way to write label names, the same for all labels of a list."""
    return rng.choice((_snake, _snake, _kebab, str, str, capital, str.title, str.upper))


def label_set(rng: Random, size: int) -> list[Label]:
    """``size`` labels (fewer if a kind has fewer), in random order."""
    kind = rng.random()
    if kind < 0.45:
        return _facts(rng, size)
    if kind < 0.75:
        return _intents(rng, size)
    pool = _named("topic") if kind < 0.87 else _named("feeling") if kind < 0.92 else _desks()
    return rng.sample(pool, min(size, len(pool)))


def _snake(name: str) -> str:
    return name.replace(" ", "_")


def _kebab(name: str) -> str:
    return name.replace(" ", "-")


_WANTS = (
    "[I want to|I'd like to|I need to|I have to|we want to|I wish to|help me] {verb} {object}",
    "[can|could] [you|somebody|anyone] help me {verb} {object}[| please]",
    "how [do|can|would] I {verb} {object}[|?]",
    "[is it possible to|where can I|what do I do to|can I] {verb} {object}[|?]",
    "[please |]{verb} {object}[| for me| today| as soon as possible]",
    "[I am trying|I tried|we are trying] to {verb} {object} [but it does not work|without luck|]",
    "{object}: [how to|I want to|please] {verb} [it|this one|that][|?]",
    "[hello|hi|good morning|dear team], [I would love to|I must|let me] {verb} {object}[.|!|]",
    "I [am calling|write] because I [have to|want to|need to] {verb} {object}",
    "[it is about|about] {object}, [I would like to|can we|how do I] {verb} it[|?]",
)
_TAILS = (
    "",
    "",
    "",
    " [that I got last week|from your shop|we talked about|in my name].",
    ". [I cannot find it on the website|The app does not let me|I am in a hurry].",
    ", [because we are moving|since I am abroad|as it was a mistake|for my daughter].",
    ". [Thanks|Thank you|Many thanks]!",
)


def _facts(rng: Random, size: int) -> list[Label]:
    """What people ask about, in words that are not those of the label; neighbours are alike."""
    domain = rng.choice(domains())
    pool = list(domain.facts)
    if rng.random() < 0.5 or len(pool) < size:  # of several organisations: easier to tell apart
        pool += [fact for other in rng.sample(domains(), 6) for fact in other.facts]
    by_noun = {fact.noun: fact for fact in rng.sample(pool, len(pool))}
    it = thing(rng, domain)
    return [_asked_about(fact, it) for fact in list(by_noun.values())[:size]]


def _asked_about(fact: Fact, it: str) -> Label:
    def text(rng: Random) -> str:
        if fact.situations and rng.random() < 0.4:
            return noisy(rng, say(rng, rng.choice(fact.situations), it=it))
        mark = rng.choice(("?", "?", "", "."))
        return _typed(rng, say(rng, rng.choice(fact.asks), it=it) + mark)

    return Label(fact.noun, text)


def _intents(rng: Random, size: int) -> list[Label]:
    """Verb and object pairs that share verbs and objects, so that both have to be read."""
    verbs = rng.sample(_entries("verb"), rng.randint(2, 8))
    objects = rng.sample(_entries("object"), rng.randint(2, 8))
    pairs = [(verb, noun) for verb in verbs for noun in objects]
    return [_intent(*pair) for pair in rng.sample(pairs, min(size, len(pairs)))]


def _intent(verb: tuple[str, tuple[str, ...]], noun: tuple[str, tuple[str, ...]]) -> Label:
    def text(rng: Random) -> str:
        determiner = rng.choice(("my ", "the ", "a ", "our ", "this ", "my "))
        wish = say(
            rng,
            rng.choice(_WANTS),
            verb=rng.choice(verb[1]),
            object=determiner + rng.choice(noun[1]),
        )
        return _typed(rng, wish + say(rng, rng.choice(_TAILS)))

    return Label(f"{verb[0]} {noun[0]}", text)


@cache
def _named(kind: str) -> list[Label]:
    """Topics or feelings, told by their cue phrases."""
    return [_cued(name, cues) for name, cues in _entries(kind)]


def _cued(name: str, cues: tuple[str, ...]) -> Label:
    def text(rng: Random) -> str:
        chosen = rng.sample(cues, rng.choice((1, 1, 2)))
        return _typed(
            rng, rng.choice((", ", ". ", " and ")).join(chosen) + rng.choice(("", ".", "!"))
        )

    return Label(name, text)


@cache
def _desks() -> list[Label]:
    """The organisation a question is for, told by what is asked."""
    return [
        _cued(
            domain.name,
            tuple(say(Random(0), ask, it="it") for fact in domain.facts for ask in fact.asks),
        )
        for domain in domains()
    ]


@cache
def _entries(kind: str) -> list[tuple[str, tuple[str, ...]]]:
    """(name, wordings) of every line of ``intents.txt`` of this kind."""
    folder = resources.files("tailorbird.models.fledgling.tasks")
    text = (folder / "intents.txt").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(f"{kind} |")]
    return [(row[1], tuple(row[2].split(" / "))) for row in rows]


def _typed(rng: Random, text: str) -> str:
    """Capital or not, typos or not."""
    return noisy(rng, capital(text) if rng.random() < 0.7 else text)
