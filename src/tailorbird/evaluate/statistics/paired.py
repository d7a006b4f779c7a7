"""Two rungs on the same items: how they differ, and what that allows to be said."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from tailorbird.evaluate.statistics.bootstrap import expanded_percentile
from tailorbird.evaluate.statistics.estimate import finite, with_ends
from tailorbird.evaluate.statistics.units import (
    LEVEL,
    Floats,
    Groups,
    Units,
    Values,
    differences,
    units_of,
)

DRAWS = 10_000
"""Sign flips, or resamples, of a test."""
EXACT_UNITS = 12
"""Up to this many units, all 2^units sign flips are enumerated."""
_BLOCKS = 10
"""To keep 10,000 x thousands of units out of memory."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rungs on the same items: b minus a."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    units: int
    unmarked: int
    """Items that one of the two could not be marked on."""
    wins: int
    """Items on which b is above a."""
    losses: int
    """Items on which b is below a."""
    discordance: float
    """Mean squared difference: for 0/1 marks, the share of items on which the two differ."""
    design_effect: float
    """How many times the variance exceeds that of as many independent items; at least 1."""
    method: str
    level: float = LEVEL
    """Of the interval from `low` to `high`."""

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end that the sample cannot tell is null."""
        return finite(asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Comparison":
        """The comparison that `to_json` wrote."""
        return cls(**with_ends(data))


def compare(
    a: Values, b: Values, groups: Groups, seed: int, level: float = LEVEL
) -> Comparison | None:
    """Paired comparison, b minus a; None when no item was marked for both.

    The p-value is two-sided: exact McNemar for ungrouped 0/1 marks, else sign flips of whole
    units (see `permutation_test`).
    The interval for 0/1 marks adds one item to each discordant cell (Bonett & Price 2012,
    J. Educ. Behav. Stat. 37:479), here with a variance over units; otherwise the bootstrap.
    """
    units = units_of(differences(a, b), groups)
    if units is None:
        return None
    wins, losses = int((units.values > 0).sum()), int((units.values < 0).sum())
    signs_only = units.holds_only(-1.0, 0.0, 1.0)
    if units.single and signs_only:
        p_value, method = _mcnemar(wins, losses), "exact McNemar"
    else:
        p_value, method = _sign_flips(units.sums, seed), "sign flips over units"
    low, high = _interval(units, signs_only, seed, level)
    return Comparison(
        difference=units.mean,
        low=low,
        high=high,
        p_value=p_value,
        n=len(units.values),
        units=len(units.sums),
        unmarked=len(a) - len(units.values),
        wins=wins,
        losses=losses,
        discordance=float((units.values**2).mean()),
        design_effect=units.design_effect,
        method=method,
        level=level,
    )


def permutation_test(a: Values, b: Values, groups: Groups, seed: int) -> float | None:
    """Two-sided p-value of no difference: sign flips of whole units (Fisher 1935).

    Exact up to `EXACT_UNITS` units that differ, else (k + 1) / (m + 1) with m = 10,000 draws.
    None when no item was marked for both.
    """
    units = units_of(differences(a, b), groups)
    return None if units is None else _sign_flips(units.sums, seed)


def bootstrap_test(a: Values, b: Values, groups: Groups, seed: int) -> float | None:
    """Two-sided p-value of no difference: paired bootstrap over units, shifted to the null.

    How often a resampled mean is as far from the mean difference as that is from 0 (Berg-
    Kirkpatrick, Burkett & Klein 2012, EMNLP, p. 995), with the variance's n/(n-1) put back.
    (k + 1) / (m + 1) with m = 10,000 resamples. For comparison with other work: `compare` takes
    exact tests where there are any. None when no item was marked for both.
    """
    units = units_of(differences(a, b), groups)
    if units is None:
        return None
    count = len(units.sums)
    if count == 1:
        return 1.0
    seen = abs(units.mean) * math.sqrt((count - 1) / count) - 1e-12
    rng, shares = np.random.default_rng(seed), np.full(count, 1 / count)
    as_far = 0
    for _ in range(_BLOCKS):
        weights = rng.multinomial(count, shares, DRAWS // _BLOCKS).astype(np.float64)
        means = (weights @ units.sums) / (weights @ units.sizes)
        as_far += int((np.abs(means - units.mean) >= seen).sum())
    return (as_far + 1) / (DRAWS + 1)


def non_inferior(comparison: Comparison, margin: float, higher: bool = True) -> bool:
    """Whether b is shown to be less than `margin` worse than a, by the interval's near end.

    One-sided at half of what the interval leaves: 2.5 % for one of 95 % (Piaggio et al. 2012,
    JAMA 308:2594). `higher`: whether more is better.
    """
    return comparison.low > -margin if higher else comparison.high < margin


def equivalent(comparison: Comparison, margin: float) -> bool:
    """Whether the two are shown to differ by less than `margin`, either way (Schuirmann 1987)."""
    return non_inferior(comparison, margin) and non_inferior(comparison, margin, higher=False)


def _mcnemar(wins: int, losses: int) -> float:
    if wins + losses == 0:
        return 1.0
    return float(stats.binomtest(wins, wins + losses, 0.5).pvalue)


def _sign_flips(sums: Floats, seed: int) -> float:
    """How often flipping the sign of whole units gives as large a sum as was seen."""
    sums = sums[sums != 0]
    count = len(sums)
    seen = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()
    if count <= EXACT_UNITS:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return float((np.abs((1 - 2 * bits) @ sums) >= seen).mean())
    rng = np.random.default_rng(seed)
    as_large = 0
    for _ in range(_BLOCKS):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (DRAWS // _BLOCKS, count), dtype=np.int8)
        as_large += int((np.abs(signs @ sums) >= seen).sum())
    return (as_large + 1) / (DRAWS + 1)


def _interval(units: Units, signs_only: bool, seed: int, level: float) -> tuple[float, float]:
    largest = float(np.abs(units.values).max())
    if len(units.sums) == 1:
        limit = 1.0 if largest <= 1 else math.inf
        return -limit, limit
    constant = bool((units.values == units.values[0]).all())
    if not signs_only and not (constant and largest <= 1):
        return expanded_percentile(units, seed, level)
    plus_two = Units(
        units.values, np.append(units.sums, [1.0, -1.0]), np.append(units.sizes, [1.0, 1.0])
    )
    t = float(stats.t.isf((1 - level) / 2, len(plus_two.sums) - 1))
    half = t * math.sqrt(plus_two.variance)
    return max(-1.0, plus_two.mean - half), min(1.0, plus_two.mean + half)
