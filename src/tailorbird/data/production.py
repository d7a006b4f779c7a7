"""Inputs as they really come: whatever a log holds, without what was answered."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tailorbird.data.formats import columns as named_columns
from tailorbird.data.formats.base import Unusable, message, prompt_of
from tailorbird.data.interchange import read, recognised
from tailorbird.data.lookup import MISSING, lookup
from tailorbird.data.rows import read_rows
from tailorbird.errors import DataError
from tailorbird.task.task import Columns
from tailorbird.task.types import Example, Prompt

_USUAL = ("input", "question", "query", "prompt")
"""Columns of inputs, where no format knows the row."""


def inputs_of(path: Path, columns: Columns | None = None) -> Iterator[Example]:
    """The inputs of a file; rows that hold none are passed over.

    A row is read by its column `columns.input`, where it has that; else as any format of
    `data/formats`, of which the prompt counts; else by a usual name. Raises `DataError` where no
    row can be read so.
    """
    found, why = False, "it is empty"
    for row in read_rows(path.name, None, path.parent, None):
        try:
            if row.problem is not None:
                raise Unusable(row.problem)
            asked = _asked(row.value, columns)
        except Unusable as error:
            why = error.reason
            continue
        found = True
        yield Example(f"{path.stem}-{row.number:06d}", asked)
    if not found:
        raise DataError(
            f"{path.name} has no inputs: {why}",
            hint="--production takes chats, request logs, texts, or a column "
            f"called {', '.join(_USUAL)}; or name it with --set data.columns.input=NAME",
        )


def _asked(row: Any, columns: Columns | None) -> str | Prompt:
    if columns is not None and lookup(row, columns.input) is not MISSING:
        return _full(named_columns.convert(row, Columns(input=columns.input, target=None)).input)
    request = row.get("request") if isinstance(row, Mapping) else None
    if isinstance(request, Mapping) and "messages" in request:
        row = {"messages": request["messages"]}  # whatever was answered
    for name in recognised(row):
        if name != "columns":
            record = read(row, name)
            return _full(record.text or prompt_of([message(t) for t in record.prompt]))
    for name in _USUAL:
        if lookup(row, name) is not MISSING:
            return _full(named_columns.convert(row, Columns(input=name, target=None)).input)
    raise Unusable("of no known shape")


def _full(asked: str | Prompt) -> str | Prompt:
    if not Example("", asked).text.strip():
        raise Unusable("empty input")
    return asked
