"""F1 of each class, averaged with the number of gold items as weight."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tailorbird.evaluate.metrics._labels import f1, ratio, weighted_f1
from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "F1, classes by size"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `f1_score`."""
    return f1("weighted", examples, predictions, task)


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted counts."""
    return weighted_f1(_combined, examples, predictions, task)


def _combined(right: Floats, said: Floats, gold: Floats) -> Floats:
    f1_of_class = np.where(said + gold > 0, ratio(2 * right, said + gold), 0.0)
    return ratio((f1_of_class * gold).sum(axis=0), gold.sum(axis=0))
