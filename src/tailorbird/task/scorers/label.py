"""The right label: 1 or 0, white space and case aside."""

from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "right label"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when the predicted label is the gold label."""
    assert example.target is not None
    same = prediction.text.strip().casefold() == example.target.strip().casefold()
    return Score(float(same), "" if same else f"expected {example.target}")
