"""How sure each answer was, and whether it was right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailorbird.evaluate.metrics.base import Bools, Floats
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

BINS = 15
"""Of equal width, as in Guo et al. 2017."""


@dataclass(frozen=True)
class Confidences:
    """Of the answers that have a confidence and could be marked."""

    marked: Bools
    """bool[items]"""
    sure: Floats
    """float[marked items], in [0, 1]"""
    right: Floats
    """float[marked items], in [0, 1]"""

    @property
    def bins(self) -> NDArray[np.intp]:
        """The bin of each, 0 to BINS - 1; a bin holds its upper edge, as in scikit-learn."""
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        return np.searchsorted(inner, self.sure).astype(np.intp)


def confidences(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Confidences | None:
    """`confidence` beside the mark: the right label, or the bar's primary metric as 0 to 1.

    None where no answer has a confidence. An answer with an error has none.
    """
    given = [p.confidence if p.error is None else None for p in predictions]
    if not any(c is not None for c in given):
        return None
    metric = "label" if task.spec.kind == "label" else task.spec.bar.primary.metric
    higher = higher_is_better(metric)
    marks = [s.value for s in task.score_all(metric, examples, predictions)]
    rows = [(c, m) for c, m in zip(given, marks) if c is not None and m is not None]
    if not rows:
        return None
    sure, right = np.array(rows, dtype=np.float64).T
    marked = np.array([c is not None and m is not None for c, m in zip(given, marks)])
    return Confidences(marked, sure, right if higher else 1 - right)
