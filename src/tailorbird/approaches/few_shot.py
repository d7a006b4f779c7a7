"""Demonstrations in the prompt: a fixed handful, or those most like the input."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tailorbird.approaches._demonstrations import brief, shown, varied
from tailorbird.approaches._prompted import Prompted, instructions, prompted
from tailorbird.approaches.base import Run
from tailorbird.retrieve import base as retrieval
from tailorbird.task.benchmark import Task


@dataclass(frozen=True)
class FewShot:
    """Training examples shown as earlier turns."""

    shots: Annotated[int, Field(ge=1)] = 4
    select: Literal["fixed", "similar"] = "fixed"
    by: str = "sparse"
    """How similar ones are found: sparse, dense or hybrid."""
    longest: Annotated[int, Field(ge=1)] = 120
    """Training examples with more words than this are not shown."""

    def fit(self, task: Task, run: Run) -> Prompted:
        """Choose the demonstrations, or index the pool to choose from."""
        pool = brief(task.examples("train"), self.longest, self.shots)
        if self.select == "similar":
            selector = retrieval.build(self.by, [e.text for e in pool], run.cache)
            return prompted(
                task, run, instructions(task),
                demonstrations=shown(pool), selector=selector, shots=self.shots,
            )  # fmt: skip
        chosen = varied(pool, self.shots, run.seed)
        return prompted(task, run, instructions(task), demonstrations=shown(chosen))


APPROACH = FewShot
SOLVER = Prompted
