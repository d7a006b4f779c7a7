"""TF-IDF and logistic regression: what any data scientist would try first, and often the winner."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from tailorbird.approaches._classifier import Classifier, Head, classes_and_answers
from tailorbird.approaches.base import Run
from tailorbird.extras import need
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task


@dataclass(frozen=True)
class TfIdf:
    """Words and word pairs, weighted by rarity."""

    vectorizer: Any

    @classmethod
    def fit(cls, texts: Sequence[str]) -> "TfIdf":
        """Learn vocabulary and rarity."""
        return cls(_vectorizer().fit(texts))

    def __call__(self, texts: Sequence[str]) -> Any:
        """Sparse float64[N, D]."""
        return self.vectorizer.transform(texts)

    def save(self, folder: Path) -> None:
        """Write vocabulary and rarity."""
        vocabulary = {t: int(i) for t, i in self.vectorizer.vocabulary_.items()}
        write_json(folder / "vocabulary.json", vocabulary)
        np.save(folder / "idf.npy", self.vectorizer.idf_, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read vocabulary and rarity."""
        vectorizer = _vectorizer(vocabulary=read_json(folder / "vocabulary.json"))
        vectorizer.idf_ = np.load(folder / "idf.npy", allow_pickle=False)
        return cls(vectorizer)


def _vectorizer(**settings: Any) -> Any:
    text = need("sklearn.feature_extraction.text")
    # One-letter words count: some inputs have no others, and an empty vocabulary is an error.
    return text.TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]", **settings
    )


class LinearSolver(Classifier):
    """A classifier whose features are TF-IDF."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved classifier."""
        return cls.load_with(TfIdf.load(folder), folder)


@dataclass(frozen=True)
class Linear:
    """Logistic regression over TF-IDF of words and word pairs."""

    strength: float = 30.0
    """Inverse regularisation (scikit-learn's C)."""

    def fit(self, task: Task, run: Run) -> LinearSolver:
        """Fit features and head on train."""
        classes, answers = classes_and_answers(task)
        texts = [e.text for e in task.examples("train")]
        features = TfIdf.fit(texts)
        return LinearSolver(features, Head.fit(features(texts), classes, self.strength), answers)


APPROACH = Linear
SOLVER = LinearSolver
