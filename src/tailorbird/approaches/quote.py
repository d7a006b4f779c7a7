"""Search alone: the passage found is the answer, in the words of the documents."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from tailorbird.approaches._abstention import Abstention, calibrate, phrase, require_nearness
from tailorbird.approaches._prompted import passage_index
from tailorbird.approaches.base import Run
from tailorbird.errors import TaskError
from tailorbird.models.base import Progress
from tailorbird.retrieve.passages import Passage, PassageIndex
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Quoting:
    """Passages, searchable."""

    index: PassageIndex
    passages: int
    """Quoted per input."""
    abstention: Abstention | None = None
    """When nothing is near enough to be quoted."""

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The passages found, one after another, cited."""
        found = self._found(examples) if examples else []
        return [self._answer(passages, near) for passages, near in found]

    def _found(self, examples: Sequence[Example]) -> list[tuple[list[Passage], float]]:
        """Passages per example, and how near the best one is."""
        rows = self.index.scored([e.text for e in examples], self.passages)
        return [([passage for passage, _ in row], row[0][1] if row else -inf) for row in rows]

    def _answer(self, passages: Sequence[Passage], nearness: float) -> Prediction:
        if self.abstention and self.abstention.unfounded(nearness):
            return Prediction(self.abstention.text)
        cited = dict.fromkeys(p.document for p in passages)
        return Prediction("\n".join(p.text for p in passages), citations=tuple(cited))

    def calibrated(self, task: Task) -> Self:
        """The same, abstaining as the task does where nothing is near and that pays on dev."""
        text, found = phrase(task, "calibrate"), self._found(task.examples("dev"))
        answers = [self._answer(passages, near) for passages, near in found]
        _, below = calibrate(task, text, answers, [near for _, near in found])
        return replace(self, abstention=Abstention(text, text, below=below))

    def save(self, folder: Path) -> None:
        """Write settings and index."""
        self.index.save(folder / "passages")
        silent = asdict(self.abstention) if self.abstention else None
        write_json(folder / "quote.json", {"passages": self.passages, "abstention": silent})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read settings and index."""
        settings = read_json(folder / "quote.json")
        silent = settings["abstention"]
        return cls(
            PassageIndex.load(folder / "passages"),
            settings["passages"],
            Abstention(**silent) if silent else None,
        )


@dataclass(frozen=True)
class Quote:
    """Answer with the passage that matches the input best: what a search box would show."""

    passages: Annotated[int, Field(ge=1)] = 1
    """Quoted per input."""
    by: str = "hybrid"
    """sparse (words), dense (meaning), hybrid, cases or trained (both from past questions)."""
    calibrate: bool = False
    """Choose on dev how near the best passage must be; where it is not, abstain. Not with hybrid,
    which ranks."""

    def fit(self, task: Task, run: Run) -> Quoting:
        """Index the documents. Raises `TaskError` for a task of labels."""
        if task.labels:
            raise TaskError(
                "quote answers with passages, and this task wants labels",
                hint="leave quote out, or use nearest",
            )
        if self.calibrate:
            phrase(task, "calibrate")
            require_nearness(self.by, "calibrate")
        solver = Quoting(passage_index(task, self.by, run.cache), self.passages)
        return solver.calibrated(task) if self.calibrate else solver


APPROACH = Quote
SOLVER = Quoting
