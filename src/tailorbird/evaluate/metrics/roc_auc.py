"""ROC AUC, one class against the rest: the chance that an item of the class is ranked above one
of another, ties counting half (Hanley & McNeil 1982, Radiology 143:29). Mean over classes.
"""

from collections.abc import Sequence
from typing import Literal

from tailorbird.evaluate.metrics._labels import ratio
from tailorbird.evaluate.metrics._probabilities import Ranking, mean_over_classes, rankable
from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "ROC AUC, one against the rest"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `roc_auc_score`; None without probabilities or with a single class."""
    found = rankable(examples, predictions, task)
    if found is None:
        return None
    need("sklearn")
    from sklearn.metrics import roc_auc_score

    shown = found.both_sides
    return float(roc_auc_score(found.gold[:, shown], found.given[:, shown], average="macro"))


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted ranks."""
    found = rankable(examples, predictions, task)
    if found is None:
        return None
    return mean_over_classes(found, _area, ties=0.5)


def _area(ranking: Ranking) -> Floats:
    below = ranking.negatives - ranking.negatives_above
    pairs = ranking.positives.sum(axis=0) * ranking.negatives
    return ratio((ranking.positives * below).sum(axis=0), pairs)
