"""Files and hub datasets -> a stream of rows, each readable or with the reason why it is not."""

import csv
import difflib
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from tailorbird.data.lookup import MISSING, lookup
from tailorbird.errors import DataError
from tailorbird.extras import need

HUB = "hub://"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

Binary = io.BufferedReader | gzip.GzipFile


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


def read_rows(path: str, key: str | None, folder: Path, data_folder: Path | None) -> Iterator[Row]:
    """Stream the rows of a file or of a hub dataset (`hub://owner/name`, `key`: its split).

    Raises `DataError` when the file is missing, broken as a whole, or of an unknown kind.
    """
    if path.startswith(HUB):
        yield from _hub(path, key)
        return
    file = locate(path, folder, data_folder)
    reader = _reader(path, key)
    try:
        with _open(file) as stream:
            if stream.peek(2)[:2] in _UTF16:
                raise DataError(f"{path} is UTF-16", hint="save it as UTF-8")
            yield from reader(stream, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def read_bytes(path: str, folder: Path, data_folder: Path | None) -> bytes:
    """The whole of a file, unpacked, without a byte order mark. Raises `DataError`."""
    try:
        with _open(locate(path, folder, data_folder)) as stream:
            return stream.read().removeprefix(_BOM)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def locate(path: str, folder: Path, data_folder: Path | None) -> Path:
    """The file or folder that a task file means. Raises `DataError` when it is missing."""
    if "{data}" in path:
        if data_folder is None:
            raise DataError(
                f"{path} needs the data folder, and none was given", hint="pass --data-folder DIR"
            )
        path = path.replace("{data}", str(data_folder))
    found = folder / path
    if found.exists():
        return found
    if not found.parent.is_dir():
        raise DataError(f"no file at {found}: there is no folder {found.parent}")
    beside = sorted(p.name for p in found.parent.iterdir() if not p.name.startswith("."))
    near = difflib.get_close_matches(found.name, beside, n=3, cutoff=0.5) or beside[:8]
    raise DataError(
        f"no file at {found}",
        hint=f"the folder holds {', '.join(near)}" if near else "the folder is empty",
    )


def stem(path: str) -> str:
    """The file name without `.gz` and suffix."""
    return PurePosixPath(path.removesuffix(".gz")).stem


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Text from bytes, and what had to be assumed when they are not UTF-8."""
    for encoding, notes in (
        ("utf-8", ()),
        ("cp1252", ("not UTF-8, read as cp1252",)),
        ("latin-1", ("not UTF-8, read as Latin-1",)),  # cp1252 leaves five bytes undefined
    ):
        try:
            return raw.decode(encoding), notes
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 decodes every byte")


def _open(path: Path) -> Binary:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


Reader = Callable[[Binary, str], Iterator[Row]]


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


def _json_lines(stream: Binary | io.BytesIO, path: str) -> Iterator[Row]:
    for number, line in enumerate(stream, start=1):
        raw = line.removeprefix(_BOM) if number == 1 else line
        if raw.strip():
            yield _json_line(number, raw)


def _json_line(number: int, raw: bytes) -> Row:
    text, notes = decode(raw)
    try:
        value, mended = _parse(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested a thousand deep
        return Row(number, None, notes, problem="not valid JSON")
    return Row(number, value, notes + mended)


def _parse(text: str) -> tuple[Any, tuple[str, ...]]:
    """JSON with lone surrogates replaced: no file, tokenizer or hash could take them."""
    value = json.loads(text)
    mended = _mend(value) if "\\u" in text else value
    return mended, () if mended == value else ("broken Unicode replaced by ?",)


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_mend(v) for v in value]
    if isinstance(value, dict):
        return {_mend(k): _mend(v) for k, v in value.items()}
    return value


def _json(stream: Binary, path: str, key: str | None) -> Iterator[Row]:
    raw = stream.read().removeprefix(_BOM)
    if not raw.strip():
        return
    text, notes = decode(raw)
    try:
        whole, mended = _parse(text)
    except (ValueError, RecursionError) as error:
        if key is not None or _json_line(1, raw.lstrip().split(b"\n")[0]).problem:
            raise DataError(f"{path} is not valid JSON: {error}") from error
        yield from _json_lines(io.BytesIO(raw), path)  # JSON lines are often named .json
        return
    for number, value in enumerate(_list_in(whole, key, path), start=1):
        yield Row(number, value, notes + mended)


def _list_in(whole: Any, key: str | None, path: str) -> list[Any]:
    rows = whole if key is None else lookup(whole, key)
    if isinstance(rows, list):
        return rows
    holder = whole if isinstance(whole, Mapping) else {}
    lists = ", ".join(str(k) for k, v in holder.items() if isinstance(v, list))
    if key is None:
        found = f"{path} holds one {type(whole).__name__}, not a list of rows"
    elif rows is MISSING:
        found = f'{path} has no key "{key}"'
    else:
        found = f'{path}: key "{key}" holds no list of rows'
    raise DataError(found, hint=f"set key to one of: {lists}" if lists else None)


def _table(stream: Binary, path: str, delimiter: str) -> Iterator[Row]:
    # A row may be longer than the csv module's default of 131,072 characters per field.
    csv.field_size_limit(2**31 - 1)
    notes: list[str] = []
    # strict: a stray or unclosed quote is an error, instead of a field that swallows other rows.
    reader = csv.reader(_lines(stream, notes), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
            problem = None
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise DataError(f"{path}: a quote opened at line {line} is never closed") from error
            cells, problem = [""], f"not valid CSV: {error}"
        if cells is None:
            return
        if not cells:
            continue
        if header is None:
            header = _header(cells, problem, path)
        else:
            number += 1
            yield _record(number, header, cells, tuple(dict.fromkeys(notes)), problem)
        notes.clear()


def _lines(stream: Binary, notes: list[str]) -> Iterator[str]:
    for number, raw in enumerate(stream):
        text, assumed = decode(raw if number else raw.removeprefix(_BOM))
        notes.extend(assumed)
        yield text


def _header(cells: list[str], problem: str | None, path: str) -> list[str]:
    names = [cell.strip() for cell in cells]
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
    return Row(number, value, notes, problem)


def _parquet(stream: Binary, path: str) -> Iterator[Row]:
    import pyarrow  # half a second: only for those who have Parquet files
    import pyarrow.parquet

    try:
        batches = pyarrow.parquet.ParquetFile(stream).iter_batches()
        number = 0
        for batch in batches:
            for value in batch.to_pylist():
                number += 1
                yield Row(number, value)
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error


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
        yield Row(number, value)
