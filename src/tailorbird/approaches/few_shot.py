"""Demonstrations in the prompt: a fixed handful, or those most like the input."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tailorbird.approaches._prompted import Demonstration, Prompted, instructions, prompted
from tailorbird.approaches.base import Run
from tailorbird.retrieve import base as retrieval
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example


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
        train = task.examples("train")
        brief = [e for e in train if len(f"{e.text} {e.target}".split()) <= self.longest]
        pool = brief or sorted(train, key=lambda e: len(e.text))[: self.shots]
        if self.select == "similar":
            selector = retrieval.build(self.by, [e.text for e in pool], run.cache)
            return prompted(
                task, run, instructions(task),
                demonstrations=_shown(pool), selector=selector, shots=self.shots,
            )  # fmt: skip
        chosen = _varied(pool, self.shots, run.seed)
        return prompted(task, run, instructions(task), demonstrations=_shown(chosen))


def _shown(examples: Sequence[Example]) -> tuple[Demonstration, ...]:
    return tuple(Demonstration(e.text, str(e.target)) for e in examples)


def _varied(pool: Sequence[Example], shots: int, seed: int) -> list[Example]:
    """A seeded choice with as many different answers as there are shots, where possible."""
    order = random.Random(seed).sample(list(pool), len(pool))
    first_of_each = list({e.target: e for e in reversed(order)}.values())[::-1]
    rest = [e for e in order if e not in first_of_each[:shots]]
    return (first_of_each[:shots] + rest)[:shots]


APPROACH = FewShot
SOLVER = Prompted
