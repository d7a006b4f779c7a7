"""A rung to audit in one line: a solver that answers as a function of the text it reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tailorbird.evaluate.audits.base import Audited, Line, Subject
from tailorbird.models.base import Progress
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass
class Says:
    """Answers with `answer` of the input."""

    answer: Callable[[str], str]
    asked: int = 0

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        self.asked += len(examples)
        return [Prediction(self.answer(e.text)) for e in examples]

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


def subject(task: Task, solver: Any, folder: Path) -> Subject:
    """The solver as it was measured on the test items."""
    answers = tuple(solver.predict(task.examples("test")))
    return Subject(task, "rung", solver, answers, folder / "work", folder / "cache", quiet=True)


def lines(found: Audited) -> dict[str, Line]:
    """By name, which no two lines share."""
    assert len({x.name for x in found.lines}) == len(found.lines)
    return {x.name: x for x in found.lines}


def significant(found: Audited) -> set[str]:
    """The lines whose change is shown."""
    shown = lines(found).items()
    return {name for name, x in shown if x.p_value is not None and x.p_value < 0.05}
