"""The organisations whose passages are read: the files of ``organisations/``, one block each, and
facts combined at random.

    @ name of domain | who writes in / another word | template for the names of what it offers
    - noun of a fact : kind of its value, or "one of: this / that / a third"
      = how a passage states it; {v} is the value, {it} the thing on offer
      ? how a person asks for it, without a final mark
      ~ how a person tells what happened and asks for it on the way; full sentences
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from tailorbird.models.fledgling.tasks.grammar import say, words
from tailorbird.models.fledgling.tasks.values import VALUES


@dataclass(frozen=True)
class Fact:
    """Something an organisation settles, such as its late fee."""

    noun: str
    """What it is called, without an article."""
    kind: str
    """Which values it takes: a key of ``values.VALUES``, or empty if it has ``choices``."""
    says: tuple[str, ...] = ()
    """Templates by which a passage states it, with ``{v}`` and perhaps ``{it}``."""
    asks: tuple[str, ...] = ()
    """Templates by which a person asks for it in other words; no final mark."""
    situations: tuple[str, ...] = ()
    """Templates by which a person tells what happened and asks for it, in full sentences."""
    choices: tuple[str, ...] = ()
    """The values of a fact that is no figure: phrases that fit all of ``says``."""

    def draw(self, rng: Random) -> str:
        """A value."""
        return rng.choice(self.choices) if self.choices else VALUES[self.kind](rng)


@dataclass(frozen=True)
class Domain:
    """A kind of organisation."""

    name: str
    people: tuple[str, ...]
    """What it calls those who write to it."""
    things: str
    """Template for the names of what it offers."""
    facts: tuple[Fact, ...]
    """In an order in which neighbours are easily confused."""


_MODIFIERS = words(
    "activation annual badge basket bicycle binding booking boat breakfast camera card catering "
    "chair charging child cleaning coach colour copying counter courier craft daily damage "
    "dinner document door early-bird electricity equipment evening family film garage garden "
    "gift glass group guest handling heating helmet holiday induction inspection installation "
    "internet key kitchen laundry lighting linen locker lunch luggage membership monthly "
    "musical-instrument night packing paint parking partner phone photo piano postage printing "
    "priority projector quarterly reading recording registration removal repair replacement "
    "room safety sauna scanning seat service shoe shuttle skate staff storage summer swimming "
    "table tea tool towel training translation umbrella uniform upgrade vehicle visitor waste "
    "water weekend welcome winter workshop"
)
_HEADS = {
    "amount": ("fee", "charge", "deposit", "price", "surcharge", "allowance", "supplement"),
    "duration": ("period", "waiting time", "limit", "time", "window"),
    "percent": ("discount", "rate", "share", "reduction"),
    "date": ("deadline", "date", "start date"),
    "code": ("form", "code", "number"),
    "person": ("manager", "contact", "officer", "assistant"),
    "phone": ("line", "hotline", "desk number"),
    "place": ("office", "desk", "point"),
    "time": ("start", "opening time", "closing time"),
    "weekday": ("day",),
}


def random_fact(rng: Random) -> Fact:
    """A fact of a noun hardly seen before ("skate deposit"): only the words can be matched."""
    kind = rng.choice(tuple(_HEADS))
    noun = f"{rng.choice(_MODIFIERS)} {rng.choice(_HEADS[kind])}"
    return Fact(noun, kind)


def thing(rng: Random, domain: Domain) -> str:
    """The name of one thing on offer, such as "Silver membership"."""
    return say(rng, domain.things)


@cache
def domains() -> tuple[Domain, ...]:
    """All blocks of all files."""
    folder = resources.files("tailorbird.models.fledgling.tasks") / "organisations"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    texts = (file.read_text(encoding="utf-8") for file in files)
    return tuple(_domain(block) for text in texts for block in f"\n{text}".split("\n@ ")[1:])


def _domain(block: str) -> Domain:
    head, *facts = block.strip().split("\n- ")
    name, people, things = head.split(" | ")
    return Domain(name, tuple(people.split(" / ")), things, tuple(map(_fact, facts)))


def _fact(block: str) -> Fact:
    head, *lines = (line.strip() for line in block.splitlines())
    noun, _, kind = head.partition(" : ")
    one, _, listed = kind.partition("one of: ")
    by_mark = {m: tuple(t[2:] for t in lines if t.startswith(m)) for m in ("= ", "? ", "~ ")}
    choices = tuple(listed.split(" / ")) if listed else ()
    return Fact(noun, one, by_mark["= "], by_mark["? "], by_mark["~ "], choices)
