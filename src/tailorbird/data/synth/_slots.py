"""Templates found among rows: texts of one label that are equal but for a word or two.

What stands in the gap is a slot's values. Slots that share values are taken to mean the same kind
of thing, so that the values of one fill the other: what occurs in the same places is alike (Harris
1954, Distributional Structure).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tailorbird.evaluate.hallucination._sentences import content

GAP = "\0"
_LONGEST_GAP = 2
"""Words."""
_LONGEST_TEXT = 30
"""Words; rows of more are not compared."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A text with a gap, and what stands in it in other rows of its label."""

    words: tuple[str, ...]
    """With `GAP` once."""
    label: str
    values: frozenset[str]
    seeds: tuple[str, ...]
    """The ids of the rows that it was found in."""

    def filled(self, value: str) -> str:
        """The text."""
        return " ".join(value if w == GAP else w for w in self.words)


def derive(rows: Sequence[tuple[str, str, str]]) -> list[Derived]:
    """The templates of (id, text, label), each found in at least two rows, in order."""
    found: dict[tuple[tuple[str, ...], str], dict[str, str]] = defaultdict(dict)
    labels: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for id, text, label in rows:
        for mask, value in _masks(text.split()):
            found[mask, label].setdefault(value, id)
            labels[mask].add(label)
    return [
        Derived(mask, label, frozenset(values), tuple(dict.fromkeys(values.values())))
        for (mask, label), values in found.items()
        # A gap that decides between labels is no slot.
        if len(values) > 1 and len(labels[mask]) == 1
    ]


def new_values(templates: Sequence[Derived], shared: int) -> list[tuple[str, ...]]:
    """For each template, sorted: the values of slots of which it shares at least `shared`."""
    holders: dict[str, list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        for value in template.values:
            holders[value].append(number)
    out = []
    for template in templates:
        common: dict[int, int] = defaultdict(int)
        for value in template.values:
            for other in holders[value]:
                common[other] += 1
        like = (templates[i].values for i, n in common.items() if n >= shared)
        out.append(tuple(sorted(frozenset[str]().union(*like) - template.values)))
    return out


def _masks(words: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each run of one or two words that mean something, taken out of a text."""
    if len(words) > _LONGEST_TEXT:
        return
    for length in range(1, _LONGEST_GAP + 1):
        for start in range(len(words) - length + 1):
            rest = (*words[:start], GAP, *words[start + length :])
            value = " ".join(words[start : start + length])
            if len(rest) > 2 and content(value):
                yield rest, value
