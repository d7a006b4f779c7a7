"""Token F1: words shared by answer and target (Rajpurkar et al. 2016, arXiv:1606.05250)."""

from collections import Counter

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers.exact import words
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "word overlap (F1)"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """Harmonic mean of word precision and recall."""
    assert example.target is not None
    said, wanted = Counter(words(prediction.text)), Counter(words(example.target))
    shared = (said & wanted).total()
    if not shared:
        return Score(float(not said and not wanted))
    return Score(2 * shared / (said.total() + wanted.total()))
