"""How sure: intervals, paired comparisons, multiplicity and power.

Intervals are two-sided, 95 %. Items that share a group are not independent, so the unit is the
group; an item without a group is a unit of its own. Each interval was chosen by its coverage at
6 to 150 units (tests/evaluate/test_statistics.py repeats the check): the plain percentile
bootstrap covers as little as 56 % where most marks are right.

A value of None could not be marked: it is left out and counted as `unmarked`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2_000
FLIPS = 10_000
EXACT_UNITS = 12
"""Up to this many units, all 2^units sign flips are enumerated."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    """-inf where the sample is too small to say."""
    high: float
    """inf where the sample is too small to say."""
    n: int
    """Items that could be marked."""
    units: int
    """Independent groups among them."""
    method: str
    unmarked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end that the sample cannot tell is null."""
        return finite(asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Estimate":
        """The estimate that `to_json` wrote."""
        return cls(**with_ends(data))


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

    def to_json(self) -> dict[str, Any]:
        """Plain values; an end that the sample cannot tell is null."""
        return finite(asdict(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Comparison":
        """The comparison that `to_json` wrote."""
        return cls(**with_ends(data))


def with_ends(record: dict[str, Any]) -> dict[str, Any]:
    """`record` of an interval with infinite ends where `finite` wrote null."""
    low = -math.inf if record["low"] is None else record["low"]
    high = math.inf if record["high"] is None else record["high"]
    return {**record, "low": low, "high": high}


def finite(record: dict[str, Any]) -> dict[str, Any]:
    """`record` with null for infinite numbers, which JSON cannot hold."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()
    }


@dataclass(frozen=True)
class _Units:
    """Marked values, summed within units."""

    values: Floats
    """float[items]"""
    sums: Floats
    """float[units]"""
    sizes: Floats
    """float[units]"""

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def variance(self) -> float:
        """Of the mean, robust to dependence within units (linearised ratio estimator)."""
        count = len(self.sums)
        residuals = self.sums - self.mean * self.sizes
        return float((residuals**2).sum() * count / (count - 1) / self.sizes.sum() ** 2)

    @property
    def single(self) -> bool:
        return len(self.sums) == len(self.values)

    def holds_only(self, *allowed: float) -> bool:
        return bool(np.isin(self.values, allowed).all())


def _units(values: Sequence[float | None], groups: Sequence[str | None]) -> _Units | None:
    """The marked values by unit, or None when nothing could be marked."""
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
    return _Units(array, sums.astype(np.float64), sizes.astype(np.float64))


def estimate_mean(
    values: Sequence[float | None],
    groups: Sequence[str | None],
    seed: int,
    *,
    bounded: bool = True,
) -> Estimate | None:
    """The mean with its interval; None when nothing could be marked.

    Args:
        values: marks in [0, 1], or anything (tokens, seconds, money) with `bounded=False`.
        groups: what items share when they are not independent, one per value.
        seed: of the bootstrap, which only `bounded=False` uses.
        bounded: whether values are marks in [0, 1].

    Marks: Wilson's score interval (Wilson 1927), at the effective sample size m(1-m)/variance
    with Student's t when items are grouped or marks fractional (after Korn & Graubard 1998,
    Survey Methodology 24:193). It stays inside [0, 1] and is never of zero width.
    Others: bootstrap over units, see `_bootstrap`.

    Raises:
        ValueError: a value is not finite, or a mark lies outside [0, 1].
    """
    units = _units(values, groups)
    if units is None:
        return None
    if bounded and (units.values.min() < 0 or units.values.max() > 1):
        raise ValueError("marks lie in [0, 1]; pass bounded=False for other measures")
    if bounded:
        low, high, method = _wilson_units(units)
    elif len(units.sums) == 1:
        low, high, method = -math.inf, math.inf, "one unit: no interval"
    else:
        low, high = _bootstrap(units, seed)
        method = "bootstrap over units"
    n, count = len(units.values), len(units.sums)
    return Estimate(units.mean, low, high, n, count, method, len(values) - n)


def _wilson_units(units: _Units) -> tuple[float, float, str]:
    n, count, mean = len(units.values), len(units.sums), units.mean
    binary = units.holds_only(0.0, 1.0)
    if units.single and binary:
        return *_wilson(mean, n, _Z), "Wilson"
    variance = units.variance if count > 1 else 0.0
    if variance <= 1e-12:
        return *_wilson(mean, count, _Z), "Wilson, n = units"
    effective = mean * (1 - mean) / variance
    if binary:
        # Groups that look more alike than chance are luck, not information.
        effective = min(effective, n)
    t = float(stats.t.ppf((1 + LEVEL) / 2, count - 1))
    return *_wilson(mean, effective, t), "Wilson, effective n"


def _wilson(mean: float, n: float, z: float) -> tuple[float, float]:
    scale = 1 + z * z / n
    centre = (mean + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(max(mean * (1 - mean), 0.0) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _bootstrap(units: _Units, seed: int) -> tuple[float, float]:
    """Percentile interval over units, its levels widened for few units.

    Hesterberg (2015), What Teachers Should Know About the Bootstrap (expanded percentile): the
    level is that of Student's t with the variance's n/(n-1) put back.
    """
    count = len(units.sums)
    weights = _resampled(count, seed)
    means = (weights @ units.sums) / (weights @ units.sizes)
    t = stats.t.ppf((1 - LEVEL) / 2, count - 1)
    tail = float(stats.norm.cdf(math.sqrt(count / (count - 1)) * t))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


@lru_cache(maxsize=2)
def _resampled(units: int, seed: int) -> Floats:
    """How often each unit is drawn, float[RESAMPLES, units]; all metrics of a rung share it."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), RESAMPLES).astype(np.float64)


def estimate_quantile(values: Sequence[float | None], q: float) -> Estimate | None:
    """The quantile `q` in (0, 1) with a distribution-free interval between order statistics.

    An end is infinite where the sample is too small for one: the 95th percentile has an upper
    end from 72 values on. (David & Nagaraja 2003, Order Statistics, section 7.1.)
    None when no value was measured.
    """
    ordered = sorted(v for v in values if v is not None)
    n = len(ordered)
    if n == 0:
        return None
    lower = int(stats.binom.ppf((1 - LEVEL) / 2, n, q))
    upper = int(stats.binom.ppf((1 + LEVEL) / 2, n, q)) + 1
    return Estimate(
        value=float(np.quantile(ordered, q)),
        low=ordered[lower - 1] if lower >= 1 else -math.inf,
        high=ordered[upper - 1] if upper <= n else math.inf,
        n=n,
        units=n,
        method="order statistics",
        unmarked=len(values) - n,
    )


def design_effect(values: Sequence[float | None], groups: Sequence[str | None]) -> float:
    """Variance of the mean over that of as many independent items (Kish 1965); at least 1."""
    units = _units(values, groups)
    return 1.0 if units is None else _design_effect(units)


def _design_effect(units: _Units) -> float:
    n = len(units.values)
    if units.single or len(units.sums) == 1:
        return 1.0
    independent = float(units.values.var(ddof=1)) / n
    return max(1.0, units.variance / independent) if independent > 0 else 1.0


def compare(
    a: Sequence[float | None],
    b: Sequence[float | None],
    groups: Sequence[str | None],
    seed: int,
) -> Comparison | None:
    """Paired comparison, b minus a; None when no item was marked for both.

    The p-value is two-sided: exact McNemar for ungrouped 0/1 marks, else sign flips of whole
    units (exact up to `EXACT_UNITS` units that differ, else (k + 1) / (m + 1) with m = 10,000).
    The interval for 0/1 marks adds one item to each discordant cell (Bonett & Price 2012,
    J. Educ. Behav. Stat. 37:479), here with a variance over units; otherwise the bootstrap.
    """
    pairs = [None if x is None or y is None else y - x for x, y in zip(a, b, strict=True)]
    units = _units(pairs, groups)
    if units is None:
        return None
    wins, losses = int((units.values > 0).sum()), int((units.values < 0).sum())
    signs_only = units.holds_only(-1.0, 0.0, 1.0)
    if units.single and signs_only:
        p_value, method = _mcnemar(wins, losses), "exact McNemar"
    else:
        p_value, method = _sign_flips(units.sums, seed), "sign flips over units"
    low, high = _difference_interval(units, signs_only, seed)
    return Comparison(
        difference=units.mean,
        low=low,
        high=high,
        p_value=p_value,
        n=len(units.values),
        units=len(units.sums),
        unmarked=len(pairs) - len(units.values),
        wins=wins,
        losses=losses,
        discordance=float((units.values**2).mean()),
        design_effect=_design_effect(units),
        method=method,
    )


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
    for _ in range(10):  # in blocks, to keep 10,000 x thousands of units out of memory
        signs = 1.0 - 2.0 * rng.integers(0, 2, (FLIPS // 10, count), dtype=np.int8)
        as_large += int((np.abs(signs @ sums) >= seen).sum())
    return (as_large + 1) / (FLIPS + 1)


def _difference_interval(units: _Units, signs_only: bool, seed: int) -> tuple[float, float]:
    largest = float(np.abs(units.values).max())
    if len(units.sums) == 1:
        limit = 1.0 if largest <= 1 else math.inf
        return -limit, limit
    constant = bool((units.values == units.values[0]).all())
    if not signs_only and not (constant and largest <= 1):
        return _bootstrap(units, seed)
    plus_two = _Units(
        units.values, np.append(units.sums, [1.0, -1.0]), np.append(units.sizes, [1.0, 1.0])
    )
    t = float(stats.t.ppf((1 + LEVEL) / 2, len(plus_two.sums) - 1))
    half = t * math.sqrt(plus_two.variance)
    return max(-1.0, plus_two.mean - half), min(1.0, plus_two.mean + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Holm 1979, Scand. J. Statist. 6:65)."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def n_needed(difference: float, discordance: float, power: float, alpha: float) -> int:
    """Items that show a paired `difference` with this power (Connor 1987, Biometrics 43:207).

    Args:
        difference: between the two means; its sign does not matter.
        discordance: share of items on which the two differ (for fractional marks, the mean
            squared difference); at least the difference itself.
        power: chance of showing the difference when it is real.
        alpha: two-sided significance level.

    Raises:
        ValueError: the difference is 0, which no number of items can show.
    """
    if difference == 0:
        raise ValueError("no number of items shows a difference of 0")
    return math.ceil(_n_needed(abs(difference), discordance, power, alpha))


def _n_needed(difference: float, discordance: float, power: float, alpha: float) -> float:
    discordance = max(discordance, difference)
    z_alpha, z_power = float(stats.norm.isf(alpha / 2)), float(stats.norm.ppf(power))
    spread = math.sqrt(max(discordance - difference**2, 0.0))
    return ((z_alpha * math.sqrt(discordance) + z_power * spread) / difference) ** 2


def minimal_detectable_difference(
    n: float,
    base_rate: float,
    power: float = 0.8,
    alpha: float = 0.05,
    discordance: float | None = None,
) -> float:
    """The smallest paired difference that `n` items show with this power; at most 1.

    Without `discordance`, the two rungs are taken to err independently: 2 p (1 - p) at
    p = `base_rate`, which is more than rungs that find the same items hard.
    """
    share = 2 * base_rate * (1 - base_rate) if discordance is None else discordance
    if _n_needed(1.0, share, power, alpha) >= n:
        return 1.0
    return float(optimize.brentq(lambda d: _n_needed(d, share, power, alpha) - n, 1e-6, 1.0))
