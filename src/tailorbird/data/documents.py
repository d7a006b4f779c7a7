"""Documents that answers rest on: a folder of texts, or a table."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tailorbird.data.formats.base import Unusable, text_of
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.rows import HUB, Row, decode, locate, read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.task.task import Column, Documents
from tailorbird.task.types import Document

_TEXTS = (".md", ".txt")


def load_documents(
    documents: Documents, folder: Path, data_folder: Path | None
) -> tuple[Document, ...]:
    """Read the documents that a task names; those without text are left out.

    Raises `DataError` when there are none, when a row of a table cannot be read, or when two share
    an id: an answer's sources must be found, and be clear.
    """
    path = documents.path
    if not path.startswith(HUB) and locate(path, folder, data_folder).is_dir():
        found = list(_texts(locate(path, folder, data_folder)))
        expected = f"{' or '.join(_TEXTS)} files with text"
    else:
        found = [_from_row(row, documents) for row in read_rows(path, None, folder, data_folder)]
        expected = "rows with text"
    kept = tuple(d for d in found if d.text)
    if not kept:
        raise DataError(f"no documents in {path}", hint=f"expected {expected}")
    ((commonest, times),) = Counter(d.id for d in kept).most_common(1)
    if times > 1:
        raise DataError(f"{path}: {times} documents have the id {commonest!r}")
    return kept


def _texts(folder: Path) -> Iterator[Document]:
    """Every text below the folder, sorted by id; hidden files and folders are not documents."""
    for file in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        inner = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in inner.parts)
        if file.suffix.lower() in _TEXTS and file.is_file() and not hidden:
            text, _ = decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
            title, body = _heading(text, file.stem)
            yield Document(inner.with_suffix("").as_posix(), title, body)


def _heading(text: str, stem: str) -> tuple[str, str]:
    """The first `# heading` and the rest of the text; the file's stem where there is no heading."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("# ") and line[2:].strip():
            rest = lines[:number] + lines[number + 1 :]
            return line[2:].strip(), "\n".join(rest).strip()
    return stem, "\n".join(lines).strip()


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
