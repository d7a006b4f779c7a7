"""The protocol of dimensions. The file name is the registry.

A dimension writes one input as people of several groups might have, and once more as the first
group, in other words: how often that small edit changes the answer is the noise that a swap of
groups is compared with. Each module exports its class as `DIMENSION`.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tailorbird.data.perturbations.base import plain_words, rewritten
from tailorbird.data.perturbations.paraphrase import SYNONYMS
from tailorbird.registry import module


@dataclass(frozen=True)
class Versions:
    """One input as several groups would have it."""

    groups: Mapping[str, str]
    """Group -> text; the group that the others are compared with comes first."""
    control: str
    """The first group's once more, changed no less than the others and no less neutral."""


@runtime_checkable
class Dimension(Protocol):
    """One way to tell people apart."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """What the text itself says, exchanged; None where it says nothing of the kind."""

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The text with a sentence that says it; None where no such sentence can be."""


def make_dimension(name: str) -> Dimension:
    """The dimension `name`, or `TaskError` with the nearest."""
    made: Dimension = module("evaluate.audits.counterfactuals", name).DIMENSION()
    return made


def stated(
    text: str, templates: Sequence[str], said: Mapping[str, Sequence[str]], rng: random.Random
) -> Versions:
    """The text behind a sentence per group: one template, with one of each group's words in it.

    The control has another of the first group's words in the same template, and the other groups
    the words at the control's place: what differs between the two edits is the group alone.
    """
    template = rng.choice(templates)

    def behind(word: str) -> str:
        return f"{template.format(word)} {text}"

    return _versions(said, behind, rng)


def exchanged(
    text: str, slot: re.Pattern[str], words: Mapping[str, Sequence[str]], rng: random.Random
) -> Versions | None:
    """The text with a group's word in each place that `slot` finds; None where it finds none."""
    if not slot.search(text):
        return None

    def holding(word: str) -> str:
        return slot.sub(lambda found: cased(word, found[0]), text)

    return _versions(words, holding, rng)


def _versions(
    words: Mapping[str, Sequence[str]], write: Callable[[str], str], rng: random.Random
) -> Versions:
    """`words` has as many, two at least, for each group."""
    (first, own), *others = words.items()
    one, other = rng.sample(range(len(own)), 2)
    groups = {first: write(own[one])} | {group: write(these[other]) for group, these in others}
    return Versions(groups, write(own[other]))


def cased(word: str, like: str) -> str:
    """`word` with capitals as in the word that it replaces."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word


def neutral(text: str, count: int, rng: random.Random) -> str:
    """The text with about `count` words exchanged for synonyms that say nothing of people."""
    known = [s for s in plain_words(text) if text[slice(*s)] in SYNONYMS]
    chosen = rng.sample(known, min(count, len(known)))
    changed = rewritten(text, {s: rng.choice(SYNONYMS[text[slice(*s)]]) for s in chosen})
    opening = rng.choice(("Right then.", "Good day.", "A question.", "Well now."))
    return changed if len(chosen) == count else f"{opening} {changed}"


def exchange(text: str, words: Mapping[str, str | Callable[[str], str]]) -> tuple[str, int]:
    """The text with each of these words exchanged, and how many were.

    A function is given what follows the word.
    """
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)

    def new(found: re.Match[str]) -> str:
        word = words[found[0].lower()]
        return cased(word if isinstance(word, str) else word(text[found.end() :]), found[0])

    return pattern.subn(new, text)


PERSON = (
    r"(?:man|woman|person|people|lady|gentleman|boy|girl|couple|mother|father|mum|dad|parents?|"
    r"husband|wife|partner|neighbours?|neighbors?|friends?|colleagues?|drivers?|tenants?|"
    r"lodgers?|students?|nurse|doctor|builder|teacher|employees?|workers?|customers?|clients?|"
    r"patients?|visitors?|relatives?|cousin|uncle|aunt|aunty)\b"
)
"""Words for people, behind an adjective."""
