"""Labelling through a file: items go out as rows with an empty label, and come back filled in."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.row_writers import suffix_of, write_rows
from tailorbird.data.rows import read_rows
from tailorbird.data.spreadsheets import restored
from tailorbird.errors import DataError, StoreError
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Item

DAYS = 7.0
"""For which items of a file are kept for whom it is for."""
_TABLES = (".csv", ".tsv")
_YES, _NO = ("true", "yes", "x", "1", "1.0"), ("", "false", "no", "0", "0.0")


def write_items(queue: Queue, annotator: str, n: int, path: Path, blind: bool = False) -> int:
    """Write at most `n` items for an annotator, and keep them for so long; how many there were.

    JSON lines, JSON, CSV or TSV, by the suffix; cells of tables that look like formulas begin with
    an apostrophe. `blind`: without suggestions. Raises `DataError` where the file exists.
    """
    if path.exists():
        raise DataError(f"{path} exists already", hint="import it first, or name another file")
    write_rows(path, [])  # says what is wrong with the path before items are kept for anybody
    items = queue.claim(annotator, n, minutes=DAYS * 24 * 60)
    flat = suffix_of(path) in _TABLES
    write_rows(path, [_row(item, flat, blind) for item in items], for_spreadsheets=flat)
    return len(items)


def _row(item: Item, flat: bool, blind: bool) -> dict[str, Any]:
    shown = item.shown()
    if flat and not isinstance(shown["input"], str):
        shown["input"] = "\n".join(f"{t['role']}: {t['content']}" for t in shown["input"])
    if blind:
        del shown["suggestion"], shown["why"]
    return shown | {"label": "", "cannot_tell": "", "note": "", "round": item.round}


def read_answers(queue: Queue, path: Path, annotator: str | None) -> FileAccount:
    """Record what a file says; what became of each row.

    Columns: `item`; `label`, or `cannot_tell` with yes; and, if any, `note`, `seconds`,
    `annotator` and `round`. A row with neither label nor yes is left for later, and one of an
    earlier round counts no more. A file may be read again: equal answers change nothing.

    Args:
        queue: of the task.
        path: JSON lines, JSON, CSV, TSV or Parquet.
        annotator: who labelled; None: the column says.

    Raises `DataError` where the file cannot be read, is empty, or lacks a column.
    """
    account = FileAccount(str(path))
    columns: dict[str, None] = {}
    for row in read_rows(path.name, None, path.parent, None):
        for note in row.notes:
            account.change(note, row.number)
        for mark in row.seen:
            account.note(mark, row.number)
        if isinstance(row.value, Mapping):
            columns.update(dict.fromkeys(map(str, row.value)))
        reason = row.problem or _record(queue, row.value, annotator)
        if reason is None:
            account.keep()
        else:
            account.drop(reason, row.number)
    if account.read == 0:
        raise DataError(f"{path} is empty")
    if columns:
        _check_columns(path, columns)
    return account


def _check_columns(path: Path, columns: Collection[str]) -> None:
    """Raise where no row can have said anything: it is another file than was exported."""
    for needed in (("item",), ("label", "cannot_tell")):
        if not any(name in columns for name in needed):
            raise DataError(
                f"{path} has no column {' or '.join(needed)}, but {', '.join(columns)}",
                hint="is it a file by `tailorbird label export`, filled in?",
            )


def _record(queue: Queue, row: Any, annotator: str | None) -> str | None:
    """Why the row could not be recorded; None where it was."""
    if not isinstance(row, Mapping):
        return "not an object"
    cells = {key: restored(str(value)).strip() for key, value in row.items() if value is not None}
    unknown = cells.get("cannot_tell", "").casefold()
    if unknown not in (*_YES, *_NO):
        return "cannot_tell is neither yes nor no"
    label = cells.get("label", "")
    if not label and unknown in _NO:
        return "no label yet"
    if label and unknown in _YES:
        return "both a label and cannot_tell"
    who = annotator or cells.get("annotator", "")
    try:
        queue.answer(
            _number(cells.get("item", ""), "item"), who, label or None, "file",
            _seconds(cells.get("seconds", "")), cells.get("note", ""),
            _number(cells["round"], "round") if cells.get("round") else None,
        )  # fmt: skip
    except StoreError as error:
        if error.__cause__ is not None:  # the database, not the row
            raise
        return str(error)
    except DataError as error:
        return str(error)
    return None


def _number(text: str, what: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise DataError(f"{text[:20]!r} is no {what}") from None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text) if text else None
    except ValueError:
        raise DataError(f"{text[:20]!r} is no number of seconds") from None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None


def rows_of(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items as an adjudicator sees them: with what everybody says."""
    return [
        item.shown()
        | {
            "state": item.state,
            "label": item.label,
            "answers": {a.annotator: a.label for a in item.answers},
        }
        for item in items
    ]
