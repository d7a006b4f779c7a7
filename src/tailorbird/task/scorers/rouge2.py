"""ROUGE-2: F1 of shared pairs of neighbouring words (Lin 2004); a-z and digits only."""

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers._rouge import rouge
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "shared word pairs (ROUGE-2)"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """rouge-score's F1; not marked where the target has no words that it reads."""
    return rouge("rouge2", 2, example, prediction)
