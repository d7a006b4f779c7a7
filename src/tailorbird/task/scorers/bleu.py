"""Sentence BLEU (Papineni et al. 2002, ACL), through sacrebleu.

Its `effective_order` leaves out lengths of n-gram that the answer is too short for, and its
exponential smoothing (Chen & Cherry 2014, WMT) keeps one missing length from making 0 of the
whole. The mean over items is not corpus BLEU: that is the metric `corpus_bleu`.
"""

from functools import cache
from typing import Any

from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "sentence BLEU"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """sacrebleu's sentence BLEU over 100."""
    value = _bleu().sentence_score(prediction.text, [str(example.target)]).score / 100
    return Score(min(1.0, round(value, 12)))  # equal texts come out beside 1 in the last digits


@cache
def _bleu() -> Any:
    need("sacrebleu")
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)
