"""Files of rows in one format -> a file of rows in another, with every row accounted for."""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tailorbird.data import llama_factory
from tailorbird.data.accounts import FileAccount
from tailorbird.data.cells import unpacked
from tailorbird.data.formats.base import Record, Unusable, kind_of, others
from tailorbird.data.formats.columns import KEYS, Clash, named, read_named
from tailorbird.data.interchange import (
    LEFT_OUT,
    UNKNOWN,
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
from tailorbird.data.jsonable import jsonable, without_nulls
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.row_writers import Unfit, suffix_of, write_rows
from tailorbird.data.rows import HUB, Row, read_rows
from tailorbird.errors import DataError, TaskError, nearest
from tailorbird.task.task import Column, Columns
from tailorbird.words import counted, quoted


@dataclass(frozen=True)
class Conversion:
    """What is to be converted, and how."""

    source: str
    """A file; `hub://owner/name`; or a dataset_info.json, with one of its data sets as `key`."""
    out: Path
    target: Target
    format: str | None = None
    """None: each row is recognised."""
    columns: Columns | None = None
    """As in a task: rows are of the format columns, and these say which holds what."""
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

    @property
    def given(self) -> tuple[str, ...]:
        """Names that `columns` gives to columns that have others."""
        pairs = named(self.columns) if self.columns is not None else []
        return tuple(k for k, c in pairs if k not in (*KEYS, "fields", str(c)))

    @property
    def replaced(self) -> tuple[str, ...]:
        """Of `without`, names that are given: the rows' own columns go, and what is given stays."""
        return tuple(name for name in self.without if name in self.given)

    def copies(self, record: Record) -> bool:
        """Whether a row of the same format may stay as it is, byte for byte."""
        asked = self.target.dialect in (None, record.spelling.get("dialect"))
        return asked and self.registry is None and self.columns is None


@dataclass
class Converted:
    """What became of the rows."""

    account: FileAccount
    formats: Counter[str] = field(default_factory=Counter)
    """The formats that rows had."""
    could: Counter[str] = field(default_factory=Counter)
    """What could be left out of rows that were refused, so that they are not: arguments of
    `without`."""
    idle: tuple[str, ...] = ()
    """What was to be left out, and no row had."""
    kinds: set[str] = field(default_factory=set)
    """What the written rows are: answers, rankings and so on; see `base.kind_of`."""
    columns: dict[str, None] = field(default_factory=dict)
    """Of the written rows."""
    held: tuple[str, ...] = ()
    """Columns of the first row that was read."""
    absent: tuple[tuple[str, Column], ...] = ()
    """Named columns that no row has had so far, each with its key."""

    @property
    def advice(self) -> str:
        """The options that leave out all that could be, in an order in which they can be."""
        order = [*LEFT_OUT, *self.could]
        told = sorted(self.could, key=order.index)
        return " ".join(quoted("--without", name) for name in told)

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
    try:
        return _convert(conversion, tick)
    except Unfit as error:
        raise DataError(str(error), hint=_fitting(conversion, error.columns)) from error


def _convert(conversion: Conversion, tick: Callable[[int], None]) -> Converted:
    if conversion.registry is not None and conversion.target.dialect is None:
        first = next(iter(form(conversion.target.format).HOLDS))  # an entry describes one dialect
        target = Target(conversion.target.format, first or None)
        conversion = replace(conversion, target=target)
    source = _source(conversion)
    absent = () if conversion.columns is None else tuple(named(conversion.columns))
    found = Converted(FileAccount(source.name), absent=absent)
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
    shaped: Callable[[Any], Any] = lambda row: row
    """What makes of a row what it was before it was written to such a file."""


def _source(conversion: Conversion) -> _Source:
    path, key, name = conversion.source, conversion.key, conversion.format
    if name is not None:
        form(name)  # says at once where there is no such format
    if conversion.registry is not None:
        llama_factory.check_target(conversion.target, conversion.registry, conversion.out)
    if conversion.columns is not None:
        _check_named(conversion)
    if Path(path).name == llama_factory.FILE:
        dataset = llama_factory.dataset(Path(path), key)
        return _Source(f"{path}#{key}", dataset.rows(), dataset.read, dataset.num_samples)
    if not path.startswith(HUB) and Path(path).resolve() == conversion.out.resolve():
        raise DataError(f"{path} would be written over while it is read", hint="name another file")

    def recognised(row: Any) -> tuple[str, Record]:
        if conversion.columns is not None:
            return "columns", _by_name(conversion, row)
        known = name or recognise(row)
        return known, read(row, known)

    rows = read_rows(path, key, Path(), None)
    return _Source(path, rows, recognised, shaped=_shaped(path, conversion.columns))


def _by_name(conversion: Conversion, row: Mapping[str, Any]) -> Record:
    """The record by the columns that are named. Raises `Unusable`."""
    columns = conversion.columns or Columns()
    gone = conversion.given if "further" in conversion.without else conversion.replaced
    record = read_named(row, columns, gone)
    held = others(row, *(str(c) for _, c in named(columns))) if isinstance(row, Mapping) else {}
    left = tuple(left_out(name) for name in conversion.replaced if name in held)
    return replace(record, notes=(*record.notes, *left))


def _check_named(conversion: Conversion) -> None:
    if conversion.format not in (None, "columns"):
        raise TaskError(f"columns are named, but the rows are said to be {conversion.format}")
    if Path(conversion.source).name == llama_factory.FILE:
        raise TaskError(f"columns are named, but {llama_factory.FILE} names its own")


def _shaped(path: str, columns: Columns | None) -> Callable[[Any], Any]:
    """What makes of a row what it was before it was written to such a file."""
    if path.startswith(HUB) or suffix_of(path) == ".parquet":
        return without_nulls
    if suffix_of(path) not in (".csv", ".tsv"):
        return lambda row: row
    asked = () if columns is None else tuple(str(c) for _, c in named(columns))
    return lambda row: unpacked(row, asked)


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
    if account.read and found.absent and found.held:
        raise _absent(found)
    if account.kept == 0:
        raise _nothing(conversion, found)


def _converted(
    conversion: Conversion, source: _Source, row: Row, found: Converted
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The row as it is written, and what was changed. Raises `Unusable`."""
    if row.problem is not None:
        raise Unusable(row.problem)
    found.held = found.held or tuple(names_in(row.value))
    found.absent = tuple(p for p in found.absent if lookup(row.value, p[1]) is MISSING)
    changed: set[str] = set()
    value = jsonable(row.value, changed)
    if isinstance(value, dict):
        value = source.shaped(value)
    try:
        name, whole = source.read(value)
    except Clash as clash:
        found.could.update(_beside(conversion, value, clash.columns, found))
        raise
    found.formats[name] += 1
    try:
        record, written = _written(conversion, name, whole, value, found)
    except Unusable:
        found.could.update(_advised(conversion, name, whole, found))
        raise
    found.kinds.add(kind_of(record))
    return written, (*sorted(changed), *record.notes)


def _written(
    conversion: Conversion, name: str, whole: Record, value: Mapping[str, Any], found: Converted
) -> tuple[Record, Mapping[str, Any]]:
    """The record as it is wanted, and its row. Raises `Unusable`."""
    record = _as_wanted(conversion, whole)
    if record == whole and name == conversion.target.format and conversion.copies(whole):
        return replace(whole, notes=()), value
    if name != conversion.target.format:
        record = suited(record, conversion.target)
    written = write(record, conversion.target)
    if conversion.registry is not None:
        llama_factory.check_record(record, found.kinds)
    return record, written


def _beside(
    conversion: Conversion, value: Mapping[str, Any], own: tuple[str, ...], found: Converted
) -> tuple[str, ...]:
    """`own`, columns of the row in the place of others, with what else to leave out; or nothing."""
    tried = replace(conversion, without=(*conversion.without, *own))
    whole = _by_name(tried, value)
    try:
        _written(tried, "columns", whole, value, found)
    except Unusable:
        more = _advised(tried, "columns", whole, found)
        return (*own, *more) if more else ()
    return own


def _advised(conversion: Conversion, name: str, whole: Record, found: Converted) -> tuple[str, ...]:
    """What else to leave out for a refused row to be written; nothing where that does not help."""
    more: tuple[str, ...] = ()
    while True:
        tried = replace(conversion, without=(*conversion.without, *more))
        try:
            record = _as_wanted(tried, whole)
            if name != conversion.target.format:
                record = suited(record, conversion.target)
            left = [n for n in remedies(record, conversion.target) if n not in tried.without]
            if not left:
                _written(tried, name, whole, {}, found)
                return more
        except Unusable:
            return ()
        more = (*more, *left)


def _as_wanted(conversion: Conversion, record: Record) -> Record:
    """The record with what is to be added, and without what is to be left out."""
    more = {k: v for k, v in conversion.added.items() if k not in record.further}
    added = replace(record, further={**record.further, **more}) if more else record
    return without(added, [n for n in conversion.without if n not in conversion.replaced])


def _fitting(conversion: Conversion, columns: Collection[str]) -> str:
    """How the rows do fit in the columns of Parquet, if at all; each way is tried."""
    first = next(iter(form(conversion.target.format).HOLDS))
    spelt = replace(conversion, target=Target(conversion.target.format, first or None))
    ways = [
        (replace(conversion, without=(*conversion.without, *columns)), columns),
        (spelt, ()),
        (replace(spelt, without=(*conversion.without, "parts")), ("parts",)),
    ]
    for way, left in ways:
        if _fits(way):
            options = [f"--to {way.target}"] if way.target != conversion.target else []
            options += [quoted("--without", name) for name in left]
            return f"write .jsonl, or add {' '.join(options)}"
    return "write .jsonl"


def _fits(conversion: Conversion) -> bool:
    with tempfile.TemporaryDirectory(dir=conversion.out.parent) as folder:
        try:
            tried = replace(conversion, out=Path(folder) / "tried.parquet", registry=None)
            _convert(tried, lambda n: None)
        except DataError:
            return False
    return True


def _absent(found: Converted) -> DataError:
    """A named column that no row has."""
    key, column = found.absent[0]
    none = f", or {key}= where rows have none" if key == "target" else ""
    return DataError(
        f'{found.account.file}: no row has a column "{column}"{nearest(str(column), found.held)}',
        hint=f"the first row has: {', '.join(found.held)}; --columns {key}=NAME says which is "
        f"the {key}{none}",
    )


def _nothing(conversion: Conversion, found: Converted) -> DataError:
    """Why a file gave no row."""
    account = found.account
    if account.read == 0:
        return DataError(f"{account.file} is empty")
    reasons = "; ".join(f"{n:,} {reason}" for reason, n in account.dropped.most_common(3))
    hint = f"what cannot be held may be left out: {found.advice}" if found.could else None
    if UNKNOWN in account.dropped and found.held:
        hint = (
            f"the first row has: {', '.join(found.held)}; "
            "say which is which: --columns input=NAME,target=NAME"
        )
    return DataError(
        f"{account.file}: none of {counted(account.read, 'row')} can be converted: {reasons}",
        hint=hint,
    )
