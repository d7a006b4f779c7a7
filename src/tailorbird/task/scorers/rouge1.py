"""ROUGE-1: F1 of shared words (Lin 2004); letters a-z and digits only, order aside."""

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers._rouge import rouge
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "shared words (ROUGE-1)"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """rouge-score's F1; not marked where the target has no words that it reads."""
    return rouge("rouge1", 1, example, prediction)
