"""What a judge calls good: a language model whose agreement with people was measured.

The judge is a file that `tailorbird judge` wrote. One that agrees with people no more than by
chance may not decide, here as elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tailorbird.data.synth._bill import Billed
from tailorbird.data.synth.base import Material, Row
from tailorbird.evaluate.judges.base import Item
from tailorbird.evaluate.judges.record import JudgeRecord
from tailorbird.models.cached import Cached
from tailorbird.models.load import load_model
from tailorbird.progress import progress

STAGE = 6


@dataclass(frozen=True)
class Judge:
    """Rows with the best grade."""

    record: str | None = None
    """The judge's file, relative to the task file; none: no judge is asked."""

    def missing(self, material: Material) -> str | None:
        """Where no judge is named, or it must not decide."""
        if self.record is None:
            return "no judge is named (judge.record)"
        reason = self._read(material).cannot_gate()
        return None if reason is None else f"the judge may not decide: {reason}"

    def asks(self, material: Material) -> str | None:
        """The judge's model."""
        return None if self.record is None else self._read(material).model

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """The answer that is to be learned is graded, of a pair the better one."""
        record = self._read(material)
        kept = Cached(load_model(record.model, limits=material.task.spec.endpoint), material.cache)
        record.check_model(kept)
        lm = Billed(kept, record.model, material.bill, "judge")
        items = [(_item(row, material, record.shows), str(row.example.target)) for row in rows]
        with progress("judging", len(rows), material.quiet) as tick:
            said = record.rubric.grade(lm, items, tick)
        top = len(record.grades) - 1
        return [_reason(c.index, top) for c in said]

    def _read(self, material: Material) -> JudgeRecord:
        return JudgeRecord.load(material.task.folder / Path(self.record or ""))


def _item(row: Row, material: Material, shows: Sequence[str]) -> Item:
    documents = [material.task.document_by_id[s] for s in row.example.sources]
    sources = tuple(f"{d.title}: {d.text}" for d in documents) if "sources" in shows else ()
    return Item(row.example.text, sources=sources)


def _reason(grade: int | None, top: int) -> str | None:
    if grade is None:
        return "the judge's verdict could not be read"
    return None if grade == top else "the judge gives it less than the best grade"


FILTER = Judge
