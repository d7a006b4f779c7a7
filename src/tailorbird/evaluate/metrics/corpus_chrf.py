"""Corpus chrF (Popović 2015, WMT), through sacrebleu: characters counted over all answers."""

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
SUMMARY = "corpus chrF"


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
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
