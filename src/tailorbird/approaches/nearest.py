"""The answer of the most similar training example."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tailorbird.approaches.base import Run
from tailorbird.models.base import Progress
from tailorbird.retrieve import base as retrieval
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Lookup:
    """Training inputs, searchable, with their answers."""

    retriever: retrieval.Retriever
    answers: tuple[str, ...]

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The answer of the best hit."""
        hits = self.retriever.search([e.text for e in examples], 1) if examples else []
        return [Prediction(self.answers[h[0].index]) for h in hits]

    def save(self, folder: Path) -> None:
        """Write index and answers."""
        retrieval.save(self.retriever, folder / "index")
        write_json(folder / "answers.json", self.answers)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read index and answers."""
        answers = tuple(read_json(folder / "answers.json"))
        return cls(retrieval.load(folder / "index"), answers)


@dataclass(frozen=True)
class Nearest:
    """Copy the neighbour: what a search over past cases would give."""

    by: str = "sparse"
    """sparse (words), dense (meaning) or hybrid."""

    def fit(self, task: Task, run: Run) -> Lookup:
        """Index the training inputs."""
        train = task.examples("train")
        index = retrieval.build(self.by, [e.text for e in train], run.cache)
        return Lookup(index, tuple(str(e.target) for e in train))


APPROACH = Nearest
SOLVER = Lookup
