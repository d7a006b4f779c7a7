"""Raw texts of a field: files, tables and folders of both, with every row accounted for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tailorbird.data.accounts import FileAccount
from tailorbird.data.formats.base import Unusable, text_of
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.rows import HUB, decode, locate, read_bytes, read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.task.task import Texts

_PLAIN = (".txt", ".md")
_TABLES = (".jsonl",)
"""Tables that are looked for in folders; others must be named."""


def load_texts(
    entries: Sequence[Texts], folder: Path, data_folder: Path | None
) -> tuple[tuple[str, ...], tuple[FileAccount, ...]]:
    """Every text once, in order, and what happened to each file and row.

    Raises `DataError` where a file is missing, has no such column, or gives no text.
    """
    texts: dict[str, None] = {}
    accounts = []
    for entry in entries:
        for path in _files(entry.path, folder, data_folder):
            account = FileAccount(path)
            for number, text in _read(path, entry, account, folder, data_folder):
                if text in texts:
                    account.drop("the same text stood before", number)
                else:
                    texts[text] = None
                    account.keep()
            account.verify()
            accounts.append(account)
    if entries and not texts:
        raise DataError(f"no text in {entries[0].path}", hint="data.texts names files with text")
    return tuple(texts), tuple(accounts)


def _files(path: str, folder: Path, data_folder: Path | None) -> list[str]:
    """The path itself, or the paths of all texts below a folder, sorted; hidden ones are not."""
    if path.startswith(HUB):
        return [path]
    where = locate(path, folder, data_folder)
    if not where.is_dir():
        return [path]
    inner = (p.relative_to(where) for p in sorted(where.rglob("*")) if p.is_file())
    shown = [p for p in inner if not any(part.startswith(".") for part in p.parts)]
    found = [f"{path}/{p.as_posix()}" for p in shown if _suffix(p.name) in (*_PLAIN, *_TABLES)]
    if not found:
        raise DataError(
            f"no texts in {path}", hint=f"expected files ending in {', '.join(_PLAIN + _TABLES)}"
        )
    return found


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _read(
    path: str, entry: Texts, account: FileAccount, folder: Path, data_folder: Path | None
) -> Iterator[tuple[int, str]]:
    """Row numbers and texts; rows without text are dropped."""
    if not path.startswith(HUB) and _suffix(path) in _PLAIN:
        text, notes = decode(read_bytes(path, folder, data_folder))
        for note in notes:
            account.change(note, 1)
        rows: Iterator[tuple[int, str]] = iter([(1, text)])
    else:
        rows = _cells(path, entry, account, folder, data_folder)
    for number, text in rows:
        if text.strip():
            yield number, text.strip()
        else:
            account.drop("no text", number)


def _cells(
    path: str, entry: Texts, account: FileAccount, folder: Path, data_folder: Path | None
) -> Iterator[tuple[int, str]]:
    for row in read_rows(path, None, folder, data_folder):
        if row.problem is not None:
            account.drop(row.problem, row.number)
            continue
        value = lookup(row.value, entry.text)
        if value is MISSING:
            near = nearest(str(entry.text), names_in(row.value))
            raise DataError(
                f'{path}, row {row.number}: no column "{entry.text}"{near}',
                hint="name it: data.texts: {path: FILE, text: COLUMN}",
            )
        try:
            yield row.number, text_of(value, str(entry.text)) or ""
        except Unusable as error:
            account.drop(error.reason, row.number)
