"""What a right answer costs: money over all answers, shared among those that are right."""

from collections.abc import Sequence

import numpy as np

from tailorbird.evaluate.metrics.base import drawn_weights, percentiles, unit_of
from tailorbird.evaluate.statistics import Estimate


def cost_per_correct(
    costs: Sequence[float | None],
    right: Sequence[float | None],
    groups: Sequence[str | None],
    seed: int,
) -> Estimate | None:
    """Sum of costs over sum of marks, with a bootstrap interval over units.

    Args:
        costs: of each answer, in the currency of the prices; None where it is not known.
        right: marks in [0, 1], 1 is right; None where an answer could not be marked.
        groups: what items share when they are not independent, one per item.
        seed: of the bootstrap.

    None where no answer is right, or what one costs is not known. The upper end is infinite where
    some draws hold no right answer.
    """
    marked = np.array([m is not None for m in right], dtype=np.bool_)
    paid = [c for c, m in zip(costs, right, strict=True) if m is not None and c is not None]
    earned = np.array([m for m in right if m is not None], dtype=np.float64)
    if len(paid) < len(earned) or not earned.any():
        return None
    spent = np.array(paid, dtype=np.float64)
    units = unit_of(groups, marked)
    n, count = len(units), int(units.max()) + 1
    value = float(spent.sum() / earned.sum())
    low, high, method = 0.0, np.inf, "one unit: no interval"
    if count > 1:
        with np.errstate(divide="ignore"):
            drawn = [(spent @ w) / (earned @ w) for w in drawn_weights(units, seed)]
        low, high = percentiles(np.concatenate(drawn), count)
        method = "bootstrap over units"
    return Estimate(value, low, float(high), n, count, method, len(right) - n)
