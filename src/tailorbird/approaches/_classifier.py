"""Logistic regression over features, and what its classes answer. Shared by linear and encoder."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from tailorbird.extras import need
from tailorbird.models.base import Progress
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

_SAMPLE = 200
"""Answers of a class that are compared to find its typical one."""


class Features(Protocol):
    """Texts -> a matrix with one row each."""

    def __call__(self, texts: Sequence[str]) -> Any:
        """float[N, D], dense or sparse."""

    def save(self, folder: Path) -> None:
        """Write what was learned."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what was learned."""


@dataclass(frozen=True)
class Head:
    """A linear softmax layer: the arrays of a fitted LogisticRegression."""

    weights: Any
    """float64[C, D]; C is 1 for two classes."""
    bias: Any
    """float64[C]"""
    classes: tuple[str, ...]

    @classmethod
    def fit(cls, features: Any, classes: Sequence[str], strength: float) -> "Head":
        """Fit by L-BFGS; `strength` is scikit-learn's C (larger: less regularised)."""
        if len(set(classes)) == 1:
            width = features.shape[1]
            return cls(np.zeros((1, width)), np.zeros(1), (classes[0],))
        linear = need("sklearn.linear_model")
        model = linear.LogisticRegression(C=strength, max_iter=400, tol=1e-3)
        model.fit(features, classes)
        return cls(model.coef_, model.intercept_, tuple(map(str, model.classes_)))

    def probabilities(self, features: Any) -> Any:
        """float64[N, C] over `classes`."""
        logits = np.asarray(features @ self.weights.T) + self.bias
        if len(self.classes) == 2:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return odds / odds.sum(axis=1, keepdims=True)

    def save(self, folder: Path) -> None:
        """Write arrays and class names."""
        np.savez(folder / "head.npz", weights=self.weights, bias=self.bias)
        write_json(folder / "classes.json", self.classes)

    @classmethod
    def load(cls, folder: Path) -> "Head":
        """Read arrays and class names."""
        with np.load(folder / "head.npz", allow_pickle=False) as arrays:
            weights, bias = arrays["weights"], arrays["bias"]
        return cls(weights, bias, tuple(read_json(folder / "classes.json")))


def classify(
    features: Features, head: Head, answers: Mapping[str, str], examples: Sequence[Example]
) -> list[Prediction]:
    """The best class's answer per example, with its probability."""
    if not examples:
        return []
    return likeliest(
        head.probabilities(features([e.text for e in examples])), head.classes, answers
    )


def likeliest(
    probabilities: Any, classes: Sequence[str], answers: Mapping[str, str]
) -> list[Prediction]:
    """What the best class answers, for each row of float[N, C]."""
    out = []
    for row in probabilities:
        best = int(row.argmax())
        scores = {c: float(p) for c, p in zip(classes, row)}
        out.append(Prediction(answers[classes[best]], scores, float(row[best])))
    return out


def classes_and_answers(task: Task) -> tuple[list[str], dict[str, str]]:
    """What to predict for each training example, and the answer that each class gives.

    Labels are their own answers. For written answers the class is the routing field of the task
    (`outputs.route`), else the supporting document, else the answer itself; each class then
    sends its most typical training answer, as a canned reply would be.
    """
    train = task.examples("train")
    if task.spec.kind == "label":
        return [str(e.target) for e in train], {label: label for label in task.labels}
    classes = [_route(e, task.spec.outputs.route) for e in train]
    by_class: dict[str, list[str]] = defaultdict(list)
    for name, example in zip(classes, train):
        by_class[name].append(str(example.target))
    return classes, {name: _typical(answers) for name, answers in by_class.items()}


def _route(example: Example, field: str | None) -> str:
    if field is not None:
        return example.fields.get(field, "")
    return " + ".join(sorted(example.sources)) if example.sources else str(example.target)


def _typical(answers: Sequence[str]) -> str:
    """The commonest answer; among equally common ones, that which shares most words with all."""
    counts = Counter(answers)
    most = max(counts.values())
    best = [a for a, n in counts.items() if n == most][:_SAMPLE]
    bags = [set(a.lower().split()) for a in list(answers)[:_SAMPLE]]

    def likeness(answer: str) -> float:
        own = set(answer.lower().split())
        return sum(len(own & bag) / max(1, len(own | bag)) for bag in bags)

    return max(best, key=likeness)


@dataclass(frozen=True)
class Classifier:
    """Features, a linear head and the answers of its classes."""

    features: Features
    head: Head
    answers: Mapping[str, str]

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The best class's answer."""
        return classify(self.features, self.head, self.answers, examples)

    def save(self, folder: Path) -> None:
        """Write features, head and answers."""
        self.features.save(folder)
        self.head.save(folder)
        write_json(folder / "answers.json", dict(self.answers))

    @classmethod
    def load_with(cls, features: Features, folder: Path) -> Self:
        """Read head and answers."""
        return cls(features, Head.load(folder), read_json(folder / "answers.json"))
