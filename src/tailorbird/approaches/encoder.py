"""A linear head on sentence embeddings: meaning instead of words, still no language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tailorbird.approaches._classifier import Classifier, Head, classes_and_answers
from tailorbird.approaches.base import Run
from tailorbird.models.encoder import embed
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task


@dataclass(frozen=True)
class Embeddings:
    """Sentence embeddings of one encoder."""

    model: str

    def __call__(self, texts: Sequence[str]) -> Any:
        """float32[N, D], unit length."""
        return embed(texts, name=self.model)

    def save(self, folder: Path) -> None:
        """Write the encoder's name."""
        write_json(folder / "encoder.json", {"model": self.model})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the encoder's name."""
        return cls(**read_json(folder / "encoder.json"))


class EncoderSolver(Classifier):
    """A classifier whose features are embeddings."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved classifier."""
        return cls.load_with(Embeddings.load(folder), folder)


@dataclass(frozen=True)
class Encoder:
    """Logistic regression over sentence embeddings."""

    model: str = "minilm"
    """minilm (packaged), or a sentence-transformers hub id or folder."""
    strength: float = 30.0
    """Inverse regularisation (scikit-learn's C)."""

    def fit(self, task: Task, run: Run) -> EncoderSolver:
        """Embed train and fit the head."""
        classes, answers = classes_and_answers(task)
        vectors = embed([e.text for e in task.examples("train")], run.cache, self.model)
        head = Head.fit(vectors, classes, self.strength)
        return EncoderSolver(Embeddings(self.model), head, answers)


APPROACH = Encoder
SOLVER = EncoderSolver
