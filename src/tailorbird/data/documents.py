"""Documents that answers rest on: a folder of files of many kinds, one such file, or a table."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from tailorbird.data.accounts import FileAccount
from tailorbird.data.characters import Found
from tailorbird.data.document_readers.base import (
    Reading,
    Unreadable,
    read_document,
    suffix_of,
    suffixes,
)
from tailorbird.data.files import files_below, locate, read_file
from tailorbird.data.formats.base import Unusable, text_of
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.rows import HUB, Row, read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.task.task import Column, Documents
from tailorbird.task.types import Document

PAGE = "#page="
"""Between the id of a file with pages and the number of a page, as in links to PDFs (RFC 8118)."""


def load_documents(
    documents: Documents, folder: Path, data_folder: Path | None
) -> tuple[Document, ...]:
    """`read_documents` without the account."""
    return read_documents(documents, folder, data_folder)[0]


def read_documents(
    documents: Documents, folder: Path, data_folder: Path | None
) -> tuple[tuple[Document, ...], FileAccount]:
    """Read the documents that a task names; those without text are left out.

    A file with pages gives one document per page, with the id `FILE#page=N`.

    Raises `DataError` when there are none, when a file or a row of a table cannot be read, or when
    two share an id: an answer's sources must be found, and be clear.
    """
    path = documents.path
    account = FileAccount(path, unit="document")
    where = None if path.startswith(HUB) else locate(path, folder, data_folder)
    if where is not None and where.is_dir():
        found = _of_folder(where, path, account)
        expected = f"files with text: {', '.join(suffixes())}"
    elif where is not None and suffix_of(path) in suffixes():
        found = _of_file(where, PurePath(where.name), path, account)
        expected = "text in it"
    else:
        found = (_from_row(r, documents) for r in _rows(documents, folder, data_folder, account))
        expected = "rows with text"
    kept = tuple(_with_text(found, account))
    account.verify()
    if not kept:
        raise DataError(f"no documents in {path}", hint=f"expected {expected}")
    ((commonest, times),) = Counter(d.id for d in kept).most_common(1)
    if times > 1:
        raise DataError(f"{path}: {times} documents have the id {commonest!r}")
    return kept, account


def _with_text(found: Iterator[Document], account: FileAccount) -> Iterator[Document]:
    for document in found:
        if document.text:
            account.keep()
            yield document
        else:
            account.drop("no text", document.id)


# ---- files -----------------------------------------------------------------------------------


def _of_folder(folder: Path, path: str, account: FileAccount) -> Iterator[Document]:
    """Every document below the folder, by name."""
    for inner in sorted(files_below(folder), key=lambda p: p.as_posix()):
        suffix = suffix_of(inner.name)
        if suffix in suffixes():
            yield from _of_file(folder / inner, inner, f"{path}/{inner.as_posix()}", account)
        else:
            account.drop(f'"{suffix}" files are not read as documents', inner.as_posix())


def _of_file(file: Path, inner: PurePath, path: str, account: FileAccount) -> Iterator[Document]:
    """The document that a file is, or its pages; `inner` gives the id."""
    try:
        reading = read_document(read_file(file, path), suffix_of(file.name))
    except Unreadable as error:
        raise DataError(f"{path} {error.reason}", hint=error.hint) from error
    for note in reading.notes:
        account.change(note, inner.as_posix())
    for mark in reading.seen:
        account.note(mark, inner.as_posix())
    # A name may hold bytes that are no text, and ids are text.
    yield from _documents(reading, Found().clean(inner.with_suffix("").as_posix()), inner.stem)


def _documents(reading: Reading, id: str, stem: str) -> Iterator[Document]:
    title = " ".join((reading.title or "").split()) or Found().clean(stem)
    if reading.paged:
        for number, page in enumerate(reading.pages, 1):
            yield Document(f"{id}{PAGE}{number}", title, page.strip())
    else:
        yield Document(id, *_heading("\n".join(reading.pages), title))


def _heading(text: str, otherwise: str) -> tuple[str, str]:
    """The first `# heading` and the rest of the text; `otherwise` where there is no heading."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("# ") and line[2:].strip():
            rest = lines[:number] + lines[number + 1 :]
            return line[2:].strip(), "\n".join(rest).strip()
    return otherwise, "\n".join(lines).strip()


# ---- tables ----------------------------------------------------------------------------------


def _rows(
    documents: Documents, folder: Path, data_folder: Path | None, account: FileAccount
) -> Iterator[Row]:
    for row in read_rows(documents.path, None, folder, data_folder):
        for note in row.notes:
            account.change(note, row.number)
        for mark in row.seen:
            account.note(mark, row.number)
        yield row


def _from_row(row: Row, documents: Documents) -> Document:
    where = f"{documents.path}, row {row.number}"
    if row.problem is not None:
        raise DataError(f"{where}: {row.problem}")
    id = _cell(row, documents.id, where, required=True)
    if not id:
        raise DataError(f"{where}: no id")
    # A title nobody asked for by name may be missing; a misspelt one may not.
    asked = "title" in documents.model_fields_set
    return Document(
        id=id,
        title=_cell(row, documents.title, where, required=asked),
        text=_cell(row, documents.text, where, required=True),
    )


def _cell(row: Row, column: Column, where: str, required: bool) -> str:
    value = lookup(row.value, column)
    if value is MISSING and required:
        raise DataError(f'{where}: no column "{column}"{nearest(str(column), names_in(row.value))}')
    try:
        return (text_of(None if value is MISSING else value, str(column)) or "").strip()
    except Unusable as error:
        raise DataError(f"{where}: {error.reason}") from error
