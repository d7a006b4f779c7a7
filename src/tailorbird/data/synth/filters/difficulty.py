"""Rows that teach something: not what a cheap rung is sure of, nor what it is sure is wrong.

The rung is fitted on the training rows that were found. Where it is sure of the row's own label,
the row tells it nothing new; where it is sure of another one, the label is probably wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.approaches.base import Run, make_approach
from tailorbird.data.synth.base import Material, Row
from tailorbird.task.types import Prediction

STAGE = 4


@dataclass(frozen=True)
class Difficulty:
    """By the probability that a rung gives."""

    rung: str = "linear"
    """A rung that gives label scores."""
    solved: Annotated[float, Field(gt=0, le=1)] = 0.98
    """Probability of the row's own label from which it is too easy."""
    doubted: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Probability of another label from which the row's is taken to be wrong."""

    def missing(self, material: Material) -> str | None:
        """For written answers: a wrong one is not known by its probability."""
        if material.task.spec.kind != "label":
            return "no cheap rung knows how sure it is of a written answer"
        return None if material.seeds else "there are no rows to fit a rung on"

    def asks(self, material: Material) -> str | None:
        """Nobody."""
        return None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Pairs of answers pass."""
        at = [i for i, row in enumerate(rows) if row.made.rejected is None]
        reasons: list[str | None] = [None] * len(rows)
        if at:
            examples = [rows[i].example for i in at]
            run = Run(
                material.cache / "difficulty", material.task.spec.model, material.cache,
                material.seed, material.quiet,
            )  # fmt: skip
            run.folder.mkdir(parents=True, exist_ok=True)
            solver = make_approach(self.rung, {}).fit(material.found, run)
            for i, said in zip(at, solver.predict(examples), strict=True):
                reasons[i] = self._reason(str(rows[i].example.target), said)
        return reasons

    def _reason(self, target: str, said: Prediction) -> str | None:
        scores = said.label_scores or {}
        if scores.get(target, 0.0) >= self.solved:
            return f"{self.rung} is sure of it already"
        if max((p for label, p in scores.items() if label != target), default=0) >= self.doubted:
            return f"{self.rung} is sure that the label is another one"
        return None


FILTER = Difficulty
