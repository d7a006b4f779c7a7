"""A rung that also learns from unlabelled inputs, with labels that several raters agree on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from tailorbird.approaches.base import Run, Solver, load_solver, make_approach, save_solver
from tailorbird.errors import TaskError
from tailorbird.models.base import Progress
from tailorbird.store import append_jsonl, read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

Named = str | Mapping[str, Any]
"""A rung: its name, or its name with its settings."""


@dataclass(frozen=True)
class SelfTrainedSolver:
    """The student of the best round."""

    student: Solver
    approach: str
    """The student's."""
    model: str
    """The run's; the student may use it."""

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The student's."""
        return self.student.predict(examples, progress)

    def save(self, folder: Path) -> None:
        """The student, in a folder of its own."""
        save_solver(self.student, self.approach, folder / "student")
        about = {"approach": self.approach, "model": self.model}
        write_json(folder / "self_trained.json", about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved solver."""
        return cls(load_solver(folder / "student"), **read_json(folder / "self_trained.json"))


@dataclass(frozen=True)
class SelfTrained:
    """Rounds of: raters label what is unlabelled, what they agree on is learned by the student.

    A round is kept when the student is better on dev than before; the first that is not ends it.
    """

    student: Named = "encoder"
    """The rung that learns from gold and pseudo-labels, and answers."""
    raters: tuple[Named, ...] = ("linear", "encoder")
    """Rungs that must agree. The same one twice is two seeds of it."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.9
    """The least probability that every rater must give the label."""
    per_class: Annotated[int, Field(ge=1)] | None = None
    """The most pseudo-labels of one class: the most certain ones."""
    rounds: Annotated[int, Field(ge=1)] = 3

    def __hash__(self) -> int:
        return hash(repr(self))

    def fit(self, task: Task, run: Run) -> SelfTrainedSolver:
        """Fit student and raters, round after round; keeps an audit of every pseudo-label."""
        _check(task)
        for rung in (self.student, *self.raters):
            make_approach(*_parts(rung))  # a misspelt one is said now, not after a round
        (run.folder / "pseudo_labels.jsonl").unlink(missing_ok=True)
        name, _ = _parts(self.student)
        best = self._fitted(self.student, task, run, "round-0/student", 0)
        mark = _mark(best, task)
        rounds: list[dict[str, Any]] = [{"round": 0, "dev": mark}]
        pseudo: tuple[Example, ...] = ()
        for number in range(1, self.rounds + 1):
            found, said = self._labelled(_with(task, pseudo), run, number)
            if not found or found == pseudo:
                rounds.append({"round": number, "stopped": "no new pseudo-labels", **said})
                break
            pseudo = found
            student = self._fitted(
                self.student, _with(task, pseudo), run, f"round-{number}/student", 0
            )
            now = _mark(student, task)
            rounds.append({"round": number, "dev": now, "kept": now > mark, **said})
            if now <= mark:
                break
            best, mark = student, now
        write_json(run.folder / "rounds.json", rounds)
        return SelfTrainedSolver(best, name, run.model)

    def _labelled(
        self, task: Task, run: Run, number: int
    ) -> tuple[tuple[Example, ...], dict[str, Any]]:
        """Accepted examples with their pseudo-labels as targets, and what was decided."""
        from tailorbird.train.pseudo_labels import ACCEPTED, judge, summary

        inputs = [e for e in task.unlabelled if not task.in_test(e)]
        hidden = [replace(e, target=None) for e in inputs]
        opinions = [
            self._fitted(rater, task, run, f"round-{number}/rater-{i}", i).predict(hidden)
            for i, rater in enumerate(self.raters)
        ]
        judged = judge(inputs, opinions, self.threshold, self.per_class)
        lines = ({"round": number, **j.to_json()} for j in judged)
        append_jsonl(run.folder / "pseudo_labels.jsonl", lines)
        kept = [j for j in judged if j.verdict == ACCEPTED]
        return tuple(replace(j.example, target=j.labels[0]) for j in kept), summary(judged)

    def _fitted(self, rung: Named, task: Task, run: Run, folder: str, seed: int) -> Solver:
        name, settings = _parts(rung)
        own = replace(run, folder=run.folder / folder, seed=run.seed + seed)
        own.folder.mkdir(parents=True, exist_ok=True)
        return make_approach(name, settings).fit(task, own)


def _parts(rung: Named) -> tuple[str, Mapping[str, Any]]:
    if isinstance(rung, str):
        return rung, {}
    if len(rung) != 1:
        raise TaskError(
            f"a rung is one name with its settings, and {len(rung)} are given",
            hint="write linear, or {linear: {strength: 10}}",
        )
    [(name, settings)] = rung.items()
    return name, settings or {}


def _check(task: Task) -> None:
    if task.spec.kind != "label":
        raise TaskError(
            "pseudo-labels need a closed list of labels",
            hint="for written answers, distil a larger model's: see docs/distillation.md",
        )
    if not task.unlabelled:
        raise TaskError(
            "self_trained learns from inputs without answers, and the task names none",
            hint="name files under data.unlabelled",
        )
    if not task.splits.get("dev"):
        raise TaskError("self_trained stops by the dev split, and the task has none")


def _with(task: Task, pseudo: Sequence[Example]) -> Task:
    """The task with pseudo-labelled examples behind its training examples."""
    return replace(task, splits={**task.splits, "train": (*task.examples("train"), *pseudo)})


def _mark(solver: Solver, task: Task) -> float:
    """The mean of the primary metric on dev, the larger the better."""
    from tailorbird.task.bar import higher_is_better

    dev, metric = task.examples("dev"), task.spec.bar.primary.metric
    marks = [task.score(metric, e, p).value or 0.0 for e, p in zip(dev, solver.predict(dev))]
    mean = sum(marks) / len(marks)
    return round(mean if higher_is_better(metric) else 1 - mean, 6)


APPROACH = SelfTrained
SOLVER = SelfTrainedSolver
