"""The two protocols of the ladder. The file name is the registry: a rung is one file beside this.

An `Approach` is a frozen dataclass; its fields are the whole configuration. `fit` sees train and
dev, never test. What it returns, a `Solver`, is data: it saves to a folder and loads from it.
Each approach's module exports its class as `APPROACH`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from tailorbird.errors import StoreError
from tailorbird.models.base import Progress
from tailorbird.registry import module
from tailorbird.settings import from_settings
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Run:
    """Where a fit may leave its files, and what it may use."""

    folder: Path
    """Owned by this fit alone; checkpoints found here are resumed."""
    model: str
    """The model that prompting rungs use; see `models.load`."""
    cache: Path
    """Shared by all rungs of a climb: embeddings, indexes. Safe to delete."""
    seed: int = 0
    quiet: bool = False
    watch: Callable[[int, float], None] | None = None
    """Is told, while weights are trained, how many of twenty parts are over and the loss in the
    last one; what it raises ends the training."""


@runtime_checkable
class Solver(Protocol):
    """What is evaluated, approved and served."""

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """One prediction per example, in order; reads inputs, never targets."""

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs; no pickle."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The solver that was saved, giving equal predictions."""


@runtime_checkable
class Approach(Protocol):
    """One way to solve the task."""

    def fit(self, task: Task, run: Run) -> Solver:
        """Learn from train (and dev) whatever this approach learns."""


def make_approach(name: str, settings: Mapping[str, Any]) -> Approach:
    """The approach `name` with `settings`; an unknown setting is refused with the nearest one."""
    approach: Approach = from_settings("approaches", name, settings, "approach", "APPROACH")
    return approach


def save_solver(solver: Solver, approach: str, folder: Path) -> None:
    """Save with the name of the approach that can load it again."""
    folder.mkdir(parents=True, exist_ok=True)
    solver.save(folder)
    write_json(folder / "solver.json", {"version": 1, "approach": approach})


def load_solver(folder: Path) -> Solver:
    """The solver in `folder`, whatever approach made it."""
    try:
        name = read_json(folder / "solver.json")["approach"]
    except (OSError, KeyError) as error:
        raise StoreError(f"no saved solver in {folder}") from error
    solver: Solver = module("approaches", name).SOLVER.load(folder)
    return solver
