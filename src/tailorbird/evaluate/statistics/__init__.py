"""How sure: intervals, paired comparisons, multiplicity, power and looking twice.

Intervals are two-sided, 95 % where nothing else is said. Items that share a group are not
independent, so the unit is the group; an item without a group is a unit of its own. Each interval
was chosen by its coverage (benchmarks/how_sure.py measures it, tests/evaluate/test_coverage.py
holds it): the plain percentile bootstrap covers as little as 56 % where most marks are right.

A value of None could not be marked: it is left out and counted as `unmarked`.

    units         items and what they share
    estimate      a mean or a quantile with its interval
    bootstrap     percentile, expanded percentile and BCa intervals
    paired        two rungs on the same items: difference, tests, non-inferiority, equivalence
    multiplicity  many comparisons: Holm, Benjamini-Hochberg
    power         what n items can show
    sequential    opening the test split again
"""

from tailorbird.evaluate.statistics.bootstrap import (
    RESAMPLES,
    bca_interval,
    percentile_interval,
)
from tailorbird.evaluate.statistics.estimate import (
    Estimate,
    design_effect,
    estimate_mean,
    estimate_quantile,
    finite,
    with_ends,
)
from tailorbird.evaluate.statistics.multiplicity import benjamini_hochberg, holm
from tailorbird.evaluate.statistics.paired import (
    Comparison,
    bootstrap_test,
    compare,
    equivalent,
    non_inferior,
    permutation_test,
)
from tailorbird.evaluate.statistics.power import (
    minimal_detectable_difference,
    n_needed,
    power_of,
)
from tailorbird.evaluate.statistics.sequential import level_of_opening
from tailorbird.evaluate.statistics.units import LEVEL

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Comparison",
    "Estimate",
    "bca_interval",
    "benjamini_hochberg",
    "bootstrap_test",
    "compare",
    "design_effect",
    "equivalent",
    "estimate_mean",
    "estimate_quantile",
    "finite",
    "holm",
    "level_of_opening",
    "minimal_detectable_difference",
    "n_needed",
    "non_inferior",
    "percentile_interval",
    "permutation_test",
    "power_of",
    "with_ends",
]
