"""Expected calibration error: by how much confidence and being right differ, on average.

Answers are put into 15 bins by confidence; in each, mean confidence is held against the share that
is right (Guo et al. 2017, arXiv:1706.04599, equation 3). Of few items it comes out too high, as
chance alone moves each bin (Kumar et al. 2019, arXiv:1909.10155): 0 is never reached.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import sparse

from tailorbird.evaluate.metrics._confidence import BINS, confidences
from tailorbird.evaluate.metrics._labels import ratio
from tailorbird.evaluate.metrics.base import Floats, Units, Weighted, score_interval, swaps
from tailorbird.evaluate.statistics import LEVEL
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label", "answer")
BETTER: Literal["higher", "lower"] = "lower"
SUMMARY = "calibration error (ECE)"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """The error in [0, 1]; None where answers have no confidence."""
    found = weighted(examples, predictions, task)
    return None if found is None else found.value


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The error as a function of weights."""
    found = confidences(examples, predictions, task)
    if found is None:
        return None
    n = len(found.sure)
    gap = sparse.csr_array((found.right - found.sure, (found.bins, np.arange(n))), shape=(BINS, n))

    def of(weights: Floats) -> Floats:
        return ratio(np.abs(gap @ weights).sum(axis=0), weights.sum(axis=0))

    def low_end(value: float, drawn: Floats, units: Units, seed: int) -> float:
        """Without what chance adds: 0 where chance alone would do.

        Chance is the same gaps with the signs of whole units drawn anew. Its variance is taken off
        the square of each bin's gap (after Bröcker 2012, Climate Dynamics 39:655).
        """
        flipped = np.concatenate([gap @ (1 - 2 * s) for s in swaps(units, seed)], axis=1)
        if value <= np.quantile(np.abs(flipped).sum(axis=0) / n, (1 + LEVEL) / 2):
            return 0.0
        left = gap.sum(axis=1) ** 2 - (flipped**2).mean(axis=1)
        rest = float(np.sqrt(np.maximum(left, 0.0)).sum()) / n
        return score_interval(rest, drawn, int(units.max()) + 1)[0]

    return Weighted(found.marked, of, low_end)
