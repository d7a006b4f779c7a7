"""What an answer is worth while a model learns from its own answers.

A reward is made of the task's scorers, so that what is learned is what the bar asks for; or it is
what a reward model says, which people's comparisons have taught; or the sum of both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tailorbird.errors import TaskError
from tailorbird.registry import module
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Prompt
from tailorbird.train.material import Material
from tailorbird.train.reward_model import RewardModel, learned

Settings = str | Mapping[str, float | str]
"""A scorer, or several with their weights, and a reward model: `exact`,
`{facts: 1, unsupported: 0.5}`, `{exact: 1, model: FOLDER}`, `{model: preferences}`."""
MODEL = "model"
PREFERENCES = "preferences"
"""In place of a folder: train the reward model on the task's preferences."""


class Reward(Protocol):
    """Worth of answers, the more the better."""

    def __call__(self, examples: Sequence[Example], texts: Sequence[str]) -> list[float]:
        """One number for each answer `texts[i]` to `examples[i]`."""

    def marks(self, example: Example) -> bool:
        """Whether answers to `example` can be marked at all."""


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
        return 1.0 if higher_is_better(scorer) else -1.0

    def marks(self, example: Example) -> bool:
        """Whether some scorer can mark the gold answer."""
        return bool(self._marks(example, Prediction(str(example.target))))


@dataclass(frozen=True)
class Judged:
    """What a reward model says."""

    model: RewardModel
    prompt: Callable[[Example], Prompt]

    def __call__(self, examples: Sequence[Example], texts: Sequence[str]) -> list[float]:
        """Of each answer, as if it had ended."""
        return self.model.score([self.prompt(e) for e in examples], texts)

    def marks(self, example: Example) -> bool:
        """It has something to say of everything."""
        return True


@dataclass(frozen=True)
class Added:
    """The sum of several rewards."""

    parts: tuple[Reward, ...]

    def __call__(self, examples: Sequence[Example], texts: Sequence[str]) -> list[float]:
        """Of each answer."""
        return [sum(each) for each in zip(*(part(examples, texts) for part in self.parts))]

    def marks(self, example: Example) -> bool:
        """Whether all can."""
        return all(part.marks(example) for part in self.parts)


def make_reward(settings: Settings | None, material: Material) -> Reward:
    """The reward that a task file names; None: the metric that the bar names first.

    Raises `TaskError` for an unknown scorer, with the nearest one, and for a weight that says
    the opposite of its scorer, and `ModelError` where there is no reward model.
    """
    if settings is None:
        settings = material.task.spec.bar.primary.metric
    named = {settings: 1.0} if isinstance(settings, str) else dict(settings)
    folder = named.pop(MODEL, None)
    parts: list[Reward] = []
    if named:
        parts.append(Scored(material.task, {n: _weight(n, w) for n, w in named.items()}))
    if folder is not None:
        parts.append(_judged(str(folder), material))
    if not parts:
        raise TaskError("the reward names no scorer", hint="write reward: exact, for instance")
    return parts[0] if len(parts) == 1 else Added(tuple(parts))


def _judged(folder: str, material: Material) -> Judged:
    def ask(example: Example) -> Prompt:
        return material.ask(example, None)

    if folder != PREFERENCES:
        return Judged(RewardModel.load(Path(folder)), ask)
    made = learned(
        material.task, ask, material.model, material.folder / "reward_model",
        seed=material.seed, quiet=material.quiet,
    )  # fmt: skip
    return Judged(made, ask)


def _weight(scorer: str, weight: float | str) -> float:
    module("task.scorers", scorer)
    if isinstance(weight, str) or weight <= 0:
        raise TaskError(
            f"the reward gives {scorer} the weight {weight}, and a weight is a number above 0",
            hint="marks of which less is better, as unsupported, are taken off by themselves",
        )
    return weight
