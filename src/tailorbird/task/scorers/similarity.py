"""How close in meaning the answer is to the target, by sentence encoder (MiniLM).

Encoders see topics better than polarity, numbers and names: "within 14 days" and "within 30 days"
are close. Read it beside `facts`, never alone. It reads the first 256 word pieces.
"""

from collections.abc import Sequence

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers._closeness import closeness
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "similar in meaning to the target"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """Cosine of answer and target, below 0 as 0; 0 for an empty answer."""
    return score_all([example], [prediction], task)[0]


def score_all(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> list[Score]:
    """`score` of each pair, encoded in batches."""
    return closeness([p.text for p in predictions], [str(e.target) for e in examples])
