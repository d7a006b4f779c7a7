"""The organisations whose passages are read: ``domains.txt``, and facts combined at random."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from tailorbird.models.fledgling.tasks.grammar import say, words


@dataclass(frozen=True)
class Fact:
    """Something an organisation settles, such as its late fee."""

    noun: str
    """What it is called, without an article."""
    kind: str
    """Which values it takes: a key of ``values.VALUES``."""
    says: tuple[str, ...] = ()
    """Templates by which a passage states it, with ``{v}`` and perhaps ``{it}``."""
    asks: tuple[str, ...] = ()
    """Templates by which a person asks for it in other words; no final mark."""


@dataclass(frozen=True)
class Domain:
    """A kind of organisation."""

    name: str
    people: tuple[str, ...]
    """What it calls those who write to it."""
    things: str
    """Template for the names of what it offers."""
    facts: tuple[Fact, ...]


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
    """All blocks of ``domains.txt``."""
    folder = resources.files("tailorbird.models.fledgling.tasks")
    text = (folder / "domains.txt").read_text(encoding="utf-8")
    return tuple(_domain(block) for block in text.split("\n@ ")[1:])


def _domain(block: str) -> Domain:
    head, *facts = block.strip().split("\n- ")
    name, people, things = head.split(" | ")
    return Domain(name, tuple(people.split(" / ")), things, tuple(map(_fact, facts)))


def _fact(block: str) -> Fact:
    head, *lines = (line.strip() for line in block.splitlines())
    noun, kind = head.split(" : ")
    says = tuple(line[2:] for line in lines if line.startswith("= "))
    asks = tuple(line[2:] for line in lines if line.startswith("? "))
    return Fact(noun, kind, says, asks)
