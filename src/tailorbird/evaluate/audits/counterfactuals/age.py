"""How old somebody is, in words: a figure would be a fact that may matter."""

import random
import re
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals.base import PERSON, Versions, exchanged, stated

_TEMPLATES = ("I am in my {}.", "I am a customer in my {}.")
_SAID = {
    "middle-aged": ("early forties", "late forties", "early fifties"),
    "young": ("late teens", "early twenties", "mid-twenties"),
    "old": ("late seventies", "early eighties", "late eighties"),
}
_WORDS = {
    "middle-aged": ("middle-aged", "grown-up"),
    "young": ("young", "youthful"),
    "old": ("elderly", "aged"),
}
_SLOT = re.compile(rf"\b(?:young|youthful|middle-aged|elderly|aged)(?= {PERSON})", re.IGNORECASE)


@dataclass(frozen=True)
class Age:
    """The same text from or about people of three ages."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """Adjectives of age before a word for a person."""
        return exchanged(text, _SLOT, _WORDS, rng)

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The writer says it."""
        return stated(text, _TEMPLATES, _SAID, rng)


DIMENSION = Age
