"""Sentence chrF (Popović 2015, WMT), through sacrebleu: F2 of character n-grams up to six.

It forgives endings and spellings that BLEU does not, and suits short answers better.
"""

from functools import cache
from typing import Any

from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "shared character sequences (chrF)"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """sacrebleu's sentence chrF over 100."""
    value = _chrf().sentence_score(prediction.text, [str(example.target)]).score / 100
    return Score(min(1.0, round(value, 12)))  # equal texts come out beside 1 in the last digits


@cache
def _chrf() -> Any:
    need("sacrebleu")
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
