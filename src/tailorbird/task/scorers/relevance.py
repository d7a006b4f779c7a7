"""How close in meaning the answer is to the input, by sentence encoder (MiniLM).

It needs no target, so it can watch answers in use. It sees whether the answer speaks of what was
asked, not whether it is right; repeating the question scores 1, and a right answer seldom does.
"""

from collections.abc import Sequence

from tailorbird.task.benchmark import Task
from tailorbird.task.scorers._closeness import closeness
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "close in meaning to the input"
GOLD_IS_BEST = False


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """Cosine of answer and input, below 0 as 0; 0 for an empty answer."""
    return score_all([example], [prediction], task)[0]


def score_all(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
) -> list[Score]:
    """`score` of each pair, encoded in batches."""
    return closeness([p.text for p in predictions], [e.text for e in examples])
