"""Marks of prompts on items, kept on the disk so that none is asked for twice."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tailorbird.approaches._prompted import Prompted
from tailorbird.models.base import Progress
from tailorbird.models.files import identify
from tailorbird.store import append_jsonl, digest, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example

CHUNK = 32
"""Items that are answered and saved together: what a kill can lose."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How one prompt did on one item."""

    value: float | None
    """Of the metric; None where it could not be marked."""
    tokens: int
    """Of the prompt."""
    text: str
    """What was answered."""


@dataclass
class Evaluations:
    """Everything that was judged, in memory and in `file`."""

    file: Path
    task: Task
    metric: str
    model: str
    asked: int = 0
    """Answers that this process asked for."""
    known: dict[str, Mark] = field(init=False)

    def __post_init__(self) -> None:
        self.known = {
            row["key"]: Mark(row["value"], row["tokens"], row["text"])
            for row in read_jsonl(self.file)
        }

    def judge(self, solver: Prompted, items: Sequence[Example], tick: Progress) -> list[Mark]:
        """A mark per item; only what is not known yet is asked for.

        What failed is wrong, and asked for again by the next process: an endpoint may be back.
        """
        prompt = self._identify(solver)
        keys = [digest([prompt, [[m.role, m.content] for m in e.turns], e.target]) for e in items]
        missing = {k: e for k, e in zip(keys, items) if k not in self.known}
        tick(len(items) - len(missing))
        names = list(missing)
        for start in range(0, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            self._ask(solver, {k: missing[k] for k in chunk})
            tick(len(chunk))
        return [self.known[k] for k in keys]

    def _ask(self, solver: Prompted, chunk: dict[str, Example]) -> None:
        predictions = solver.predict(list(chunk.values()))
        self.asked += len(chunk)
        rows = []
        for (key, example), answer in zip(chunk.items(), predictions):
            value = self.task.score(self.metric, example, answer).value
            mark = Mark(value, answer.usage.prompt_tokens, answer.text)
            self.known[key] = mark
            if answer.error is None:
                rows.append({"key": key, "item": example.id, **asdict(mark)})
        append_jsonl(self.file, rows)

    def _identify(self, solver: Prompted) -> str:
        """Changes when the prompt's answers could."""
        return digest(
            [
                identify(self.model),
                self.metric,
                solver.system,
                solver.max_tokens,
                [[d.input, d.target] for d in solver.demonstrations],
                solver.shots,
                type(solver.selector).__name__,
                solver.passages,
                type(solver.index.retriever).__name__ if solver.index else None,
            ]
        )
