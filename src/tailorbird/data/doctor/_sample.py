"""Samples that are drawn while rows pass, for checks that cannot keep or read every row."""

import random
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
CLIP = 300
"""Characters of a sample's text."""


def clipped(text: str, most: int = CLIP) -> str:
    """The text, and how much of it is not shown."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most:,} more)"


class Reservoir(Generic[T]):
    """At most `size` of the items that pass, each with the same chance, in the order they came.

    Algorithm R (Vitter 1985, ACM TOMS 11:37): how many will pass need not be known.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seen = 0
        self._kept: list[tuple[int, T]] = []
        self._rng = random.Random(seed)

    def place(self) -> int | None:
        """Count the next item: where it would be kept, or None; what is not kept is not made."""
        self.seen += 1
        if self.seen <= self.size:
            return self.seen - 1
        place = self._rng.randrange(self.seen)
        return place if place < self.size else None

    def put(self, place: int, item: T) -> None:
        """Keep an item at the place that `place` gave."""
        entry = (self.seen, item)
        if place == len(self._kept):
            self._kept.append(entry)
        else:
            self._kept[place] = entry

    def __iter__(self) -> Iterator[T]:
        return (item for _, item in sorted(self._kept, key=lambda entry: entry[0]))

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def whole(self) -> bool:
        """Whether every item was kept."""
        return self.seen == len(self._kept)


class Share:
    """Takes each row with a chance such that about `most` of `total` are taken."""

    def __init__(self, most: int, total: int, seed: int) -> None:
        self.rate = min(1.0, most / max(1, total))
        self._rng = random.Random(seed)

    def takes(self) -> bool:
        """Whether the next row is taken."""
        return self.rate >= 1 or self._rng.random() < self.rate
