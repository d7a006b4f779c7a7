"""Labelling through a file: items go out as rows with an empty label, and come back filled in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.row_writers import suffix_of, write_rows
from tailorbird.data.rows import Row, read_rows
from tailorbird.data.spreadsheets import restored
from tailorbird.errors import DataError, StoreError
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Item

DAYS = 7.0
"""For which items of a file are kept for whom it is for."""
KNOWN = "the same answer was recorded before"
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
    earlier round counts no more. A file may be read again: equal answers change nothing, and are
    noted as `KNOWN`; another answer takes the place of the earlier one, and counts as changed. Of
    two rows of a file for the same person and item, the first counts.

    Args:
        queue: of the task.
        path: JSON lines, JSON, CSV, TSV or Parquet.
        annotator: who labelled; None: the column says.

    Raises `DataError` where the file cannot be read, is empty, or lacks a column.
    """
    account = FileAccount(str(path))
    columns: dict[str, None] = {}
    before = {(i.id, a.annotator): a.label for i in queue.items() for a in i.answers}
    here: dict[tuple[int, str], str | None] = {}
    for row in read_rows(path.name, None, path.parent, None):
        for note in row.notes:
            account.change(note, row.number)
        for mark in row.seen:
            account.note(mark, row.number)
        if isinstance(row.value, Mapping):
            columns.update(dict.fromkeys(map(str, row.value)))
        try:
            said = _said(row, annotator)
            _check_first(said, here)
            _record(queue, said)
        except _Refused as error:
            account.drop(str(error), row.number)
            continue
        account.keep()
        here[said.key] = said.label
        if said.key in before and before[said.key] == said.label:
            account.note(KNOWN, row.number)
        elif said.key in before:
            account.change("an answer takes the place of an earlier one", row.number)
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


class _Refused(Exception):
    """A row that cannot be recorded, with the reason."""


@dataclass(frozen=True)
class _Said:
    """What a row says."""

    item: int
    who: str
    label: str | None
    seconds: float | None
    note: str
    round: int | None

    @property
    def key(self) -> tuple[int, str]:
        """Whose answer to what it is."""
        return self.item, " ".join(self.who.split())


def _said(row: Row, annotator: str | None) -> _Said:
    """Raises `_Refused`."""
    if row.problem is not None or not isinstance(row.value, Mapping):
        raise _Refused(row.problem or "not an object")
    found = {k: restored(str(v)).strip() for k, v in row.value.items() if v is not None}
    unknown = found.get("cannot_tell", "").casefold()
    if unknown not in (*_YES, *_NO):
        raise _Refused("cannot_tell is neither yes nor no")
    label = found.get("label", "")
    if not label and unknown in _NO:
        raise _Refused("no label yet")
    if label and unknown in _YES:
        raise _Refused("both a label and cannot_tell")
    return _Said(
        _number(found.get("item", ""), "item"),
        annotator or found.get("annotator", ""),
        label or None,
        _seconds(found.get("seconds", "")),
        found.get("note", ""),
        _number(found["round"], "round") if found.get("round") else None,
    )


def _check_first(said: _Said, here: Mapping[tuple[int, str], str | None]) -> None:
    """The first answer of a person to an item counts: which of two was meant, no file tells."""
    if said.key in here:
        same = here[said.key] == said.label
        what = "says the same" if same else "has another answer to the same item, and counts"
        raise _Refused(f"an earlier row {what}")


def _record(queue: Queue, said: _Said) -> None:
    try:
        queue.answer(
            said.item, said.who, said.label, "file", said.seconds, said.note, said.round
        )  # fmt: skip
    except (StoreError, DataError) as error:
        if isinstance(error, StoreError) and error.__cause__ is not None:
            raise  # the database, not the row
        raise _Refused(str(error)) from error


def _number(text: str, what: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise _Refused(f"{text[:20]!r} is no {what}") from None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text) if text else None
    except ValueError:
        raise _Refused(f"{text[:20]!r} is no number of seconds") from None
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
