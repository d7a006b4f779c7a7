"""Gold and predicted labels as numbers, and F1 of each class from weighted counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

Average = Literal["macro", "micro", "weighted"]


@dataclass(frozen=True)
class Labelled:
    """What was right and what was said."""

    labels: tuple[str, ...]
    """Those that occur in either."""
    gold: NDArray[np.intp]
    """int[items], positions in `labels`."""
    said: NDArray[np.intp]
    """The same; -1 for an error, and for an answer that is no label: right for no class."""


def labelled(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Labelled:
    """Labels by position; white space and case aside, as the scorer `label` reads them."""
    known = {_folded(label): label for label in reversed(task.labels)}
    gold = [str(e.target) for e in examples]
    said = [None if p.error is not None else known.get(_folded(p.text)) for p in predictions]
    labels = tuple(sorted({*gold, *(s for s in said if s is not None)}))
    position = {label: i for i, label in enumerate(labels)}
    return Labelled(
        labels,
        np.array([position[g] for g in gold], dtype=np.intp),
        np.array([-1 if s is None else position[s] for s in said], dtype=np.intp),
    )


def _folded(text: str) -> str:
    return text.strip().casefold()


def f1(
    average: Average, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """scikit-learn's F1 over the classes that occur among gold or predicted labels."""
    if not examples:
        return None
    need("sklearn")
    from sklearn.metrics import f1_score

    found = labelled(examples, predictions, task)
    classes = range(len(found.labels))
    return float(
        f1_score(found.gold, found.said, labels=classes, average=average, zero_division=0.0)
    )


def weighted_f1(
    combine: Callable[[Floats, Floats, Floats], Floats],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    task: Task,
) -> Weighted | None:
    """F1 from counts. `combine`: right, predicted and gold, each float[classes, R] -> float[R]."""
    if not examples:
        return None
    found = labelled(examples, predictions, task)
    shape = (len(found.labels), len(examples))
    right = _indicator(np.where(found.gold == found.said, found.gold, -1), shape)
    said, gold = _indicator(found.said, shape), _indicator(found.gold, shape)
    marked = np.ones(len(examples), dtype=np.bool_)
    return Weighted(marked, lambda w: combine(right @ w, said @ w, gold @ w))


def _indicator(classes: NDArray[np.intp], shape: tuple[int, int]) -> sparse.csr_array:
    """1 where an item belongs to a class, [classes, items]; none for class -1."""
    items = np.nonzero(classes >= 0)[0]
    return sparse.csr_array((np.ones(len(items)), (classes[items], items)), shape=shape)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """`top` over `bottom`, nan where that is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(bottom > 0, top / bottom, np.nan)
    return found
