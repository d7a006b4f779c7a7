"""Brier score: the mean squared error of probabilities (Brier 1950, Mon. Weather Rev. 78:1).

Labels: half the sum of squares over the classes, so that two classes give the same as one
probability, and the worst is 1. Answers: the confidence against the mark. Unlike the calibration
error it also rewards telling right from wrong, and it is best, on average, for honest
probabilities.
"""

from collections.abc import Sequence
from typing import Literal

from tailorbird.evaluate.metrics._confidence import confidences
from tailorbird.evaluate.metrics._labels import ratio
from tailorbird.evaluate.metrics._probabilities import probabilities
from tailorbird.evaluate.metrics.base import Bools, Floats, Weighted
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label", "answer")
BETTER: Literal["higher", "lower"] = "lower"
SUMMARY = "squared error of probabilities (Brier)"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `brier_score_loss`; None where answers have no probabilities."""
    found = probabilities(examples, predictions, task) if task.spec.kind == "label" else None
    if found is None:  # marks between 0 and 1 are more than scikit-learn's score takes
        errors = _errors(examples, predictions, task)
        return None if errors is None else float(errors[1].mean())
    need("sklearn")
    from sklearn.metrics import brier_score_loss

    each = brier_score_loss(found.gold.ravel(), found.given.ravel())
    return float(each * found.gold.shape[1] / 2)


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, as a weighted mean."""
    found = _errors(examples, predictions, task)
    if found is None:
        return None
    marked, errors = found
    return Weighted(marked, lambda w: ratio(errors @ w, w.sum(axis=0)))


def _errors(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> tuple[Bools, Floats] | None:
    """Which items are marked, and the error of each of these."""
    if task.spec.kind == "label":
        given = probabilities(examples, predictions, task)
        if given is None:
            return None
        return given.marked, ((given.given - given.gold) ** 2).sum(axis=1) / 2
    found = confidences(examples, predictions, task)
    return None if found is None else (found.marked, (found.sure - found.right) ** 2)
