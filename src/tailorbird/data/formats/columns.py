"""Rows whose columns are named in task.yaml: tables, nested JSON, arrays."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tailorbird.data.formats._turns import messages_of, turn_of
from tailorbird.data.formats.base import (
    Draft,
    Record,
    Turn,
    Turns,
    Unusable,
    message,
    others,
    prompt_of,
    text_of,
    texts_of,
    truth_of,
)
from tailorbird.data.lookup import MISSING, lookup
from tailorbird.task.task import Column, Columns
from tailorbird.task.types import Prompt

HOLDS = {"": frozenset({"answer", "system", "developer", "history", "further"})}
KEYS = ("input", "target")
EXAMPLES = True
DEFAULT = Columns()


class Clash(Unusable):
    """Columns of the row have names that are given to other columns."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f'two columns would be called "{columns[0]}"')
        self.columns = tuple(columns)


def recognise(row: Any) -> bool:
    """Whether the row has the columns that `Columns()` names by default."""
    return isinstance(row, Mapping) and {"input", "target"} <= row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """The columns that `Columns()` names by default; `input` may be a list of messages."""
    return read_named(row, DEFAULT)


def read_named(
    row: Mapping[str, Any] | list[Any], columns: Columns, without: Sequence[str] = ()
) -> Record:
    """The row with its named columns under the names that examples have, and all others beside.

    A path into nested JSON leaves what it leads into as it is. Without a target it is a prompt
    alone. Columns in `without` are left out where no key names them. Raises `Unusable` where a
    column is missing, and `Clash` where two would have one name.
    """
    if isinstance(row, list):
        row = {str(position): value for position, value in enumerate(row)}
    target = _target(row, columns.target)
    answers = () if target is None else ((Turn("assistant", target),),)
    return Record(
        _turns(_required(row, columns.input)), answers, further=_further(row, columns, without)
    )


def _further(row: Mapping[str, Any], columns: Columns, without: Sequence[str]) -> dict[str, Any]:
    pairs = [(key, column) for key, column in named(columns) if key != "fields"]
    kept = others(row, *(str(column) for _, column in pairs), *without)
    found = {key: _optional(row, column) for key, column in pairs if key not in KEYS}
    placed = {key: value for key, value in found.items() if value is not None}
    clashing = [key for key in placed if key in kept]
    if clashing:
        raise Clash(clashing)
    return kept | placed


def write(record: Record, dialect: str) -> dict[str, Any]:
    """A single user turn is its text; other conversations are lists of messages."""
    alone = [turn.role for turn in record.prompt] == ["user"]
    given = record.prompt[0].text if alone else messages_of(record.prompt)
    return {"input": given, "target": record.answers[0][0].text, **record.further}


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


def named(columns: Columns) -> list[tuple[str, Column]]:
    """Every column that task.yaml names, below its key; those that rows must have come first."""
    single = ("input", "target", "id", "sources", "facts", "answerable", "group", "time")
    pairs = [(key, getattr(columns, key)) for key in single]
    return [(k, c) for k, c in pairs if c is not None] + [("fields", c) for c in columns.fields]


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
    return prompt_of([message(turn) for turn in _turns(value)])


def _turns(value: Any) -> Turns:
    if isinstance(value, list):
        return tuple(turn_of(each) for each in value)
    return (Turn("user", text_of(value, "input") or ""),)


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
