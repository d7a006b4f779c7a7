"""Rows as they are written: in the columns that the task names, with where they came from."""

from collections.abc import Sequence
from typing import Any

from tailorbird.data.formats.base import Record, Turn, Unusable
from tailorbird.data.interchange import Target, write
from tailorbird.data.synth.base import Row
from tailorbird.errors import DataError
from tailorbird.task.task import Columns, Data
from tailorbird.task.types import Prompt

_PLAIN = Columns(id="id", sources="sources", facts="facts", answerable="answerable", group="group")
"""What rows without named columns are read by (`formats/base.py`)."""


def as_row(row: Row, passed: Sequence[str], data: Data) -> dict[str, Any]:
    """An example, so that the task reads it as it reads its own rows.

    A position is written as a key, and a dotted path as a name with dots: both are read back. Every
    named column is there, as a file that lacks one is refused. Raises `DataError` where the format
    that the task insists on cannot hold the row.
    """
    if data.format not in ("auto", "columns"):
        return _in_format(row, passed, data.format)
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


def _in_format(row: Row, passed: Sequence[str], name: str) -> dict[str, Any]:
    example = row.example
    further = {
        "id": example.id,
        "sources": list(example.sources),
        "facts": list(example.facts),
        "answerable": example.answerable,
        "group": example.group,
        "synthetic": row.provenance(passed),
    }
    prompt = tuple(Turn(m.role, m.content) for m in example.turns)
    answer = (Turn("assistant", example.target),)
    try:
        return write(Record(prompt, (answer,), further=further), Target(name))
    except Unusable as error:
        raise DataError(
            f"a row that was made up cannot be written as {name}: {error.reason}",
            hint="set data.format: auto, which reads rows of any shape",
        ) from error


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
