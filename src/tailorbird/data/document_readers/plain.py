"""Plain text."""

from tailorbird.data.document_readers.base import Reading
from tailorbird.data.files import BOM, decode

SUFFIXES = (".txt",)


def read(content: bytes) -> Reading:
    """The text as it is."""
    text, notes = decode(content.removeprefix(BOM))
    return Reading((text,), notes=notes)
