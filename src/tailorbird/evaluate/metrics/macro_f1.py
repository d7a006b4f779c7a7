"""F1 of each class, averaged: a rare class counts as much as a common one.

The mean of the F1 of classes, not the F1 of their mean precision and recall (Opitz & Burst 2019,
arXiv:1911.03347). A class that a rung predicts and no test item has counts as 0.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tailorbird.evaluate.metrics._labels import f1, ratio, weighted_f1
from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "F1, classes equal"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `f1_score`."""
    return f1("macro", examples, predictions, task)


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted counts."""
    return weighted_f1(_combined, examples, predictions, task)


def _combined(right: Floats, said: Floats, gold: Floats) -> Floats:
    f1_of_class = ratio(2 * right, said + gold)
    present = np.isfinite(f1_of_class)
    return ratio(np.where(present, f1_of_class, 0.0).sum(axis=0), present.sum(axis=0))
