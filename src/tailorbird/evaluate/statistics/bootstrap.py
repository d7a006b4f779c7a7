"""Bootstrap intervals of a mean, resampling whole units."""

import math
from functools import lru_cache

import numpy as np
from scipy import special, stats

from tailorbird.evaluate.statistics.units import LEVEL, Floats, Groups, Units, Values, units_of

RESAMPLES = 2_000


def percentile_interval(
    values: Values, groups: Groups, seed: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The plain percentile interval (Efron 1979, Ann. Stat. 7:1).

    For comparison with other work: it covers too little with few units, and hardly at all where
    nearly every mark is right. `estimate_mean` does not use it.

    Raises `ValueError` with fewer than two marked units.
    """
    means = _means(_two_units(values, groups), seed, resamples)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bca_interval(
    values: Values, groups: Groups, seed: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval (Efron 1987, J. Am. Stat. Assoc. 82:171).

    The acceleration is that of the jackknife over units. The two ends are equal where all units
    are alike: for marks that are nearly all right, take `estimate_mean`.

    Raises `ValueError` with fewer than two marked units.
    """
    units = _two_units(values, groups)
    means, mean = _means(units, seed, resamples), units.mean
    without = (units.sums.sum() - units.sums) / (units.sizes.sum() - units.sizes)
    pull = without.mean() - without
    spread = float((pull**2).sum())
    if spread == 0:
        return mean, mean
    acceleration = float((pull**3).sum()) / (6 * spread**1.5)
    # Means that tie with the estimate lie half below it: marks have few distinct means.
    bias = special.ndtri(((means < mean).mean() + (means <= mean).mean()) / 2)
    z = bias + special.ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(means, special.ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def expanded_percentile(units: Units, seed: int, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval over units, its levels widened for few units.

    Hesterberg (2015), What Teachers Should Know About the Bootstrap (expanded percentile): the
    level is that of Student's t with the variance's n/(n-1) put back.
    """
    count = len(units.sums)
    t = stats.t.ppf((1 - level) / 2, count - 1)
    tail = float(stats.norm.cdf(math.sqrt(count / (count - 1)) * t))
    low, high = np.quantile(_means(units, seed, RESAMPLES), [tail, 1 - tail])
    return float(low), float(high)


def _two_units(values: Values, groups: Groups) -> Units:
    units = units_of(values, groups)
    if units is None or len(units.sums) < 2:
        raise ValueError("an interval takes at least two marked units")
    return units


def _means(units: Units, seed: int, resamples: int) -> Floats:
    weights = _resampled(len(units.sums), seed, resamples)
    means: Floats = (weights @ units.sums) / (weights @ units.sizes)
    return means


@lru_cache(maxsize=2)
def _resampled(units: int, seed: int, resamples: int) -> Floats:
    """How often each unit is drawn, float[resamples, units]; all metrics of a rung share it."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), resamples).astype(np.float64)
