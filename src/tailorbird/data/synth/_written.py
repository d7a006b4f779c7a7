"""Rows as they are written: in the columns that the task names, with where they came from."""

from collections.abc import Sequence
from typing import Any

from tailorbird.data.synth.base import Row
from tailorbird.task.task import Columns, Data
from tailorbird.task.types import Prompt

_PLAIN = Columns(id="id", sources="sources", facts="facts", answerable="answerable", group="group")
"""What rows without named columns are read by (`formats/base.py`)."""


def as_row(row: Row, passed: Sequence[str], data: Data) -> dict[str, Any]:
    """An example; a position is written as a key, and a dotted path as a name with dots: both are
    read back. Every named column is there, as a file that lacks one is refused."""
    example, columns = row.example, data.columns or _PLAIN
    told = (
        (columns.id, example.id),
        (columns.input, _given(example.input)),
        (columns.target, example.target),
        (columns.sources, list(example.sources)),
        (columns.facts, list(example.facts)),
        (columns.answerable, example.answerable),
        (columns.group, example.group),
        (columns.time, None),
        *((name, example.fields.get(str(name))) for name in columns.fields),
    )
    written = {str(column): value for column, value in told if column is not None}
    return written | {"synthetic": row.provenance(passed)}


def as_preference(row: Row, passed: Sequence[str]) -> dict[str, Any]:
    """A pair, in TRL's shape."""
    example = row.example
    given = _given(example.input)
    answers = {"chosen": example.target, "rejected": row.made.rejected}
    if not isinstance(given, str):
        answers = {k: [{"role": "assistant", "content": v}] for k, v in answers.items()}  # type: ignore[misc]
    return {
        "id": example.id,
        "prompt": given,
        **answers,
        "group": example.group,
        "synthetic": row.provenance(passed),
    }


def _given(value: str | Prompt) -> Any:
    if isinstance(value, str):
        return value
    return [{"role": m.role, "content": m.content} for m in value]
