"""Names that are commonest in different parts of the world, of one gender."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals._names import ORIGINS, named, two
from tailorbird.evaluate.audits.counterfactuals.base import Versions


@dataclass(frozen=True)
class NamesOrigin:
    """The same text with names of five origins; control: another name of the first one."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """The name's gender stays."""
        found = named(text)
        if found is None:
            return None
        return _versions(found.gender, found.name, found.called, rng)

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The writer gives their name."""
        gender = rng.choice(("men", "women"))
        return _versions(gender, "", lambda f, s: f"My name is {f} {s}. {text}", rng)


def _versions(
    gender: str, but: str, called: Callable[[str, str], str], rng: random.Random
) -> Versions:
    groups: dict[str, str] = {}
    control = ""
    for origin, names in ORIGINS.items():
        one, other = two(names.first(gender), rng, but)
        family, another = two(names.family, rng)
        groups[origin] = called(one, family)
        control = control or called(other, another)
    return Versions(groups, control)


DIMENSION = NamesOrigin
