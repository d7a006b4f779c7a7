"""Probabilities of labels: which items have them, and one class against the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tailorbird.evaluate.metrics._labels import ratio
from tailorbird.evaluate.metrics.base import Bools, Floats, Weighted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Probabilities:
    """The probability of each label for each item that has them."""

    marked: Bools
    """bool[items]"""
    gold: Bools
    """bool[marked items, labels]"""
    given: Floats
    """float[marked items, labels]"""

    @property
    def both_sides(self) -> NDArray[np.intp]:
        """Labels that some of the items have and others have not: only these can be ranked."""
        return np.nonzero(self.gold.any(axis=0) & ~self.gold.all(axis=0))[0]


def probabilities(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Probabilities | None:
    """What `label_scores` hold; None where no answer has any.

    An answer with an error has none: it is left out, and its rung's errors are told apart.
    """
    scores = [p.label_scores if p.error is None else None for p in predictions]
    rows = [(e, s) for e, s in zip(examples, scores, strict=True) if s is not None]
    if not rows:
        return None
    labels = sorted({*task.labels, *(label for _, s in rows for label in s)})
    return Probabilities(
        np.array([s is not None for s in scores]),
        np.array([e.target for e, _ in rows])[:, None] == np.array(labels),
        np.array([[s.get(label, 0.0) for label in labels] for _, s in rows]),
    )


def rankable(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Probabilities | None:
    """The same; None, too, where no class can be ranked against the rest."""
    found = probabilities(examples, predictions, task)
    return found if found is not None and len(found.both_sides) else None


@dataclass(frozen=True)
class Ranking:
    """One class's items in order of its probability, under weights; the best threshold first.

    A threshold is the probability of one or more items of the class.
    """

    positives: Floats
    """float[thresholds, R]: weight of the items of the class at this very threshold."""
    negatives_above: Floats
    """float[thresholds, R]: weight of the other items at or above it."""
    negatives: Floats
    """float[R], in all."""


def mean_over_classes(
    found: Probabilities, measure: Callable[[Ranking], Floats], ties: float
) -> Weighted:
    """One class against the rest, and the plain mean over the classes for which that exists.

    `ties`: how much of a negative counts as above a positive of the same probability.
    """
    ranked = [_Ranked(found.gold[:, c], found.given[:, c], ties) for c in found.both_sides]

    def of(weights: Floats) -> Floats:
        each = np.stack([measure(r.under(weights)) for r in ranked])
        present = np.isfinite(each)
        return ratio(np.where(present, each, 0.0).sum(axis=0), present.sum(axis=0))

    return Weighted(found.marked, of)


class _Ranked:
    """Which threshold each item passes first; a sum over items is then a sparse product."""

    def __init__(self, gold: Bools, given: Floats, ties: float) -> None:
        thresholds = np.unique(-given[gold])  # of the negated probabilities: highest first
        count, items = len(thresholds), np.arange(len(given))
        passed = np.searchsorted(thresholds, -given)
        tied = np.isin(-given, thresholds)
        here = np.where(tied & ~gold, ties, 1.0)
        self.positives = _sums(passed[gold], items[gold], here[gold], (count, len(given)))
        # The rest of a tie is above the next threshold. What passes none stands in a last row.
        rows = np.concatenate([passed[~gold], np.minimum(passed[~gold] + 1, count)])
        parts = np.concatenate([here[~gold], 1 - here[~gold]])
        both = np.concatenate([items[~gold], items[~gold]])
        self.negatives = _sums(rows, both, parts, (count + 1, len(given)))

    def under(self, weights: Floats) -> Ranking:
        above = np.cumsum(self.negatives @ weights, axis=0)
        return Ranking(self.positives @ weights, above[:-1], above[-1])


def _sums(
    rows: NDArray[np.intp], items: NDArray[np.intp], parts: Floats, shape: tuple[int, int]
) -> sparse.csr_array:
    kept = parts > 0
    return sparse.csr_array((parts[kept], (rows[kept], items[kept])), shape=shape)
