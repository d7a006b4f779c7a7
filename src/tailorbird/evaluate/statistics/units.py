"""Marked values by unit of independence: the group, or the item itself where it has none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Sequence[float | None]
"""None: could not be marked."""
Groups = Sequence[str | None]

LEVEL = 0.95
"""Of an interval, where no other is asked for."""


@dataclass(frozen=True)
class Units:
    """Marked values, summed within units."""

    values: Floats
    """float[items]"""
    sums: Floats
    """float[units]"""
    sizes: Floats
    """float[units]"""

    @property
    def mean(self) -> float:
        """Of all items."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def variance(self) -> float:
        """Of the mean, robust to dependence within units (linearised ratio estimator)."""
        count = len(self.sums)
        residuals = self.sums - self.mean * self.sizes
        return float((residuals**2).sum() * count / (count - 1) / self.sizes.sum() ** 2)

    @property
    def single(self) -> bool:
        """Whether every item is a unit of its own."""
        return len(self.sums) == len(self.values)

    @property
    def design_effect(self) -> float:
        """Variance of the mean over that of as many independent items; at least 1."""
        if self.single or len(self.sums) == 1:
            return 1.0
        independent = float(self.values.var(ddof=1)) / len(self.values)
        return max(1.0, self.variance / independent) if independent > 0 else 1.0

    def holds_only(self, *allowed: float) -> bool:
        """Whether there are no other values."""
        return bool(np.isin(self.values, allowed).all())


def units_of(values: Values, groups: Groups) -> Units | None:
    """The marked values by unit, or None when nothing could be marked.

    Raises `ValueError` where a value is not finite, or there is not one group per value.
    """
    index: dict[str | int, int] = {}
    marked: list[float] = []
    unit: list[int] = []
    for i, (value, group) in enumerate(zip(values, groups, strict=True)):
        if value is not None:
            marked.append(value)
            unit.append(index.setdefault(i if group is None else group, len(index)))
    if not marked:
        return None
    array = np.asarray(marked, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a value is not finite; what could not be marked is None")
    sums, sizes = np.bincount(unit, array), np.bincount(unit)
    return Units(array, sums.astype(np.float64), sizes.astype(np.float64))


def differences(a: Values, b: Values) -> list[float | None]:
    """b minus a, item by item; None where one of the two could not be marked."""
    return [None if x is None or y is None else y - x for x, y in zip(a, b, strict=True)]
