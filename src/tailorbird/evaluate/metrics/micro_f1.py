"""F1 over all decisions: with one label an item, the accuracy.

It differs where answers are no label at all: they miss a class without claiming another.
"""

from collections.abc import Sequence
from typing import Literal

from tailorbird.evaluate.metrics._labels import f1, ratio, weighted_f1
from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "F1, items equal"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `f1_score`."""
    return f1("micro", examples, predictions, task)


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted counts."""
    return weighted_f1(_combined, examples, predictions, task)


def _combined(right: Floats, said: Floats, gold: Floats) -> Floats:
    return ratio(2 * right.sum(axis=0), (said + gold).sum(axis=0))
