"""ROUGE-L: F1 of the longest common subsequence of words (Lin 2004); a-z and digits only."""

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers._rouge import rouge
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "longest common word sequence (ROUGE-L)"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """rouge-score's F1; not marked where the target has no words that it reads."""
    return rouge("rougeL", 1, example, prediction)
