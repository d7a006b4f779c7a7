"""Rows whose columns are named in task.yaml: tables, nested JSON, arrays."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tailorbird.data.formats.base import (
    Draft,
    Unusable,
    prompt_of,
    text_of,
    texts_of,
    truth_of,
    turn,
)
from tailorbird.data.lookup import MISSING, lookup
from tailorbird.task.task import Column, Columns
from tailorbird.task.types import Prompt

DEFAULT = Columns()


def recognise(row: Any) -> bool:
    """Whether the row has the columns that `Columns()` names by default."""
    return isinstance(row, Mapping) and {"input", "target"} <= row.keys()


def convert(row: Any, columns: Columns = DEFAULT) -> Draft:
    """Raises `Unusable` when input or target is missing, or another column is malformed."""
    if not isinstance(row, (Mapping, list)):
        raise Unusable(f"a row is of type {type(row).__name__}, not an object or array")
    return Draft(
        input=_input(_required(row, columns.input)),
        target=_target(row, columns.target),
        id=text_of(_optional(row, columns.id), "id"),
        sources=texts_of(_optional(row, columns.sources), "sources"),
        facts=texts_of(_optional(row, columns.facts), "facts"),
        answerable=truth_of(_optional(row, columns.answerable), "answerable"),
        group=text_of(_optional(row, columns.group), "group"),
        time=_time(_optional(row, columns.time)),
        fields=dict(_fields(row, columns)),
    )


def named(columns: Columns) -> list[Column]:
    """Every column that task.yaml names."""
    single = (
        columns.input, columns.target, columns.id, columns.sources, columns.facts,
        columns.answerable, columns.group, columns.time,
    )  # fmt: skip
    return [c for c in (*single, *columns.fields) if c is not None]


def _required(row: Any, column: Column) -> Any:
    value = lookup(row, column)
    if value is MISSING:
        raise Unusable(f'no column "{column}"')
    return value


def _optional(row: Any, column: Column | None) -> Any:
    """JSON often leaves out what is empty, so that a missing optional column is just absent."""
    value = MISSING if column is None else lookup(row, column)
    return None if value is MISSING else value


def _input(value: Any) -> str | Prompt:
    if isinstance(value, list):
        return prompt_of([turn(message) for message in value])
    return text_of(value, "input") or ""


def _target(row: Any, column: Column | None) -> str | None:
    return None if column is None else text_of(_required(row, column), "target") or ""


def _time(value: Any) -> datetime | None:
    """A moment; one without a zone is read as UTC, so that all of them can be compared."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, datetime):
        text = (text_of(value, "time") or "").strip()
        if not text:
            return None
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise Unusable("time is not ISO 8601") from None
    moment: datetime = value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fields(row: Any, columns: Columns) -> Iterator[tuple[str, str]]:
    for column in columns.fields:
        text = text_of(_optional(row, column), f'field "{column}"')
        if text is not None:
            yield str(column), text
