"""Every required fact is stated, and the answer abstains exactly where the gold answer does."""

from tailorbird.task.benchmark import Task
from tailorbird.task.facts import normalise, states
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "all required facts right"


def abstains(text: str, task: Task) -> bool:
    """Whether `text` says that the documents do not tell (`outputs.abstain`)."""
    phrase = task.spec.outputs.abstain
    return phrase is not None and normalise(phrase).rstrip(".") in normalise(text)


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when all facts are stated and abstention is as in the gold answer."""
    assert example.target is not None
    missing = [f for f in example.facts if not states(prediction.text, f)]
    if missing:
        return Score(0.0, f"lacks {', '.join(missing)}")
    should, does = abstains(example.target, task), abstains(prediction.text, task)
    if should != does:
        return Score(0.0, "should abstain" if should else "abstains, though the documents tell")
    if not example.facts and not should:
        return Score(None, "the example names no required facts")
    return Score(1.0)
