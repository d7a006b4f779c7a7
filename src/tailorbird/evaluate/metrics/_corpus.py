"""sacrebleu's corpus scores from the counts of each item, so that they can be resampled."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tailorbird.evaluate.metrics.base import Floats, Weighted
from tailorbird.task.types import Example, Prediction


def corpus_score(
    metric: Any, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> float | None:
    """The score over 100; an answer with an error is empty."""
    if not examples:
        return None
    score = metric.corpus_score(_said(predictions), [_targets(examples)]).score
    return min(1.0, round(float(score) / 100, 12))


def weighted_corpus_score(
    metric: Any, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> Weighted | None:
    """The score from weighted sums of counts.

    Counts and the score of their sums are what sacrebleu's own significance tests use; it has no
    public name for them.
    """
    if not examples:
        return None
    counts = np.array(
        metric._extract_corpus_statistics(_said(predictions), [_targets(examples)]),
        dtype=np.float64,
    )

    def of(weights: Floats) -> Floats:
        totals = (weights.T @ counts).astype(int).tolist()
        return np.array([metric._compute_score_from_stats(t).score / 100 for t in totals])

    return Weighted(np.ones(len(examples), dtype=np.bool_), of)


def _said(predictions: Sequence[Prediction]) -> list[str]:
    return ["" if p.error is not None else p.text for p in predictions]


def _targets(examples: Sequence[Example]) -> list[str]:
    return [str(e.target) for e in examples]
