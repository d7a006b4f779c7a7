"""How far a judge and people agree, and which way the judge leans.

Cohen's kappa (1960) is agreement beyond chance: 0 where judge and people share no more than their
habits, 1 where they always agree. With more than two grades it is weighted by the square of the
distance (Cohen 1968). Intervals are 95 %, bootstrapped over units.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tailorbird.evaluate.statistics import (
    LEVEL,
    RESAMPLES,
    Estimate,
    design_effect,
    estimate_mean,
)

Grades = Sequence[int | None]
Groups = Sequence[str | None]


@dataclass(frozen=True)
class Agreement:
    """A judge against people, on answers that both graded."""

    kappa: Estimate | None
    """None where nothing was read, or all answers got one grade alone."""
    agree: Estimate
    """Share of answers with equal grades; what the judge did not grade counts as unequal."""
    confusion: tuple[tuple[int, ...], ...]
    """[people's grade][judge's grade], worst to best."""
    not_read: int
    """Answers of the judge that held no verdict."""
    sensitivity: Estimate | None = None
    """Two grades: of what people call good, the share that the judge does."""
    specificity: Estimate | None = None
    """Two grades: of what people call bad, the share that the judge does."""
    bias: Estimate | None = None
    """Mean of the judge's mark less people's, both in [0, 1]."""
    effective: tuple[float, float] = (0.0, 0.0)
    """Independent answers behind sensitivity and specificity."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {
            name: part and part.to_json() for name in _ESTIMATES for part in (getattr(self, name),)
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """What `to_json` wrote."""
        parts = {n: data[n] and Estimate.from_json(data[n]) for n in _ESTIMATES}
        tuples = {
            "confusion": tuple(tuple(row) for row in data["confusion"]),
            "effective": tuple(data["effective"]),
        }
        return cls(**{**data, **parts, **tuples})


_ESTIMATES = ("kappa", "agree", "sensitivity", "specificity", "bias")


def agreement(
    people: Sequence[int], judge: Grades, count: int, groups: Groups, seed: int
) -> Agreement:
    """Of `judge` with `people` on the same answers.

    Args:
        people: grades as places from 0, worst, to `count` - 1, best.
        judge: the same; None was not read.
        count: of grades.
        groups: what answers share when they are not independent.
        seed: of the bootstrap.
    """
    read = [i for i, j in enumerate(judge) if j is not None]
    equal = [float(p == j) for p, j in zip(people, judge, strict=True)]
    agree = estimate_mean(equal, groups, seed)
    if agree is None:
        raise ValueError("agreement needs at least one answer")
    pairs = [(people[i], judge[i]) for i in read]
    confusion = np.zeros((count, count), dtype=int)
    for p, j in pairs:
        confusion[p, j] += 1
    errors = [(j - p) / (count - 1) for p, j in pairs if j is not None]
    rates = [_rate(people, judge, groups, grade, seed) for grade in (1, 0)] if count == 2 else []
    return Agreement(
        kappa=kappa(pairs, count, [groups[i] for i in read], seed),
        agree=agree,
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        not_read=len(judge) - len(read),
        sensitivity=rates[0][0] if rates else None,
        specificity=rates[1][0] if rates else None,
        bias=estimate_mean(errors, [groups[i] for i in read], seed, bounded=False),
        effective=(rates[0][1], rates[1][1]) if rates else (0.0, 0.0),
    )


def _rate(
    people: Sequence[int], judge: Grades, groups: Groups, grade: int, seed: int
) -> tuple[Estimate | None, float]:
    """Of the answers that people gave `grade`, the share that the judge did; effective number."""
    kept = [
        (float(j == grade), g)
        for p, j, g in zip(people, judge, groups, strict=True)
        if p == grade and j is not None
    ]
    marks, units = [m for m, _ in kept], [g for _, g in kept]
    found = estimate_mean(marks, units, seed)
    return found, len(kept) / design_effect(marks, units)


def kappa(
    pairs: Sequence[tuple[int, int | None]], count: int, groups: Groups, seed: int
) -> Estimate | None:
    """Cohen's kappa of (people's grade, judge's grade); None where it has no value."""
    index: dict[str | int, int] = {}
    tables: dict[int, NDArray[np.float64]] = {}
    for i, ((p, j), group) in enumerate(zip(pairs, groups, strict=True)):
        unit = index.setdefault(i if group is None else group, len(index))
        tables.setdefault(unit, np.zeros((count, count)))[p, j] += 1
    if not tables:
        return None
    stacked = np.stack([tables[u] for u in range(len(tables))])
    value = float(_kappa(stacked.sum(axis=0)))
    if not np.isfinite(value):
        return None
    n = len(stacked)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    values = _kappa(np.tensordot(drawn, stacked, axes=1))
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), len(pairs), n, "bootstrap over units")


def _kappa(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of confusion counts float[..., k, k]; NaN where all of them lie in one cell."""
    k = tables.shape[-1]
    distance = (np.arange(k)[:, None] - np.arange(k)) ** 2  # of two grades: equal or not
    total = tables.sum(axis=(-1, -2))
    expected = tables.sum(axis=-1)[..., :, None] * tables.sum(axis=-2)[..., None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = (distance * expected).sum(axis=(-1, -2)) / total
        found: NDArray[np.float64] = 1 - (distance * tables).sum(axis=(-1, -2)) / chance
    return np.where(chance > 0, found, np.nan)


def lean(
    errors: Sequence[float | None], flags: Sequence[bool], groups: Groups, seed: int
) -> Estimate | None:
    """How much more the judge gives than people where `flags` hold than elsewhere.

    Args:
        errors: the judge's mark less people's.
        flags: the answers that it may favour: long ones, its own.
        groups: what answers share when they are not independent.
        seed: of the bootstrap.

    None where one of the two kinds is missing.
    """
    index: dict[str | int, int] = {}
    rows = [
        (index.setdefault(i if g is None else g, len(index)), e, f)
        for i, (e, f, g) in enumerate(zip(errors, flags, groups, strict=True))
        if e is not None
    ]
    n = len(index)
    if len({f for _, _, f in rows}) < 2:
        return None
    unit = np.array([u for u, _, _ in rows])
    error = np.array([e for _, e, _ in rows])
    flag = np.array([f for _, _, f in rows], dtype=float)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    drawn = np.vstack([np.ones(n, dtype=drawn.dtype), drawn])
    means = []
    for chosen in (flag, 1 - flag):
        sums = np.bincount(unit, error * chosen, minlength=n)
        counts = np.bincount(unit, chosen, minlength=n)
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((drawn @ sums) / (drawn @ counts))
    differences = means[0] - means[1]
    resampled = differences[1:][np.isfinite(differences[1:])]
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = float(differences[0])
    return Estimate(value, float(low), float(high), len(rows), n, "bootstrap over units")
