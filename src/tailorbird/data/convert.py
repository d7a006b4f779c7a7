"""Files of rows in one format -> a file of rows in another, with every row accounted for."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tailorbird.data import llama_factory
from tailorbird.data.accounts import FileAccount
from tailorbird.data.cells import unpacked
from tailorbird.data.formats.base import Record, Unusable, kind_of
from tailorbird.data.interchange import (
    Target,
    form,
    left_out,
    read,
    recognise,
    remedies,
    suited,
    without,
    write,
)
from tailorbird.data.jsonable import jsonable
from tailorbird.data.row_writers import suffix_of, write_rows
from tailorbird.data.rows import HUB, Row, read_rows
from tailorbird.errors import DataError


@dataclass(frozen=True)
class Conversion:
    """What is to be converted, and how."""

    source: str
    """A file; `hub://owner/name`; or a dataset_info.json, with one of its data sets as `key`."""
    out: Path
    target: Target
    format: str | None = None
    """None: each row is recognised."""
    key: str | None = None
    """As in `task.File`."""
    without: tuple[str, ...] = ()
    """What to leave out: columns, or names in `interchange.LEFT_OUT`."""
    added: Mapping[str, Any] = field(default_factory=dict)
    """Further columns for rows that lack them."""
    registry: Path | None = None
    """LLaMA-Factory's dataset_info.json that is to describe the file."""
    for_spreadsheets: bool = False
    """Whether cells that look like formulas begin with an apostrophe."""

    def copies(self, record: Record) -> bool:
        """Whether a row of the same format may stay as it is, byte for byte."""
        asked = self.target.dialect in (None, record.spelling.get("dialect"))
        return asked and self.registry is None


@dataclass
class Converted:
    """What became of the rows."""

    account: FileAccount
    formats: Counter[str] = field(default_factory=Counter)
    """The formats that rows had."""
    could: Counter[str] = field(default_factory=Counter)
    """What rows were refused for, and could be left out: arguments of `without`."""
    idle: tuple[str, ...] = ()
    """What was to be left out, and no row had."""
    kinds: set[str] = field(default_factory=set)
    """What the written rows are: answers, rankings and so on; see `base.kind_of`."""
    columns: dict[str, None] = field(default_factory=dict)
    """Of the written rows."""

    def to_json(self) -> dict[str, Any]:
        """The account as JSON."""
        account = self.account
        return {
            "file": account.file,
            "formats": dict(self.formats),
            "read": account.read,
            "kept": account.kept,
            "changed": dict(account.changed),
            "noted": dict(account.noted),
            "dropped": dict(account.dropped),
            "could_leave_out": dict(self.could),
            "first_row": dict(account.examples),
        }


def convert(conversion: Conversion, tick: Callable[[int], None] = lambda n: None) -> Converted:
    """Write the converted rows, in constant memory. `tick` is told of each row.

    Raises `DataError` when a file cannot be read or written, or no row can be converted; nothing is
    written then.
    """
    if conversion.registry is not None and conversion.target.dialect is None:
        first = next(iter(form(conversion.target.format).HOLDS))  # an entry describes one dialect
        target = Target(conversion.target.format, first or None)
        conversion = replace(conversion, target=target)
    source = _source(conversion)
    found = Converted(FileAccount(source.name))
    write_rows(conversion.out, _rows(conversion, source, found, tick), conversion.for_spreadsheets)
    found.account.verify()
    changed = found.account.changed
    found.idle = tuple(n for n in conversion.without if left_out(n) not in changed)
    if conversion.registry is not None:
        entry = llama_factory.describe(conversion.target, found.kinds, found.columns)
        llama_factory.register(conversion.registry, conversion.out, entry)
    return found


@dataclass(frozen=True)
class _Source:
    """Rows, and how each becomes a record."""

    name: str
    rows: Iterator[Row]
    read: Callable[[Mapping[str, Any]], tuple[str, Record]]
    """The format's name, and the record. Raises `Unusable`."""
    limit: int | None = None
    """Rows beyond are dropped."""
    cells: bool = False
    """Whether it is a table of texts, with lists and objects as JSON."""


def _source(conversion: Conversion) -> _Source:
    path, key, named = conversion.source, conversion.key, conversion.format
    if named is not None:
        form(named)  # says at once where there is no such format
    if conversion.registry is not None:
        llama_factory.check_target(conversion.target, conversion.registry, conversion.out)
    if Path(path).name == llama_factory.FILE:
        dataset = llama_factory.dataset(Path(path), key)
        return _Source(f"{path}#{key}", dataset.rows(), dataset.read, dataset.num_samples)
    if not path.startswith(HUB) and Path(path).resolve() == conversion.out.resolve():
        raise DataError(f"{path} would be written over while it is read", hint="name another file")

    def recognised(row: Mapping[str, Any]) -> tuple[str, Record]:
        name = named or recognise(row)
        return name, read(row, name)

    cells = not path.startswith(HUB) and suffix_of(path) in (".csv", ".tsv")
    return _Source(path, read_rows(path, key, Path(), None), recognised, cells=cells)


def _rows(
    conversion: Conversion, source: _Source, found: Converted, tick: Callable[[int], None]
) -> Iterator[Mapping[str, Any]]:
    account = found.account
    for row in source.rows:
        tick(1)
        for note in row.notes:
            account.change(note, row.number)
        for mark in row.seen:
            account.note(mark, row.number)
        try:
            if source.limit is not None and account.kept >= source.limit:
                raise Unusable("beyond num_samples")
            value, notes = _converted(conversion, source, row, found)
        except Unusable as error:
            account.drop(error.reason, row.number)
            continue
        for note in notes:
            account.change(note, row.number)
        account.keep()
        found.columns.update(dict.fromkeys(value))
        yield value
    if account.kept == 0:
        raise _nothing(account, found)


def _converted(
    conversion: Conversion, source: _Source, row: Row, found: Converted
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The row as it is written, and what was changed. Raises `Unusable`."""
    if row.problem is not None:
        raise Unusable(row.problem)
    changed: set[str] = set()
    value = jsonable(row.value, changed)
    if source.cells and isinstance(value, dict):
        value = unpacked(value)
    name, whole = source.read(value)
    found.formats[name] += 1
    record = _as_wanted(conversion, whole)
    if record == whole and name == conversion.target.format and conversion.copies(whole):
        found.kinds.add(kind_of(whole))
        return value, tuple(sorted(changed))
    try:
        if name != conversion.target.format:
            record = suited(record, conversion.target)
        written = write(record, conversion.target)
        if conversion.registry is not None:
            llama_factory.check_record(record, found.kinds)
    except Unusable:
        found.could.update(remedies(record, conversion.target))
        raise
    found.kinds.add(kind_of(record))
    return written, (*sorted(changed), *record.notes)


def _as_wanted(conversion: Conversion, record: Record) -> Record:
    """The record with what is to be added, and without what is to be left out."""
    more = {k: v for k, v in conversion.added.items() if k not in record.further}
    added = replace(record, further={**record.further, **more}) if more else record
    return without(added, conversion.without)


def _nothing(account: FileAccount, found: Converted) -> DataError:
    """Why a file gave no row."""
    if account.read == 0:
        return DataError(f"{account.file} is empty")
    reasons = "; ".join(f"{n:,} {reason}" for reason, n in account.dropped.most_common(3))
    left = " ".join(f"--without {name}" for name in found.could)
    return DataError(
        f"{account.file}: none of {account.read:,} rows can be converted: {reasons}",
        hint=f"what cannot be held may be left out: {left}" if left else None,
    )
