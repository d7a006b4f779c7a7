"""Exact match after normalisation: case, articles, punctuation and white space aside.

The normalisation of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250).
"""

import re
import string

from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "exact match"

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """Words of `text`, lower case, without punctuation and articles."""
    plain = text.lower().translate(_PUNCTUATION)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when prediction and target are the same words."""
    assert example.target is not None
    return Score(float(words(prediction.text) == words(example.target)))
