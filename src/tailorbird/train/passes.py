"""A batch in several forward and backward passes: it teaches the same, and less is held at once.

Losses are sums, so the gradients of the parts add up to that of the batch. On a CPU a thousand
tokens are enough for matrix products to run at full rate, and what is kept for the gradient of the
next thousand can go where that of the last was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tailorbird.train.objectives.base import Objective
from tailorbird.train.rows import Batch

CPU_TOKENS = 1024
"""Tokens of one pass on a CPU."""


@dataclass(frozen=True)
class Passes:
    """Collates the rows of a batch into one or several."""

    objective: Objective
    tokens: int | None
    """The most that one pass may hold, padding not counted; a longer row is a pass of its own.
    None: everything is one pass."""

    def __call__(self, rows: Sequence[dict[str, Any]]) -> list[Batch]:
        """`{"row": row}` dictionaries as batches, rows of like length together."""
        if self.tokens is None:
            return [self.objective.collate(rows)]
        parts: list[list[dict[str, Any]]] = []
        room = 0
        for row in sorted(rows, key=_length):
            size = _length(row)
            if not parts or size > room:
                parts.append([])
                room = self.tokens
            parts[-1].append(row)
            room -= size
        return [self.objective.collate(part) for part in parts]


def _length(row: dict[str, Any]) -> int:
    return len(row["row"].tokens)
