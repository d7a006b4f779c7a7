"""A supporting document is among those the answer cites (retrieval recall)."""

from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "cites a supporting document"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when any supporting document is cited; not marked where none supports the target."""
    if not example.sources:
        return Score(None, "no document supports the target")
    return Score(float(bool(set(example.sources) & set(prediction.citations))))
