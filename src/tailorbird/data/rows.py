"""Files and hub datasets -> a stream of rows, each readable or with the reason why it is not."""

import csv
import io
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

from tailorbird.data.characters import Found, plain
from tailorbird.data.files import BOM, decode, locate, open_file, readable
from tailorbird.data.json_list import elements, holds_lines
from tailorbird.data.json_text import NotJson, Scanner
from tailorbird.data.limits import MIB, ROW, bomb, unpackable
from tailorbird.errors import DataError
from tailorbird.extras import need

HUB = "hub://"
_BATCH = 1024
"""Rows of a Parquet file that are held at a time."""
SEMICOLONS = "separated by semicolons"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the file holds it."""

    number: int
    """1-based line (JSONL) or record number."""
    value: Any
    notes: tuple[str, ...] = ()
    """What had to be changed to read it."""
    problem: str | None = None
    """Why it could not be read; `value` is then None."""
    seen: tuple[str, ...] = ()
    """What is strange about it and was kept."""


def read_rows(path: str, key: str | None, folder: Path, data_folder: Path | None) -> Iterator[Row]:
    """Stream the rows of a file or of a hub dataset (`hub://owner/name`, `key`: its split).

    Raises `DataError` when the file is missing, broken as a whole, of an unknown kind, or beyond
    the limits of `data/limits.py`.
    """
    if path.startswith(HUB):
        yield from _hub(path, key)
        return
    file = locate(path, folder, data_folder)
    reader = _reader(path, key)
    with readable(path), open_file(file) as stream:
        yield from reader(stream, path)


def _clean(row: Row) -> Row:
    """The row with its characters mended, and counted where they are strange."""
    if plain(row.value):
        return row
    found = Found()
    value = found.clean(row.value)
    notes, seen = (*row.notes, *sorted(found.mended)), (*row.seen, *sorted(found.kept))
    return replace(row, value=value, notes=notes, seen=seen)


Reader = Callable[[io.BufferedReader, str], Iterator[Row]]


def _reader(path: str, key: str | None) -> Reader:
    suffix = PurePosixPath(path.lower().removesuffix(".gz")).suffix
    if suffix == ".json":
        return partial(_json, key=key)
    readers: dict[str, Reader] = {
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".csv": partial(_table, delimiter=","),
        ".tsv": partial(_table, delimiter="\t"),
        ".parquet": _parquet,
    }
    if suffix not in readers:
        known = ", ".join(sorted([*readers, ".json"]))
        raise DataError(
            f'{path}: rows cannot be read from "{suffix}" files',
            hint=f"known: {known}, each also with .gz, and {HUB}owner/name",
        )
    if key is not None:
        raise DataError(f"{path}: key is for .json files and hub datasets")
    return readers[suffix]


# ---- JSON ------------------------------------------------------------------------------------


def _json_lines(stream: io.BufferedReader, path: str) -> Iterator[Row]:
    scanner = Scanner()
    for number, raw in enumerate(_lines(stream), start=1):
        if raw is None:
            yield Row(number, None, problem=f"longer than {ROW.value:,} MiB")
        elif line := raw.removeprefix(BOM).strip():  # files put together have one in the middle
            yield _json_line(scanner, number, line)


def _json_line(scanner: Scanner, number: int, raw: bytes) -> Row:
    text, assumed = decode(raw)
    try:
        parsed = scanner.whole(text)
    except NotJson as error:
        return Row(number, None, assumed, problem=str(error))
    row = Row(number, parsed.value, (*assumed, *parsed.notes), seen=parsed.seen)
    # Raw JSON holds no control characters: what is left to look for is not ASCII, or escaped.
    return row if raw.isascii() and b"\\u" not in raw else _clean(row)


def _lines(stream: io.BufferedReader) -> Iterator[bytes | None]:
    """Lines with their ends, which may be those of three systems; None for one that is too long."""
    longest = ROW.value * MIB
    while line := stream.readline(longest + 1):
        if len(line) > longest:
            while line and not line.endswith(b"\n"):
                line = stream.readline(longest)
            yield None
        elif b"\r" not in line.rstrip(b"\r\n"):
            yield line
        else:
            yield from line.splitlines(keepends=True)


def _json(stream: io.BufferedReader, path: str, key: str | None) -> Iterator[Row]:
    if key is None and holds_lines(stream):
        yield from _json_lines(stream, path)
        return
    try:
        for number, parsed in enumerate(elements(stream, key, path), start=1):
            yield _clean(Row(number, parsed.value, parsed.notes, seen=parsed.seen))
    except NotJson as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error


# ---- tables ----------------------------------------------------------------------------------


class _TooLong(Exception):
    """A record that is longer than a row may be."""


class _Lines:
    """The lines of a table, which csv takes as it needs them; they can be given again."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._lines = _lines(stream)
        self._again = deque[tuple[str, tuple[str, ...]]]()
        self._record: list[tuple[str, tuple[str, ...]]] = []
        """The lines of the record that is under way, and what had to be assumed of each."""
        self._size = 0
        self.number = 0
        """Of the last line."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be assumed to read this record."""
        return tuple(sorted({note for _, notes in self._record for note in notes}))

    def begin(self) -> None:
        """A record begins with the next line."""
        self._record, self._size = [], 0

    def again(self) -> None:
        """Give the lines of this record again, but for the first."""
        self._again.extendleft(reversed(self._record[1:]))
        self.number -= len(self._record) - 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self.number += 1
        self._size += len(line[0])
        if self._size > ROW.value * MIB:
            raise _TooLong
        self._record.append(line)
        return line[0]

    def _read(self) -> tuple[str, tuple[str, ...]]:
        raw = next(self._lines)
        if raw is None:
            raise _TooLong
        return decode(raw if self.number else raw.removeprefix(BOM))


def _table(stream: io.BufferedReader, path: str, delimiter: str) -> Iterator[Row]:
    # A row may be longer than the csv module's default of 131,072 characters per field.
    csv.field_size_limit(2**31 - 1)
    marks: tuple[str, ...] = ()
    if delimiter == "," and _semicolons(stream):
        delimiter, marks = ";", (SEMICOLONS,)
    lines = _Lines(stream)
    # strict: a stray or unclosed quote is an error, instead of a field that swallows other rows.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        lines.begin()
        line = lines.number + 1
        try:
            cells = next(reader, None)
            problem = None
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise DataError(f"{path}: a quote opened at line {line} is never closed") from error
            cells, problem = [""], f"not valid CSV: {error}"
            lines.again()  # a stray quote takes its own line with it, not those that it reached
        except _TooLong as error:
            raise DataError(
                f"{path}: the row at line {line} is longer than {ROW.value:,} MiB",
                hint=f"is a quote never closed? {ROW.hint}",
            ) from error
        if cells is None:
            return
        if not cells:
            continue
        if header is None:
            header = _header(cells, problem, path)
        else:
            number += 1
            row = _record(number, header, cells, lines.notes, problem)
            yield replace(row, seen=(*marks, *row.seen)) if marks else row


def _semicolons(stream: io.BufferedReader) -> bool:
    """Whether a .csv file is separated as spreadsheets do where the comma is in numbers.

    Its first line says so, by semicolons and no comma; what stands in quotes does not count.
    """
    first = stream.peek().removeprefix(BOM).lstrip().splitlines()[:1]
    bare = re.sub(rb'"[^"]*"', b"", first[0]) if first else b""
    return b";" in bare and b"," not in bare


def _header(cells: list[str], problem: str | None, path: str) -> list[str]:
    names = [Found().clean(cell).strip() for cell in cells]
    twice = [name for name in names if name and names.count(name) > 1]
    if problem or twice:
        raise DataError(
            f"{path}: the header is wrong: {problem or f'two columns called {twice[0]!r}'}"
        )
    return names


def _record(
    number: int, header: list[str], cells: list[str], notes: tuple[str, ...], problem: str | None
) -> Row:
    if problem is None and len(cells) > len(header):
        problem = "more fields than the header"
    value = None if problem else dict(zip(header, cells))
    return _clean(Row(number, value, notes, problem))


# ---- Parquet ---------------------------------------------------------------------------------


def _parquet(stream: io.BufferedReader, path: str) -> Iterator[Row]:
    import pyarrow.parquet  # half a second: only for those who have Parquet files

    try:
        with _seekable(stream, path) as source:
            file = pyarrow.parquet.ParquetFile(
                source, buffer_size=MIB, page_checksum_verification=True
            )
            _check_parquet(file, os.fstat(source.fileno()).st_size, path)
            number = 0
            for batch in file.iter_batches(_BATCH):
                for value, problem in _values(batch):
                    number += 1
                    yield _clean(Row(number, value, problem=problem))
    except (DataError, OSError):
        raise
    except Exception as error:  # a damaged file breaks Arrow, or what Python makes of its names
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


@contextmanager
def _seekable(stream: io.BufferedReader, path: str) -> Iterator[BinaryIO]:
    """The stream, or what it unpacks to: Parquet is read from its end."""
    if not path.lower().endswith(".gz"):
        yield stream
        return
    with tempfile.TemporaryFile() as unpacked:
        shutil.copyfileobj(stream, unpacked)
        unpacked.seek(0)
        yield unpacked


def _check_parquet(file: Any, size: int, path: str) -> None:
    names = file.schema_arrow.names
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path}: two columns called {twice[0]!r}")
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > unpackable(size):
        raise bomb(path)


def _values(batch: Any) -> Iterator[tuple[Any, str | None]]:
    """Rows, or why they cannot be read: Arrow holds text and times that Python cannot."""
    try:
        yield from [(value, None) for value in batch.to_pylist()]
    except (ValueError, OverflowError):
        for row in range(batch.num_rows):
            try:
                (value,) = batch.slice(row, 1).to_pylist()
            except UnicodeDecodeError:
                yield None, "not UTF-8"
            except (ValueError, OverflowError) as error:
                yield None, f"a value that Python cannot hold: {error}"
            else:
                yield value, None


# ---- hub -------------------------------------------------------------------------------------


def _hub(path: str, key: str | None) -> Iterator[Row]:
    """`hub://owner/name` or `hub://owner/name/configuration`."""
    owner, _, rest = path.removeprefix(HUB).partition("/")
    name, _, configuration = rest.partition("/")
    if not (owner and name):
        raise DataError(f"{path} should read {HUB}owner/name")
    if key is None:
        raise DataError(f"{path}: name the split of the hub dataset with key", hint="key: train")
    datasets = need("datasets")
    try:
        rows = datasets.load_dataset(f"{owner}/{name}", configuration or None, split=key)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot load {path}, split {key}: {error}") from error
    for number, value in enumerate(rows, start=1):
        yield _clean(Row(number, value))
