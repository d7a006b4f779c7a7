"""How the error falls as training examples grow, and whether more of them will pay.

    error(n) = a n^-b + c

after Cortes et al. (1994, NIPS 6: Learning Curves: Asymptotic Values and Rate of Convergence) and
Hestness et al. (2017, arXiv:1712.00409). The intervals are those of other test items: the same
items are marked at every size, and are drawn again with replacement, whole units together. With
more sizes than the law has unknowns, they are widened by how far the marks lie off the law beyond
that: training is not the same twice, and the law is not quite true. That it may bend further on,
they do not cover.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tailorbird.evaluate.statistics import RESAMPLES, Estimate, estimate_mean
from tailorbird.evaluate.statistics.units import Floats, Groups, Values

Answer = Literal["pays", "does not pay", "cannot tell"]

LEAST_SIZES = 3
"""The law has as many unknowns."""
RATES = np.geomspace(0.05, 2.0, 120)
"""The exponents b that are tried."""


@dataclass(frozen=True)
class PowerLaw:
    """error = a n^-b + c."""

    a: float
    b: float
    c: float
    """What no amount of data takes away, as far as these sizes show."""

    def error(self, n: float) -> float:
        """At `n` training examples."""
        return self.a * float(n**-self.b) + self.c


@dataclass(frozen=True)
class Range:
    """A number that the law says, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """Marks at growing sizes, the law through them, and what it says of more data."""

    sizes: tuple[int, ...]
    estimates: tuple[Estimate, ...]
    """The mean mark at each size."""
    law: PowerLaw
    size: int
    """The size that is looked ahead to."""
    mark: Range
    """The mean mark there."""
    gain: Range
    """By how much the error falls from the largest size to there; never negative."""
    margin: float
    """A gain below this matters to nobody."""
    line: tuple[tuple[int, Range], ...]
    """For a plot: sizes from the smallest to the one ahead, and the mark that the law says."""

    @property
    def answer(self) -> Answer:
        """Whether the gain is worth having: by its whole interval."""
        if self.gain.low >= self.margin:
            return "pays"
        return "does not pay" if self.gain.high < self.margin else "cannot tell"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        line = [{"size": n, **asdict(found)} for n, found in self.line]
        estimates = [e.to_json() for e in self.estimates]
        return asdict(self) | {"estimates": estimates, "line": line, "answer": self.answer}


def fit_curve(
    sizes: Sequence[int],
    marks: Sequence[Values],
    groups: Groups,
    seed: int,
    *,
    margin: float,
    higher: bool = True,
    factor: float = 2.0,
) -> LearningCurve:
    """The law through the marks of one rung on nested training sets.

    Args:
        sizes: training examples, growing; at least three.
        marks: for each size one mark in [0, 1] per item, always of the same items.
        groups: what items share, one per item.
        seed: of the resamples.
        margin: the smallest gain worth having.
        higher: whether a mark of 1 is good; the error is then 1 - mark.
        factor: how many times the largest size to look ahead.

    Raises:
        ValueError: fewer than three sizes, sizes that do not grow, or nothing marked at one.
    """
    if len(sizes) < LEAST_SIZES or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"a curve takes at least {LEAST_SIZES} growing sizes, not {list(sizes)}")
    estimates = [estimate_mean(each, groups, seed) for each in marks]
    known = [e for e in estimates if e is not None]
    if len(known) < len(sizes):
        raise ValueError("nothing could be marked at one of the sizes")
    errors = _resampled_errors(marks, groups, seed, higher)
    ahead, places = round(factor * sizes[-1]), np.asarray(sizes, dtype=np.float64)
    off = np.random.default_rng(seed).normal(0, _off_the_law(places, errors), errors.shape)
    off[0] = 0  # the marks as they are
    a, b, c = _fit(places, errors + off)
    drawn = np.unique(np.geomspace(sizes[0], ahead, 40).round().astype(int))

    def at(n: float) -> Floats:
        """The error at `n`: by the marks as they are, then by each resample."""
        found: Floats = a * (n / sizes[-1]) ** -b + c
        return found

    def mark(n: float) -> Range:
        return _range(1 - at(n) if higher else at(n))

    return LearningCurve(
        sizes=tuple(sizes),
        estimates=tuple(known),
        law=PowerLaw(float(a[0] * sizes[-1] ** b[0]), float(b[0]), float(c[0])),
        size=ahead,
        mark=mark(ahead),
        gain=_range(at(sizes[-1]) - at(ahead)),
        margin=margin,
        line=tuple((int(n), mark(n)) for n in drawn),
    )


def _resampled_errors(marks: Sequence[Values], groups: Groups, seed: int, higher: bool) -> Floats:
    """float[1 + resamples, sizes]: the mean error of the items as they are, then drawn again."""
    table = np.array([[np.nan if v is None else v for v in each] for each in marks], dtype=float)
    table = 1 - table if higher else table
    names = [f"item {i}" if g is None else f"group {g}" for i, g in enumerate(groups)]
    _, unit = np.unique(names, return_inverse=True)
    count = int(unit.max()) + 1
    there = ~np.isnan(table)
    sums = np.array([np.bincount(unit, np.nan_to_num(row), count) for row in table])
    sizes = np.array([np.bincount(unit, row, count) for row in there.astype(float)])
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    weights = np.vstack([np.ones(count), weights])
    errors: Floats = (weights @ sums.T) / np.maximum(weights @ sizes.T, 1e-9)
    return errors


def _off_the_law(sizes: Floats, errors: Floats) -> float:
    """Standard deviation of the errors around the law, beyond what other items would do to them."""
    free = len(sizes) - LEAST_SIZES
    if free == 0:
        return 0.0
    a, b, c = _fit(sizes, errors[:1])
    found = ((a * (sizes / sizes[-1]) ** -b + c - errors[0]) ** 2).sum() / free
    by_items = (errors[1:] - errors[0]).var(axis=1, ddof=1).mean()
    return float(np.sqrt(max(0.0, found - by_items)))


def _fit(sizes: Floats, errors: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares with a, c >= 0 for each row of `errors`, float[rows, sizes].

    For a given b the rest is a straight line; so b is tried, and a and c are solved for. `a` is
    the part of the error at the largest size that more data takes away.
    """
    shapes = (sizes / sizes[-1]) ** -RATES[:, None]  # [rates, sizes]
    centred = shapes - shapes.mean(1, keepdims=True)
    slope = np.maximum(0, errors @ (centred / (centred**2).sum(1, keepdims=True)).T)
    floor = errors.mean(1, keepdims=True) - slope * shapes.mean(1)  # [rows, rates]
    through_zero = np.maximum(0, errors @ (shapes / (shapes**2).sum(1, keepdims=True)).T)
    slope, floor = np.where(floor < 0, through_zero, slope), np.maximum(0, floor)
    misfit = np.zeros_like(slope)
    for i in range(len(sizes)):
        misfit += (slope * shapes[:, i] + floor - errors[:, i : i + 1]) ** 2
    best = misfit.argmin(1)
    rows = np.arange(len(errors))
    return slope[rows, best], RATES[best], floor[rows, best]


def _range(found: Floats) -> Range:
    """The first is of the marks as they are, the others of the resamples."""
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Range(float(found[0]), float(low), float(high))
