"""Answers to changed inputs: what audits that ask a rung again share."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from tailorbird.approaches.base import Solver
from tailorbird.data.perturbations.base import question
from tailorbird.evaluate import chunks
from tailorbird.evaluate.audits.base import Subject
from tailorbird.evaluate.run import prediction_of
from tailorbird.models.base import Progress
from tailorbird.store import digest
from tailorbird.task.types import Example, Prediction

T = TypeVar("T")

CHUNK = 64
"""Items between two writes: the most that a kill can cost."""


def in_chunks(
    subject: Subject,
    name: str,
    items: Sequence[T],
    work: Callable[[Sequence[T]], Sequence[Any]],
) -> list[Any]:
    """One JSON value per item, kept in the audit's folder: see `evaluate/chunks.py`.

    `name` tells this work from other work of the same audit.
    """

    def counted(chunk: Sequence[T], tick: Progress) -> Sequence[Any]:
        made = work(chunk)
        tick(len(chunk))
        return made

    file = subject.folder / f"{digest(name)[:16]}.jsonl"
    title = f"{subject.rung}: {name}"
    return chunks.in_chunks(file, items, CHUNK, counted, title, subject.quiet)


def answered(
    subject: Subject, name: str, examples: Sequence[Example], solver: Solver | None = None
) -> list[Prediction]:
    """Answers of the rung (or of `solver` in its place) to `examples`; `name` is the work's."""
    asked = solver or subject.solver

    def work(chunk: Sequence[Example]) -> list[Any]:
        return [asdict(p) for p in asked.predict(chunk)]

    return [prediction_of(row) for row in in_chunks(subject, name, examples, work)]


def reader_of(solver: Solver) -> Any:
    """The part of a solver that asks a language model, or None."""
    for part in (solver, getattr(solver, "writer", None), getattr(solver, "student", None)):
        if callable(getattr(part, "lm", None)):
            return part
    return None


def drawn(count: int, limit: int | None, seed: int) -> list[int]:
    """Positions of `limit` of `count` items, drawn without replacement, in order; None: all."""
    if limit is None or limit >= count:
        return list(range(count))
    return sorted(random.Random(seed).sample(range(count), limit))


def dice(seed: int, *about: Any) -> random.Random:
    """Random numbers that depend on the seed and on what they are for, not on what came before."""
    return random.Random(digest([seed, *about]))


def shown(example: Example, prediction: Prediction) -> str:
    """Input and answer, for a sample."""
    answer = prediction.text if prediction.error is None else f"(error: {prediction.error})"
    return f"{question(example)}\n→ {answer}"
