"""Raw texts of a field: documents, tables and folders of both, with every row accounted for."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tailorbird.data.accounts import FileAccount
from tailorbird.data.document_readers.base import Unreadable, read_document, suffix_of, suffixes
from tailorbird.data.files import files_below, locate, read_bytes
from tailorbird.data.formats.base import Unusable, text_of
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.rows import HUB, read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.task.task import Texts

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
    wanted = (*suffixes(), *_TABLES)
    found = [f"{path}/{p.as_posix()}" for p in files_below(where) if _suffix(p.name) in wanted]
    if not found:
        raise DataError(f"no texts in {path}", hint=f"expected files ending in {', '.join(wanted)}")
    return found


def _suffix(name: str) -> str:
    return suffix_of(name.lower().removesuffix(".gz"))


def _read(
    path: str, entry: Texts, account: FileAccount, folder: Path, data_folder: Path | None
) -> Iterator[tuple[int, str]]:
    """Row numbers and texts; rows without text are dropped."""
    if not path.startswith(HUB) and _suffix(path) in suffixes():
        rows = _document(path, account, folder, data_folder)
    else:
        rows = _cells(path, entry, account, folder, data_folder)
    for number, text in rows:
        if text.strip():
            yield number, text.strip()
        else:
            account.drop("no text", number)


def _document(
    path: str, account: FileAccount, folder: Path, data_folder: Path | None
) -> Iterator[tuple[int, str]]:
    """The text of all pages of a document."""
    try:
        reading = read_document(read_bytes(path, folder, data_folder), _suffix(path))
    except Unreadable as error:
        account.drop(error.reason, 1)
        return
    for note in reading.notes:
        account.change(note, 1)
    for mark in reading.seen:
        account.note(mark, 1)
    yield 1, "\n\n".join(reading.pages)


def _cells(
    path: str, entry: Texts, account: FileAccount, folder: Path, data_folder: Path | None
) -> Iterator[tuple[int, str]]:
    for row in read_rows(path, None, folder, data_folder):
        for note in row.notes:
            account.change(note, row.number)
        for mark in row.seen:
            account.note(mark, row.number)
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
