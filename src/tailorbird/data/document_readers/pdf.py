"""PDF, page by page, by pypdf."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tailorbird.data.document_readers.base import Reading, Unreadable
from tailorbird.extras import need

SUFFIXES = (".pdf",)


def read(content: bytes) -> Reading:
    """The text of every page. Raises `Unreadable` for encrypted and for scanned ones."""
    pypdf = need("pypdf")
    with _warnings() as warnings:
        reader = pypdf.PdfReader(io.BytesIO(content))
        _open(reader, pypdf.errors.DependencyError)
        pages = tuple(page.extract_text() for page in reader.pages)
        title = reader.metadata.title if reader.metadata else None
        declared = reader.root_object["/Pages"].get("/Count")
    if not pages:
        raise Unreadable("has no pages")
    if declared != len(pages):
        warnings.append(f"{len(pages):,} pages found, where the file says {declared}")
    if not any(page.strip() for page in pages):
        raise Unreadable(
            f"holds no text on any of its {len(pages):,} pages: it may be scanned",
            hint="put it through text recognition first (OCR, such as ocrmypdf)",
        )
    return Reading(pages, title, paged=True, notes=tuple(dict.fromkeys(warnings)))


def _open(reader: Any, missing: type[Exception]) -> None:
    """Files that only forbid printing or changing open without a password."""
    try:
        locked = reader.is_encrypted and not reader.decrypt("")
    except missing:
        raise Unreadable("is encrypted with AES", hint="pip install cryptography") from None
    if locked:
        raise Unreadable("is encrypted", hint="save it without a password")


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"read with a warning: {record.getMessage()}")


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What pypdf has to mend, which it only logs."""
    heard: list[str] = []
    logger, listener = logging.getLogger("pypdf"), _Listener(heard)
    before = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(listener)
        logger.propagate = before
