"""Corpus BLEU (Papineni et al. 2002, ACL), through sacrebleu (Post 2018, WMT): n-grams are counted
over all answers, and the brevity penalty is that of all. Not the mean of the scorer `bleu`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from tailorbird.evaluate.metrics._corpus import corpus_score, weighted_corpus_score
from tailorbird.evaluate.metrics.base import Weighted
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

KINDS = ("answer",)
BETTER: Literal["higher", "lower"] = "higher"
SUMMARY = "corpus BLEU"


def value(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> float | None:
    """sacrebleu's `corpus_score` over 100."""
    return corpus_score(_metric(), examples, predictions)


def weighted(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> Weighted | None:
    """The same, from weighted counts."""
    return weighted_corpus_score(_metric(), examples, predictions)


@cache
def _metric() -> Any:
    need("sacrebleu")
    from sacrebleu.metrics.bleu import BLEU

    # force: a target may end in a separate full stop without a warning about it.
    return BLEU(force=True)
