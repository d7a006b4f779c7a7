"""A suite that passes everything proves nothing: each claim, broken on purpose, must be noticed."""

import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pytest

from tailorbird.approaches.base import Run
from tailorbird.models.base import Completion, Progress, Sampling
from tailorbird.models.scripted import Scripted
from tailorbird.retrieve.base import Hit
from tailorbird.retrieve.sparse import Sparse
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Prompt, Score
from tailorbird.testing import (
    check_approach,
    check_lm,
    check_retriever,
    check_scorer,
    check_task,
)


@dataclass(frozen=True)
class Sound:
    """A solver that answers with the input's length; the broken ones change one thing."""

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        return [self.answer(e, i, examples) for i, e in enumerate(examples)]

    def answer(self, example: Example, place: int, all_of_them: Sequence[Example]) -> Prediction:
        return Prediction(str(len(example.text)), {"a": 0.25, "b": 0.75}, 0.75)

    def save(self, folder: Path) -> None:
        (folder / "nothing.json").write_text("{}")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls()


class Peeks(Sound):
    def answer(self, example: Example, *_: Any) -> Prediction:
        return Prediction(str(example.target))


class Routes(Sound):
    def answer(self, example: Example, *_: Any) -> Prediction:
        return Prediction(example.id)


class Counts(Sound):
    def answer(self, example: Example, place: int, all_of_them: Sequence[Example]) -> Prediction:
        return Prediction(str(len(all_of_them)))


class Places(Sound):
    def answer(self, example: Example, place: int, all_of_them: Sequence[Example]) -> Prediction:
        return Prediction(str(place))


class Dices(Sound):
    def answer(self, *_: Any) -> Prediction:
        return Prediction(str(random.random()))


class Drops(Sound):
    def predict(self, examples: Sequence[Example], progress: Any = None) -> list[Prediction]:
        return super().predict([e for e in examples if len(e.text) % 2])


class Overconfident(Sound):
    def answer(self, *_: Any) -> Prediction:
        return Prediction("x", confidence=1.5)


class Unsure(Sound):
    def answer(self, *_: Any) -> Prediction:
        return Prediction("x", {"a": 0.5, "b": 0.2})


class NumpyNumbers(Sound):
    def answer(self, *_: Any) -> Prediction:
        return Prediction("x", confidence=np.float32(0.5))  # type: ignore[arg-type]


class Brittle(Sound):
    def answer(self, example: Example, *_: Any) -> Prediction:
        return Prediction(max(example.text.split()))


class RefusesNone(Sound):
    def predict(self, examples: Sequence[Example], progress: Any = None) -> list[Prediction]:
        return super().predict(examples) if examples else [Prediction("")]


class Pickles(Sound):
    def save(self, folder: Path) -> None:
        (folder / "model.dat").write_bytes(pickle.dumps([1]))


class PicklesInNumpy(Sound):
    def save(self, folder: Path) -> None:
        np.savez(folder / "model.npz", words=np.array([{}], dtype=object))


class Forgets(Sound):
    def answer(self, example: Example, *_: Any) -> Prediction:
        return Prediction(getattr(self, "said", "a"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        solver = cls()
        object.__setattr__(solver, "said", "b")
        return solver


class Stays(Sound):
    def save(self, folder: Path) -> None:
        (folder / "where.txt").write_text(str(folder))

    @classmethod
    def load(cls, folder: Path) -> Self:
        Path((folder / "where.txt").read_text(), "where.txt").read_text()
        return cls()


@dataclass(frozen=True)
class Fits:
    """An approach that gives a ready solver."""

    solver: Any = Sound()

    def fit(self, task: Task, run: Run) -> Any:
        return self.solver


@dataclass(frozen=True)
class OpensTest(Fits):
    def fit(self, task: Task, run: Run) -> Any:
        task.examples("test")
        return self.solver


@dataclass(frozen=True, eq=False)
class NoValue:
    def fit(self, task: Task, run: Run) -> Any:
        return Sound()


@dataclass
class Changeable:
    def fit(self, task: Task, run: Run) -> Any:
        return Sound()


def test_a_sound_stranger_passes(label_task: Task, run: Callable[..., Run]):
    check_approach(Fits(), label_task, run())


@pytest.mark.parametrize(
    ("approach", "said"),
    [
        (OpensTest(), "test split closed"),
        (NoValue(), "does not equal its own copy"),
        (Changeable(), "frozen=True"),
        (Fits("no solver"), "lacks predict"),
        (Fits(Peeks()), "hiding target"),
        (Fits(Routes()), "hiding target"),
        (Fits(Counts()), "other examples"),
        (Fits(Places()), "order of the examples"),
        (Fits(Dices()), "changes answers"),
        (Fits(Drops()), "there must be one each"),
        (Fits(Overconfident()), "not a probability"),
        (Fits(Unsure()), "sum to 1"),
        (Fits(NumpyNumbers()), "not a probability"),
        (Fits(Brittle()), "strange inputs"),
        (Fits(RefusesNone()), "empty list"),
        (Fits(Pickles()), "holds a pickle"),
        (Fits(PicklesInNumpy()), "holds a pickle"),
        (Fits(Forgets()), "answers differently"),
        (Fits(Stays()), "another folder"),
    ],
    ids=lambda value: type(getattr(value, "solver", value)).__name__,
)
def test_a_broken_approach_is_caught(
    approach: Any, said: str, label_task: Task, run: Callable[..., Run]
):
    with pytest.raises(AssertionError, match=said):
        check_approach(approach, label_task, run())


# ---- scorers ---------------------------------------------------------------------------------


def scorer(score: Callable[..., Any], better: str = "higher") -> ModuleType:
    module = ModuleType("stranger")
    vars(module).update(BETTER=better, SUMMARY="a stranger's", score=score)
    return module


def right(example: Example, prediction: Prediction, task: Task) -> Score:
    return Score(float(prediction.text == example.target))


def test_a_sound_scorer_passes(label_task: Task):
    check_scorer(scorer(right), label_task)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (scorer(right, "more"), "BETTER"),
        (scorer(right, "lower"), "gold answer"),
        (scorer(lambda e, p, t: 1.0), "no Score"),
        (scorer(lambda e, p, t: Score(float("nan"))), "float in"),
        (scorer(lambda e, p, t: Score(2.0)), "float in"),
        (scorer(lambda e, p, t: Score(None)), "does not say why"),
        (scorer(lambda e, p, t: Score(None, "never")), "marks none"),
        (scorer(lambda e, p, t: Score(random.random())), "same answer"),
        (scorer(lambda e, p, t: Score(1.0 / (len(p.text) and 1))), "should mark"),
        (scorer(lambda e, p, t: Score(float(p.confidence is None))), "usage or confidence"),
    ],
    ids=range(10),
)
def test_a_broken_scorer_is_caught(module: ModuleType, said: str, label_task: Task):
    with pytest.raises(AssertionError, match=said):
        check_scorer(module, label_task)


# ---- language models, retrievers, tasks ------------------------------------------------------


class Swaps(Scripted):
    def complete(self, prompts: Sequence[Prompt], *rest: Any) -> list[Completion]:
        return super().complete(prompts, *rest)[::-1]


class Rambles(Scripted):
    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Any = None
    ) -> list[Completion]:
        return super().complete(prompts, replace(sampling, max_tokens=99), progress)


class Pretends(Scripted):
    @property
    def can_score(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("lm", "said"),
    [
        (Swaps({"one": "1", "two": "2"}), "order of the prompts|other prompts"),
        (Rambles(default="word " * 50), "tokens were allowed"),
        (Pretends(), "can_score is false"),
    ],
    ids=["order", "length", "score"],
)
def test_a_broken_model_is_caught(lm: Scripted, said: str):
    from tailorbird.task.types import Message

    prompts = [(Message("user", text),) for text in ("one", "two")]
    with pytest.raises(AssertionError, match=said):
        check_lm(lm, prompts)


def test_a_broken_retriever_is_caught():
    class Upside(Sparse):
        def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
            return [row[::-1] for row in super().search(queries, k)]

    module = ModuleType("stranger")
    vars(module).update(RETRIEVER=Upside)
    with pytest.raises(AssertionError, match="best first"):
        check_retriever(module)


def test_a_broken_task_is_caught(label_task: Task):
    test = label_task.examples("test")
    leaking = {**label_task.splits, "train": (*label_task.examples("train"), test[0])}
    with pytest.raises(AssertionError, match="stands in test"):
        check_task(replace(label_task, splits=leaking))
