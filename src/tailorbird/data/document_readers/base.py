"""What every reader of documents gives: text, cut at headings and paragraphs as in Markdown.

A reader is a file beside this one with

    SUFFIXES: tuple[str, ...]            what the names of its files end in
    read(content: bytes) -> Reading      raises `Unreadable` with the reason
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePath

from tailorbird.data.characters import Found, plain
from tailorbird.data.files import refuse_wide
from tailorbird.errors import TailorbirdError
from tailorbird.registry import module, names

_FOLDER = "data.document_readers"


class Unreadable(Exception):
    """A document that cannot be read. Caught where files are counted; never leaves `data`."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        """What it is, after its name: `is encrypted`."""
        self.hint = hint


@dataclass(frozen=True)
class Reading:
    """The text of one document."""

    pages: tuple[str, ...]
    """One text for kinds without pages."""
    title: str | None = None
    """What the file says of itself; a heading in the text comes before it."""
    paged: bool = False
    notes: tuple[str, ...] = ()
    """What had to be changed, assumed or left out."""
    seen: tuple[str, ...] = ()
    """What is strange about the text and was kept."""


@cache
def suffixes() -> Mapping[str, str]:
    """Suffix -> the reader of such files."""
    readers = {name: module(_FOLDER, name) for name in names(_FOLDER)}
    return {suffix: name for name, reader in readers.items() for suffix in reader.SUFFIXES}


def suffix_of(name: str) -> str:
    """The suffix of a file's name, in small letters."""
    return PurePath(name.lower()).suffix


def read_document(content: bytes, suffix: str) -> Reading:
    """Read a document whose name ends in `suffix`, one of `suffixes()`.

    Raises `Unreadable`; `DataError` for UTF-16; `MissingExtra` where the reader's library is
    missing.
    """
    refuse_wide(content, f"this {suffix} file")
    try:
        reading: Reading = module(_FOLDER, suffixes()[suffix]).read(content)
    except (Unreadable, TailorbirdError):
        raise
    except Exception as error:  # parsers of strangers' files raise whatever they stumble over
        raise Unreadable(f"is broken: {type(error).__name__}: {error}") from error
    return _clean(reading)


def _clean(reading: Reading) -> Reading:
    found = Found()
    held = [*reading.pages, reading.title or ""]
    if all(map(plain, held)):
        return reading
    *pages, title = found.clean(held)
    return replace(
        reading,
        pages=tuple(pages),
        title=title or None,
        notes=(*reading.notes, *sorted(found.mended)),
        seen=(*reading.seen, *sorted(found.kept)),
    )
