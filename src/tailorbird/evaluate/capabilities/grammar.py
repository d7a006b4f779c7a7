"""Grammar: pairs of sentences that differ in one word, of which one is right."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from tailorbird.evaluate.capabilities._pairs import likelier
from tailorbird.evaluate.capabilities.base import Ground, Item

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel

Pair = tuple[str, str]
"""The right sentence, then the wrong one."""


@dataclass(frozen=True)
class Grammar:
    """Share of pairs of which the right sentence is the likelier one; chance is 50 %."""

    pairs: Annotated[int, Field(ge=8)] = 240
    """Drawn from eight kinds in turn."""
    margin: Annotated[float, Field(gt=0)] = 0.05
    unit: ClassVar[str] = "share right"
    higher_is_better: ClassVar[bool] = True
    title: ClassVar[str] = "grammar"

    def missing(self, ground: Ground) -> str | None:
        """Nothing is needed."""
        return None

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """Equal seeds draw equal pairs."""
        return likelier(lm, drawn(self.pairs, random.Random(ground.seed)))


def drawn(count: int, rng: random.Random) -> list[Pair]:
    """As many pairs, all different."""
    found: dict[Pair, None] = {}
    while len(found) < count:
        found[_KINDS[len(found) % len(_KINDS)](rng)] = None
    return list(found)


_NOUNS = (
    "doctor", "teacher", "farmer", "driver", "painter", "lawyer", "sister", "friend", "neighbour",
    "student", "cook", "singer", "guest", "writer", "nurse", "soldier",
)  # fmt: skip
_THINGS = (
    "table", "picture", "garden", "letter", "window", "chair", "bridge", "kettle", "bottle", "door",
    "book", "lamp", "coat", "clock", "wall", "ladder",
)  # fmt: skip
_VERBS = (
    "sleep", "laugh", "work", "swim", "sing", "wait", "smile", "run", "listen", "dance", "read",
    "cook",
)  # fmt: skip
_STATES = ("tired", "happy", "late", "hungry", "old", "tall", "ready", "busy", "kind", "angry")
_SEEN = ("saw", "heard", "helped", "met", "followed", "called", "paid", "thanked")
_PARTICIPLES = (
    ("broken", "broke"), ("stolen", "stole"), ("written", "wrote"), ("eaten", "ate"),
    ("hidden", "hid"), ("chosen", "chose"), ("forgotten", "forgot"), ("taken", "took"),
    ("given", "gave"), ("driven", "drove"),
)  # fmt: skip
_HERSELF = (("girl", "herself"), ("woman", "herself"), ("queen", "herself"), ("boy", "himself"),
            ("man", "himself"), ("king", "himself"))  # fmt: skip


def _verb(rng: random.Random) -> Pair:
    noun, verb, when = rng.choice(_NOUNS), rng.choice(_VERBS), rng.choice(("every day", "at night"))
    if rng.random() < 0.5:
        return f"The {noun} {verb}s {when}.", f"The {noun} {verb} {when}."
    return f"The {noun}s {verb} {when}.", f"The {noun}s {verb}s {when}."


def _verb_afar(rng: random.Random) -> Pair:
    noun, other = rng.sample(_NOUNS, 2)
    state, place = rng.choice(_STATES), rng.choice(("near", "behind", "with", "beside"))
    if rng.random() < 0.5:
        start = f"The {noun} {place} the {other}s"
        return f"{start} is {state}.", f"{start} are {state}."
    start = f"The {noun}s {place} the {other}"
    return f"{start} are {state}.", f"{start} is {state}."


def _determiner(rng: random.Random) -> Pair:
    noun, seen, thing = (
        rng.choice(_NOUNS),
        rng.choice(("liked", "sold", "found")),
        rng.choice(_THINGS),
    )
    word = rng.choice((("this", "these"), ("that", "those")))
    if rng.random() < 0.5:
        return f"The {noun} {seen} {word[0]} {thing}.", f"The {noun} {seen} {word[1]} {thing}."
    return f"The {noun} {seen} {word[1]} {thing}s.", f"The {noun} {seen} {word[0]} {thing}s."


def _reflexive(rng: random.Random) -> Pair:
    noun, right = rng.choice(_HERSELF)
    wrong = "himself" if right == "herself" else "herself"
    said = rng.choice(("hurt", "saw", "blamed", "washed", "praised", "hid", "taught", "asked"))
    end = rng.choice(("", " again", " yesterday", " in the mirror"))
    return f"The {noun} {said} {right}{end}.", f"The {noun} {said} {wrong}{end}."


def _participle(rng: random.Random) -> Pair:
    right, wrong = rng.choice(_PARTICIPLES)
    noun, start = rng.choice(_THINGS), rng.choice(("was", "had been", "has been"))
    return f"The {noun} {start} {right}.", f"The {noun} {start} {wrong}."


def _ever(rng: random.Random) -> Pair:
    seen, noun = rng.choice(("met", "seen", "helped", "paid", "followed")), rng.choice(_NOUNS)
    return f"Nobody has ever {seen} the {noun}.", f"Everybody has ever {seen} the {noun}."


def _modal(rng: random.Random) -> Pair:
    noun, verb = rng.choice(_NOUNS), rng.choice(_VERBS)
    word = rng.choice(("can", "must", "will", "should"))
    return f"The {noun} {word} {verb}.", f"The {noun} {word} {verb}s."


def _case(rng: random.Random) -> Pair:
    noun, seen = rng.choice(_NOUNS), rng.choice(_SEEN)
    right, wrong = rng.choice((("them", "they"), ("him", "he"), ("us", "we"), ("me", "I")))
    return f"The {noun} {seen} {right}.", f"The {noun} {seen} {wrong}."


_KINDS: tuple[Callable[[random.Random], Pair], ...] = (
    _verb, _verb_afar, _determiner, _reflexive, _participle, _ever, _modal, _case,
)  # fmt: skip

CAPABILITY = Grammar
