"""1 when the answer states a fact that neither its supporting documents nor the input hold.

Copying faithfully from the wrong passage counts: the reader is misinformed all the same. Facts
are those of `task/facts.py`; claims without one are not seen here.
"""

from tailorbird.task.benchmark import Task
from tailorbird.task.facts import unsupported
from tailorbird.task.types import Example, Prediction, Score

BETTER = "lower"
SUMMARY = "answers with an unsupported fact"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when at least one stated fact has no support; `reason` names them."""
    documents = (task.document_by_id[s] for s in example.sources)
    supports = [f"{d.title}\n{d.text}" for d in documents]
    invented = unsupported(prediction.text, [*supports, example.text, example.target or ""])
    return Score(float(bool(invented)), f"states {', '.join(invented)}" if invented else "")
