"""Nothing twice: no input of train or of an earlier row, and none that is nearly the same.

As alike as their runs of three words: shared ones over all (Jaccard). Compared exactly, as made-up
rows are thousands, not millions. The row that another was made from may be near to it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse

from tailorbird.data.synth.base import Material, Row
from tailorbird.task.types import Comparison, Example

STAGE = 3
_RUN = 3
_BLOCK = 256
"""Rows that are compared with all others at once."""


@dataclass(frozen=True)
class Duplicates:
    """Exact and near copies."""

    at_least: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Similarity from which two inputs are the same."""

    def missing(self, material: Material) -> str | None:
        """Never."""
        return None

    def asks(self, material: Material) -> str | None:
        """Nobody."""
        return None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Pairs of answers are compared with pairs, and are the same only where all is equal."""
        reasons: list[str | None] = [None] * len(rows)
        singles = [i for i, row in enumerate(rows) if row.made.rejected is None]
        found = self._singles([rows[i] for i in singles], material.task.examples("train"))
        for i, reason in zip(singles, found, strict=True):
            reasons[i] = reason
        seen = {_pair(c.input, c.answers) for c in material.task.comparisons}
        for i, row in enumerate(rows):
            if row.made.rejected is not None:
                key = _pair(row.example.input, (str(row.example.target), row.made.rejected))
                reasons[i] = "the same pair was there before" if key in seen else None
                seen.add(key)
        return reasons

    def _singles(self, rows: Sequence[Row], train: Sequence[Example]) -> list[str | None]:
        said = {e.folded for e in train}
        alike = _Alike([e.asked for e in train], [r.example.asked for r in rows])
        kept: set[int] = set()
        reasons: list[str | None] = []
        for i, (row, near) in enumerate(zip(rows, alike.pairs(self.at_least), strict=True)):
            reason = None
            if row.example.folded in said:
                reason = "the same input was there before"
            elif any(n < len(train) and train[n].id != row.of for n in near):
                reason = "nearly the same input stands in train"
            elif any(n >= len(train) and n - len(train) in kept for n in near):
                reason = "nearly the same row was made before"
            if reason is None:
                kept.add(i)
                said.add(row.example.folded)
            reasons.append(reason)
        return reasons


def _pair(given: Any, answers: Iterable[str]) -> tuple[str, ...]:
    folded = Comparison("", given, tuple(answers))
    return (Example("", folded.input).folded, *(a.casefold() for a in folded.answers))


class _Alike:
    """Old and new texts as sets of runs of words."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        known: dict[str, int] = {}
        sets = [
            [known.setdefault(run, len(known)) for run in set(_runs(text))] for text in (*old, *new)
        ]
        ends = np.cumsum([0, *map(len, sets)])
        flat = np.fromiter((i for s in sets for i in s), dtype=np.int64, count=int(ends[-1]))
        shape = (len(sets), max(1, len(known)))
        self.rows = sparse.csr_matrix((np.ones(len(flat), np.int32), flat, ends), shape=shape)
        self.sizes = np.diff(ends)
        self.first = len(old)

    def pairs(self, at_least: float) -> Iterator[list[int]]:
        """For each new text the places of earlier texts that are as alike, old ones first."""
        for start in range(self.first, len(self.sizes), _BLOCK):
            shared = (self.rows[start : start + _BLOCK] @ self.rows.T).tocsr()
            for i in range(shared.shape[0]):
                part = slice(shared.indptr[i], shared.indptr[i + 1])
                others, common = shared.indices[part], shared.data[part]
                whole = self.sizes[start + i] + self.sizes[others] - common
                near = others[(common >= at_least * whole) & (others < start + i)]
                yield sorted(map(int, near))


def _runs(text: str) -> Iterator[str]:
    words = text.split()
    if len(words) < _RUN:
        yield text
    for at in range(len(words) - _RUN + 1):
        yield " ".join(words[at : at + _RUN])


FILTER = Duplicates
