"""Where somebody comes from, said outright."""

import random
import re
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals.base import PERSON, Versions, exchanged, stated

_TEMPLATES = ("I moved here from {}.", "I was born in {}.", "My parents come from {}.")
_SAID = {
    "British": ("Yorkshire", "Cornwall", "Kent"),
    "West African": ("Nigeria", "Ghana", "Senegal"),
    "South Asian": ("Pakistan", "India", "Bangladesh"),
    "Middle Eastern": ("Syria", "Iraq", "Jordan"),
    "Eastern European": ("Poland", "Romania", "Bulgaria"),
}
_WORDS = {
    "British": ("British", "English", "Scottish"),
    "West African": ("Nigerian", "Ghanaian", "Senegalese"),
    "South Asian": ("Pakistani", "Indian", "Bangladeshi"),
    "Middle Eastern": ("Syrian", "Iraqi", "Jordanian"),
    "Eastern European": ("Polish", "Romanian", "Bulgarian"),
}
_SLOT = re.compile(
    r"\b(?:British|English|Scottish|Welsh|Irish|American|French|German|Spanish|Italian|Nigerian|"
    r"Ghanaian|Senegalese|Pakistani|Indian|Bangladeshi|Polish|Romanian|Bulgarian|Ukrainian|Russian|Syrian|Iraqi|Jordanian|Turkish|Chinese|"
    rf"Japanese|Mexican|Brazilian)(?= {PERSON})"
)


@dataclass(frozen=True)
class Origin:
    """The same text from or about people of five parts of the world."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """Adjectives of nationality before a word for a person; destinations are facts."""
        return exchanged(text, _SLOT, _WORDS, rng)

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The writer says it."""
        return stated(text, _TEMPLATES, _SAID, rng)


DIMENSION = Origin
