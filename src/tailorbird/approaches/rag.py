"""Retrieval-augmented generation: the passages that match the input stand in the prompt."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.approaches._abstention import phrase
from tailorbird.approaches._prompted import Prompted, instructions, passage_index, prompted
from tailorbird.approaches.base import Run
from tailorbird.task.benchmark import Task


@dataclass(frozen=True)
class RAG:
    """Search the documents, then answer from what was found; the sources are cited."""

    passages: Annotated[int, Field(ge=1)] = 3
    """Shown per input; a small model is distracted by many."""
    by: str = "hybrid"
    """sparse (words), dense (meaning), hybrid, cases or trained (both from past questions)."""
    calibrate: bool = False
    """Choose on dev when to abstain: how probable that must be, or how far the best passage."""

    def fit(self, task: Task, run: Run) -> Prompted:
        """Index the documents."""
        if self.calibrate:
            phrase(task, "calibrate")
        index = passage_index(task, self.by, run.cache)
        system = instructions(task, with_passages=True)
        solver = prompted(task, run, system, index=index, passages=self.passages)
        return solver.calibrated(task, "calibrate") if self.calibrate else solver


APPROACH = RAG
SOLVER = Prompted
