"""Examples as rows that a task reads as it reads its own."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats.base import Record, Turn, Unusable
from tailorbird.data.interchange import Target, write
from tailorbird.errors import DataError
from tailorbird.task.task import Columns, Data
from tailorbird.task.types import Example, Prompt

_PLAIN = Columns(id="id", sources="sources", facts="facts", answerable="answerable", group="group")
"""What rows without named columns are read by (`formats/base.py`)."""


def as_row(example: Example, data: Data, further: Mapping[str, Any]) -> dict[str, Any]:
    """The row, in the columns or the format that the task names, with `further` columns.

    A position is written as a key, and a dotted path as a name with dots: both are read back. Every
    named column is there, as a file that lacks one is refused. Raises `DataError` where the format
    that the task insists on cannot hold the row.
    """
    if data.format not in ("auto", "columns"):
        return _in_format(example, data.format, further)
    columns = data.columns or _PLAIN
    told = (
        (columns.id, example.id),
        (columns.input, given(example.input)),
        (columns.target, example.target),
        (columns.sources, list(example.sources)),
        (columns.facts, list(example.facts)),
        (columns.answerable, example.answerable),
        (columns.group, example.group),
        (columns.time, example.time and example.time.isoformat()),
        *((name, example.fields.get(str(name))) for name in columns.fields),
    )
    return {str(column): value for column, value in told if column is not None} | dict(further)


def given(value: str | Prompt) -> Any:
    """An input: its text, or a list of messages."""
    if isinstance(value, str):
        return value
    return [{"role": m.role, "content": m.content} for m in value]


def _in_format(example: Example, name: str, further: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        "id": example.id,
        "sources": list(example.sources),
        "facts": list(example.facts),
        "answerable": example.answerable,
        "group": example.group,
        **further,
    }
    prompt = tuple(Turn(m.role, m.content) for m in example.turns)
    answer = (Turn("assistant", example.target or ""),)
    try:
        return write(Record(prompt, (answer,), further=kept), Target(name))
    except Unusable as error:
        raise DataError(
            f"row {example.id} cannot be written as {name}: {error.reason}",
            hint="set data.format: auto, which reads rows of any shape",
        ) from error
