"""Columns of a row: by name, by dotted path into nested JSON, by position."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tailorbird.task.task import Column

MISSING: Final = object()
"""The row has no such column; null is a value."""


def lookup(row: Any, column: Column) -> Any:
    """The value at a column, or `MISSING`. A name that holds dots wins over the path it spells."""
    if isinstance(row, Mapping) and column in row:
        return row[column]
    value = row
    for part in str(column).split("."):
        value = _step(value, part)
    return value


def _step(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, MISSING)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return value[int(part)]
    return MISSING


def names_in(row: Any, prefix: str = "") -> Iterator[str]:
    """The columns of a row, nested ones as dotted paths; positions for an array."""
    if isinstance(row, list):
        yield from (str(position) for position in range(len(row)))
    elif isinstance(row, Mapping):
        for name, value in row.items():
            yield f"{prefix}{name}"
            if isinstance(value, Mapping):
                yield from names_in(value, f"{prefix}{name}.")
