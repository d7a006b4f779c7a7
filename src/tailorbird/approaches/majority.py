"""The floor: always the commonest answer of the training data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tailorbird.approaches.base import Run
from tailorbird.models.base import Progress
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Constant:
    """Answers the same to everything."""

    answer: str
    share: float
    """How often it was right in training."""

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The one answer, once per example."""
        return [Prediction(self.answer, confidence=self.share) for _ in examples]

    def save(self, folder: Path) -> None:
        """Write the answer."""
        write_json(folder / "constant.json", {"answer": self.answer, "share": self.share})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the answer."""
        return cls(**read_json(folder / "constant.json"))


@dataclass(frozen=True)
class Majority:
    """The commonest training answer; the first of those on a tie."""

    def fit(self, task: Task, run: Run) -> Constant:
        """Count answers."""
        train = task.examples("train")
        (answer, count), *_ = Counter(str(e.target) for e in train).most_common(1)
        return Constant(answer, count / len(train))


APPROACH = Majority
SOLVER = Constant
