"""Area under precision and recall, one class against the rest, as average precision. Mean over
classes. Where a class is rare it tells more than ROC AUC (Davis & Goadrich 2006, ICML); what
guessing earns is the class's share of the items, not one half.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tailorbird.evaluate.metrics._labels import ratio
from tailorbird.evaluate.metrics._probabilities import Ranking, mean_over_classes, rankable
from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("label",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "average precision, one against the rest"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's `average_precision_score`; None without probabilities."""
    found = rankable(examples, predictions, task)
    if found is None:
        return None
    need("sklearn")
    from sklearn.metrics import average_precision_score

    shown = found.both_sides
    return float(
        average_precision_score(found.gold[:, shown], found.given[:, shown], average="macro")
    )


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted ranks."""
    found = rankable(examples, predictions, task)
    if found is None:
        return None
    return mean_over_classes(found, _average_precision, ties=1.0)


def _average_precision(ranking: Ranking) -> Floats:
    found = np.cumsum(ranking.positives, axis=0)
    precision = np.nan_to_num(ratio(found, found + ranking.negatives_above))
    return ratio((ranking.positives * precision).sum(axis=0), found[-1])
