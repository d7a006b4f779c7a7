"""What one file may take of a machine: against decompression bombs and rows without an end.

Each limit is raised by an environment variable, which every message names.
"""

import os
from dataclasses import dataclass
from typing import Final

from tailorbird.errors import DataError

MIB: Final = 2**20


@dataclass(frozen=True)
class Limit:
    """A whole number, and the environment variable that replaces it."""

    variable: str
    standard: int

    @property
    def value(self) -> int:
        """The limit now. Raises `DataError` where the variable holds no whole number above 0."""
        text = os.environ.get(self.variable, str(self.standard))
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
            raise DataError(f"{self.variable} should be a whole number above 0, not {text!r}")
        return int(text)

    @property
    def hint(self) -> str:
        """How to raise it."""
        return f"if it is meant to be so, set {self.variable} higher; it is {self.value} now"


ROW: Final = Limit("TAILORBIRD_MAX_ROW_MIB", 64)
"""MiB of one row of a text file: it must fit into memory."""
DOCUMENT: Final = Limit("TAILORBIRD_MAX_DOCUMENT_MIB", 512)
"""MiB of a file that is read whole: a text, a PDF, the XML of a DOCX."""
RATIO: Final = Limit("TAILORBIRD_MAX_RATIO", 500)
"""How many times its size a file may unpack to. gzip gets to 1,032 at most, on one repeated byte;
texts rarely to 20."""
HARMLESS: Final = 64 * MIB
"""Bytes that may be unpacked from a file of any size."""


def unpackable(size: int) -> int:
    """How many bytes a file of `size` bytes may unpack to."""
    return max(HARMLESS, RATIO.value * size)


def bomb(path: str) -> DataError:
    """What is said of a file that unpacks to more."""
    return DataError(f"{path} unpacks to more than {RATIO.value:,} times its size", hint=RATIO.hint)
