"""Rows -> a file of the kind that its name says, written whole or not at all; see `rows.py`."""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from tailorbird.data.cells import packed
from tailorbird.data.spreadsheets import inert
from tailorbird.errors import DataError
from tailorbird.store import write_atomic

Rows = Iterable[Mapping[str, Any]]
_BATCH = 1024
"""Rows of a Parquet file that are held at a time."""
_CALLS = b'"arguments": {'
"""In a line that holds the arguments of a tool call as an object."""


class Unfit(DataError):
    """Rows that do not fit in the columns of Parquet, each of which has one type."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message, hint="write .jsonl")
        self.columns = columns


def write_rows(path: Path, rows: Rows, for_spreadsheets: bool = False) -> None:
    """Write rows, in constant memory; equal rows give equal files.

    JSON lines, a JSON list, CSV, TSV or Parquet, by the suffix; all but Parquet also with `.gz`.
    `for_spreadsheets`: cells of tables that look like formulas begin with an apostrophe. Raises
    `DataError` where the suffix is not known, and `Unfit` for rows that Parquet cannot hold.
    """
    write = _writer(path, for_spreadsheets)

    def put(temporary: Path) -> None:
        with temporary.open("wb") as file, _packed(file, path) as stream:
            write(stream, rows)

    write_atomic(path, put)


def suffix_of(path: Path | str) -> str:
    """The suffix that says the kind of file: `.csv` of `rows.csv.gz`."""
    return PurePosixPath(str(path).lower().removesuffix(".gz")).suffix


Writer = Callable[[BinaryIO, Rows], None]


def _writer(path: Path, for_spreadsheets: bool) -> Writer:
    table = partial(_table, path=path, for_spreadsheets=for_spreadsheets)
    writers: dict[str, Writer] = {
        ".jsonl": _lines,
        ".ndjson": _lines,
        ".json": _list,
        ".csv": partial(table, delimiter=","),
        ".tsv": partial(table, delimiter="\t"),
    }
    if path.suffix.lower() == ".parquet":
        return partial(_parquet, path=path)
    if suffix_of(path) not in writers:
        known = ", ".join(sorted(writers))
        raise DataError(
            f'rows cannot be written to "{path.name}"',
            hint=f"known: {known}, each also with .gz, and .parquet",
        )
    return writers[suffix_of(path)]


@contextmanager
def _packed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """The file, or a stream that packs into it; without a time, so that equal rows are equal."""
    if path.suffix.lower() != ".gz":
        yield file
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream:
        yield stream  # type: ignore[misc]  # a binary stream in all but its declared type


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _lines(stream: BinaryIO, rows: Rows) -> None:
    for row in rows:
        stream.write(_line(row))


def _list(stream: BinaryIO, rows: Rows) -> None:
    stream.write(b"[")
    for number, row in enumerate(rows):
        stream.write(b",\n" if number else b"\n")
        stream.write(_line(row)[:-1])
    stream.write(b"\n]\n")


@contextmanager
def _spooled(rows: Rows, folder: Path) -> Iterator[tuple[IO[bytes], list[str]]]:
    """The rows as JSON lines on disk, and all their columns: tables must know these beforehand."""
    with tempfile.TemporaryFile(dir=folder) as spool:
        columns: dict[str, None] = {}
        for row in rows:
            columns.update(dict.fromkeys(row))
            spool.write(_line(row))
        spool.seek(0)
        yield spool, list(columns)


def _table(
    stream: BinaryIO, rows: Rows, path: Path, delimiter: str, for_spreadsheets: bool
) -> None:
    show = inert if for_spreadsheets else str
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    with _spooled(rows, path.parent) as (spool, columns):
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow(columns)
        for line in spool:
            cells = packed(json.loads(line))
            writer.writerow([show(cells.get(name, "")) for name in columns])
    text.detach()


def _parquet(stream: BinaryIO, rows: Rows, path: Path) -> None:
    import pyarrow  # half a second: only for those who want Parquet files
    import pyarrow.parquet

    with _spooled(map(_with_tools_as_text, rows), path.parent) as (spool, columns):
        schema = _schema(spool, columns, path)
        spool.seek(0)
        with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
            for lines in _batches(spool):
                batch = [json.loads(line) for line in lines]
                arrays = [pyarrow.array([r.get(f.name) for r in batch], f.type) for f in schema]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def _batches(spool: IO[bytes]) -> Iterator[list[bytes]]:
    while lines := list(islice(spool, _BATCH)):
        yield lines


def _with_tools_as_text(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Schemas of tools have keys of their own: as columns, each would get those of all."""
    tools = row.get("tools")
    if not isinstance(tools, list):
        return row
    return {**row, "tools": json.dumps(tools, ensure_ascii=False)}


def _schema(spool: IO[bytes], columns: list[str], path: Path) -> Any:
    """The types of all columns, over all rows."""
    import pyarrow

    kinds: dict[str, Any] = {name: pyarrow.null() for name in columns}
    unfit: dict[str, str] = {}
    for lines in _batches(spool):
        batch = [json.loads(line) for line in lines]
        calls = any(_CALLS in line for line in lines)
        for name in (name for name in columns if name not in unfit):
            try:
                kinds[name] = _kind([row.get(name) for row in batch], kinds[name], calls)
            except pyarrow.ArrowException as error:
                unfit[name] = str(error)
    if unfit:
        reasons = "; ".join(f'the column "{name}": {reason}' for name, reason in unfit.items())
        raise Unfit(f"{path.name}: Parquet cannot hold {reasons}", list(unfit))
    return pyarrow.schema(list(kinds.items()))


def _kind(values: list[Any], before: Any, calls: bool) -> Any:
    """The type of these values and of those before."""
    import pyarrow

    if calls and _CALLS in json.dumps(values).encode():
        raise pyarrow.ArrowInvalid("every tool call would get the arguments of all of them")
    kind = pyarrow.array(values).type
    _refuse_empty(kind, "")
    both = [pyarrow.schema([("it", each)]) for each in (before, kind)]
    return pyarrow.unify_schemas(both, promote_options="permissive").field("it").type


def _refuse_empty(kind: Any, name: str) -> None:
    import pyarrow

    if pyarrow.types.is_list(kind):
        _refuse_empty(kind.value_type, name)
    elif pyarrow.types.is_struct(kind):
        if kind.num_fields == 0:
            raise pyarrow.ArrowInvalid("an object without keys")
        for field in kind:
            _refuse_empty(field.type, name)
