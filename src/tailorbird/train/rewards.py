"""What an answer is worth while a model learns from its own answers.

A reward is made of the task's scorers, so that what is learned is what the bar asks for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tailorbird.errors import TaskError
from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

Settings = str | Mapping[str, float]
"""A scorer, or several with their weights: `exact`, `{facts: 1, unsupported: 0.5}`."""


class Reward(Protocol):
    """Worth of answers, the more the better."""

    def __call__(self, examples: Sequence[Example], texts: Sequence[str]) -> list[float]:
        """One number for each answer `texts[i]` to `examples[i]`."""


@dataclass(frozen=True)
class Scored:
    """The marks of scorers, weighted and added up."""

    task: Task
    weights: Mapping[str, float]
    """Scorer -> weight. A mark of which less is better (`unsupported`) is taken off."""

    def __call__(self, examples: Sequence[Example], texts: Sequence[str]) -> list[float]:
        """What cannot be marked is worth nothing."""
        pairs = zip(examples, texts, strict=True)
        return [sum(self._marks(e, Prediction(text)), start=0.0) for e, text in pairs]

    def _marks(self, example: Example, prediction: Prediction) -> list[float]:
        marks = ((n, self.task.score(n, example, prediction).value) for n in self.weights)
        return [self._sign(n) * self.weights[n] * mark for n, mark in marks if mark is not None]

    def _sign(self, scorer: str) -> float:
        return 1.0 if module("task.scorers", scorer).BETTER == "higher" else -1.0

    def marks(self, example: Example) -> bool:
        """Whether some scorer can mark answers to `example`."""
        return bool(self._marks(example, Prediction(str(example.target))))


def make_reward(settings: Settings | None, task: Task) -> Scored:
    """The reward that a task file names; None: the metric that the bar names first.

    Raises `TaskError` for an unknown scorer, with the nearest one, and for a weight that says
    the opposite of its scorer.
    """
    if settings is None:
        settings = task.spec.bar.primary.metric
    weights = {settings: 1.0} if isinstance(settings, str) else dict(settings)
    for name, weight in weights.items():
        module("task.scorers", name)
        if weight <= 0:
            raise TaskError(
                f"the reward gives {name} the weight {weight:g}, and a weight is above 0",
                hint="marks of which less is better, as unsupported, are taken off by themselves",
            )
    if not weights:
        raise TaskError("the reward names no scorer", hint="write reward: exact, for instance")
    return Scored(task, weights)
