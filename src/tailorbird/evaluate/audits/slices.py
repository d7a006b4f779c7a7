"""Every slice of every field: how well the rung does for each kind of item, not only the worst."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.audits.base import Audited, Line, Subject
from tailorbird.evaluate.slices import Slice, all_slices
from tailorbird.evaluate.statistics import Estimate


@dataclass(frozen=True)
class EverySlice:
    """The primary metric on every value of every field, each tested against the rest."""

    least: Annotated[int, Field(ge=1)] = 8
    """Slices with fewer marked items are not looked at."""
    at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """How far a slice may lie on the bad side of the mean of all items."""

    def missing(self, subject: Subject) -> str | None:
        """Where no item could be marked, or no slice has enough items."""
        return None if self._slices(subject)[1] else "no field splits the test items into slices"

    def examine(self, subject: Subject) -> Audited:
        """No new answers are needed."""
        overall, slices = self._slices(subject)
        assert overall is not None  # else it is missing
        lines = [Line("all items", overall)]
        lines += [self._line(subject, overall, each) for each in slices]
        differ = [s for s in slices if s.p_value < 0.05]
        return Audited(
            audit="slices", title="Slices", measure=subject.metric, share=True,
            higher_is_better=subject.higher, lines=tuple(lines), notes=_notes(slices, differ),
        )  # fmt: skip

    def _slices(self, subject: Subject) -> tuple[Estimate | None, tuple[Slice, ...]]:
        examples = subject.task.examples("test")
        marks = subject.marks(examples, subject.predictions)
        return all_slices(examples, marks, subject.seed, subject.higher, self.least)

    def _line(self, subject: Subject, overall: Estimate, found: Slice) -> Line:
        """p: the slice against the rest."""
        sign = 1 if subject.higher else -1
        low, value, high = (
            sign * (overall.value - v)
            for v in (found.estimate.high, found.estimate.value, found.estimate.low)[::sign]
        )
        behind = Estimate(value, low, high, found.estimate.n, found.estimate.units, "difference")
        return Line(
            f"{found.field} = {found.value}", found.estimate, p_value=found.p_value,
            holds=subject.at_most(behind, self.at_most),
        )  # fmt: skip


def _notes(slices: tuple[Slice, ...], differ: list[Slice]) -> tuple[str, ...]:
    first = (
        f"{len(slices)} slices were looked at; p is of each against the rest, corrected for all "
        "of them (Holm)."
    )
    if not differ:
        return (first, "None differs from the rest (p < 0.05): what looks weak is a lead.")
    named = ", ".join(f"{s.field} = {s.value}" for s in differ)
    return (first, f"Different from the rest (p < 0.05): {named}.")


AUDIT = EverySlice
