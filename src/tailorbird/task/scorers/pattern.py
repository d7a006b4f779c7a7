"""The whole answer matches the task's regular expression (`outputs.pattern`)."""

from tailorbird.task.benchmark import Task
from tailorbird.task.patterns import whole
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "answers of the right form"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when the answer matches from end to end, white space around it aside."""
    pattern = task.spec.outputs.pattern
    if pattern is None:
        return Score(None, "the task names no outputs.pattern")
    matches = whole(pattern)(prediction.text.strip())
    return Score(float(matches), "" if matches else f"is not of the form {pattern}")
