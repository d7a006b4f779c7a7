"""Rows that say the same twice, word for word or nearly, inside one part.

Identical: the same to the character. Equal: all turns and the answer differ in case and white space
alone. Near: the shingles of both inputs, and
of both answers, are at least `threshold` alike (see `_near.py`). Equal inputs with different
answers contradict each other: see `labels.py`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tailorbird.data.doctor._near import Rows, Sketches, sketches, unavailable
from tailorbird.data.doctor._shingles import similarity
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Remedy, Sample
from tailorbird.task.types import Example

NAME = "duplicates"
FEW = 0.01
"""Share of copies up to which they are only worth knowing."""
EXPONENT = 0.35
"""At best, error falls with this power of the number of rows (Hestness et al. 2017,
arXiv:1712.00409, section 1)."""
NOUNS: dict[Part, str] = {
    "train": "training rows",
    "dev": "dev rows",
    "test": "test items",
    "unlabelled": "inputs without answers",
    "rows": "rows",
}

MEANING: dict[Part, str] = {
    "train": "they weigh double and teach little or nothing new",
    "dev": "they weigh double when settings are chosen",
    "test": "they weigh double in every mark, and its interval is too narrow; take them out, or "
    "give them one group",
    "unlabelled": "they take time and teach little or nothing new",
    "rows": "they weigh double and teach little or nothing new",
}

Likeness = Literal["identical", "equal", "near"]
HOW: dict[Likeness, str] = {
    "identical": "word for word",
    "equal": "but for case and white space",
    "near": "nearly word for word",
}
EQUAL: tuple[Likeness, ...] = ("identical", "equal")

Copies = dict[int, int]
"""A row -> the row that it copies."""


@dataclass(frozen=True)
class Duplicates:
    """Copies inside a part, word for word and near."""

    threshold: Annotated[float, Field(gt=0.3, le=1)] = 0.7
    """Similarity from which two rows are near copies: shared runs of three words over all."""

    def missing(self, patient: Patient) -> str | None:
        """It needs rensa, and rows."""
        return unavailable() if sum(patient.rows.values()) else "there are no rows"

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        return _Examination(self, patient, sketches(patient))


CHECK = Duplicates


@dataclass(frozen=True)
class _Examination:
    check: Duplicates
    patient: Patient
    seen: Sketches

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        self.seen.look(part, rows)

    def findings(self) -> Iterator[Finding]:
        for part in self.patient.rows:
            rows = self.seen.rows(part)
            left = rows
            for likeness in EQUAL:
                firsts = self.seen.first_of_equals(left, likeness == "identical")
                copy = firsts != left
                copies = dict(zip(left[copy].tolist(), firsts[copy].tolist()))
                if copies:
                    yield self._finding(part, rows, copies, likeness)
                left = left[~copy]
            near = dict(self.seen.copies(left, self.check.threshold))
            if near:
                yield self._finding(part, rows, near, "near")

    def _finding(self, part: Part, rows: Rows, copies: Copies, likeness: Likeness) -> Finding:
        share = len(copies) / len(rows)
        effect, why = _effect(part, share)
        sizes = Counter(copies.values())
        return Finding(
            check=NAME,
            level="warning" if share > FEW and part in ("train", "test", "rows") else "note",
            text=f"{len(copies):,} of {len(rows):,} {NOUNS[part]} repeat another {HOW[likeness]}, "
            f"with the same answer: {MEANING[part]}",
            affected=len(copies),
            effect=effect,
            why=why,
            samples=tuple(self._samples(copies, sizes, likeness == "near")),
            remedy=None if part == "test" else self._remedy(copies, likeness),
            details={
                "part": part,
                "likeness": likeness,
                "originals": len(sizes),
                "most_copies_of_one": max(sizes.values()),
            },
        )

    def _samples(self, copies: Copies, sizes: Counter[int], nearly: bool) -> Iterator[Sample]:
        """One copy of each of the rows that are copied most."""
        one = {original: copy for copy, original in reversed(copies.items())}
        for original, n in sizes.most_common(SHOWN):
            copied, mine = self.seen.record(original), self.seen.record(one[original])
            note = f"copies {copied.id}" if n == 1 else f"one of {n:,} rows that copy {copied.id}"
            if nearly:
                alike = 100 * similarity(mine.input, copied.input)
                note += f"; {alike:.0f} % alike: {copied.shown}"
            yield self.seen.sample(one[original], note)

    def _remedy(self, copies: Copies, likeness: Likeness) -> Remedy:
        near = likeness == "near"
        reason = "a near copy of another row" if near else "the same as another row"
        ids = {self.seen.record(r).id: self.seen.record(first).id for r, first in copies.items()}
        notes = {row: f"copies {first}" for row, first in ids.items()}
        return Remedy("drop", dict.fromkeys(ids), reason, likeness == "identical", notes)


def _effect(part: Part, share: float) -> tuple[float, str]:
    if part in ("train", "rows"):
        return 1 - (1 - share) ** EXPONENT, (
            f"as if a rung had learned from {100 * share:.2g} % fewer rows, where errors fall with "
            f"the power {EXPONENT} of their number, the most that is usual"
        )
    if part == "test":
        return share, "the share of test items that say nothing of their own"
    return 0.0, "marks of the test split do not depend on these rows"
