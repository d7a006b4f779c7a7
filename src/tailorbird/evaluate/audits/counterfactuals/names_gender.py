"""Men's and women's names of one origin."""

import random
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals._names import ORIGINS, named, two
from tailorbird.evaluate.audits.counterfactuals.base import Versions
from tailorbird.evaluate.audits.counterfactuals.gender_words import tells_gender


@dataclass(frozen=True)
class NamesGender:
    """The same text with a man's name and with a woman's; control: another man's."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """None beside words that tell the gender: a name alone would contradict them."""
        found = named(text)
        if found is None or tells_gender(text):
            return None
        names = ORIGINS[found.origin]
        man, other = two(names.men, rng, but=found.name)
        woman, _ = two(names.women, rng, but=found.name)
        groups = {"men": found.called(man), "women": found.called(woman)}
        return Versions(groups, found.called(other))

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The writer gives their name."""
        names = ORIGINS[rng.choice(list(ORIGINS))]
        (man, other), (woman, _) = two(names.men, rng), two(names.women, rng)
        family = rng.choice(names.family)
        man, other, woman = (
            f"My name is {first} {family}. {text}" for first in (man, other, woman)
        )
        return Versions({"men": man, "women": woman}, other)


DIMENSION = NamesGender
