"""How far annotators agree beyond chance, for labels without an order.

Krippendorff's alpha (2004, Content Analysis, ch. 11) for any number of annotators and missing
labels, Cohen's kappa (1960) for two. Both are 1 where all agree and 0 where they agree no more than
their habits make them. Intervals are 95 %, bootstrapped over items (Zapf et al. 2016, BMC Med. Res.
Methodol. 16:93). `evaluate/judges/agreement.py` has the kappa of grades, which have an order.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tailorbird.evaluate.statistics import LEVEL, RESAMPLES, Estimate, estimate_mean

Floats = NDArray[np.float64]
Disagreement = Callable[[Floats], tuple[Floats, Floats]]
"""How often each item is drawn, float[R, items] -> the shares of labels that differ in each
resample, as seen and as expected by chance, float[R] each."""
_BLOCK = 200
"""Resamples that are held at once."""


def alpha(labels: Sequence[Sequence[str]], seed: int = 0) -> Estimate | None:
    """Krippendorff's alpha; `labels`: those of one item each.

    Items with one label tell nothing and are left out. None where no item has two, or all labels
    are one: then nobody could have disagreed.
    """
    several = [each for each in labels if len(each) > 1]
    names = {name: i for i, name in enumerate(sorted({x for each in several for x in each}))}
    counts = np.zeros((len(several), len(names)))
    for row, each in enumerate(several):
        for name in each:
            counts[row, names[name]] += 1
    sizes = counts.sum(axis=1)
    # Pairs of unequal labels of an item, each label weighed by its item's number of others.
    unequal = (sizes**2 - (counts**2).sum(axis=1)) / np.maximum(sizes - 1, 1)

    def of(weights: Floats) -> tuple[Floats, Floats]:
        total = weights @ sizes
        chance = (total**2 - ((weights @ counts) ** 2).sum(axis=1)) / (total - 1)
        return (weights @ unequal) / total, chance / total

    return _estimate(of, len(several), int(sizes.sum()), seed)


def kappa(pairs: Sequence[tuple[str, str]], seed: int = 0) -> Estimate | None:
    """Cohen's kappa of two annotators; `pairs`: their labels of one item each.

    None where there are none, or chance alone makes them agree always.
    """
    names = {name: i for i, name in enumerate(sorted({x for pair in pairs for x in pair}))}
    one = np.zeros((len(pairs), len(names)))
    other = np.zeros_like(one)
    for row, (a, b) in enumerate(pairs):
        one[row, names[a]] = other[row, names[b]] = 1
    unequal = np.array([float(a != b) for a, b in pairs])

    def of(weights: Floats) -> tuple[Floats, Floats]:
        total = weights.sum(axis=1)
        equal = ((weights @ one) * (weights @ other)).sum(axis=1) / total**2
        return (weights @ unequal) / total, 1 - equal

    return _estimate(of, len(pairs), len(pairs), seed)


def _beyond_chance(seen: Floats, chance: Floats) -> Floats:
    """1 less seen over expected; NaN where nobody could have disagreed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = 1 - seen / chance
    return np.where(chance > 1e-9, found, np.nan)


def _estimate(of: Disagreement, items: int, n: int, seed: int) -> Estimate | None:
    """The value, and its interval over items drawn again with replacement."""
    if items == 0:
        return None
    seen, chance = of(np.ones((1, items)))
    value = float(_beyond_chance(seen, chance)[0])
    if not np.isfinite(value):
        return None
    if items == 1:
        return Estimate(value, -math.inf, 1.0, n, items, "one item: no interval")
    if seen[0] == 0:  # every resample is as perfect, and yet the next item need not be
        none = estimate_mean([0.0] * items, [None] * items, seed)
        assert none is not None
        return Estimate(value, 1 - none.high / float(chance[0]), 1.0, n, items, "Wilson")
    rng, shares = np.random.default_rng(seed), np.full(items, 1 / items)
    drawn = (
        _beyond_chance(*of(rng.multinomial(items, shares, _BLOCK).astype(np.float64)))
        for _ in range(RESAMPLES // _BLOCK)
    )
    values = np.concatenate(list(drawn))
    low, high = np.quantile(values[np.isfinite(values)], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n, items, "bootstrap over items")
