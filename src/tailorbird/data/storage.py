"""Examples on disk that read like a tuple, for more than memory should hold.

Each is a line of JSON in a file without a name, which is gone with the process however that ends;
the file is mapped into memory, so that the system decides how much of it to keep there. Eight bytes
per row stay in memory. Reading one takes some microseconds: `benchmarks/reading.py`.
"""

import mmap
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO, overload

from pydantic import TypeAdapter

from tailorbird.store import said
from tailorbird.task.types import Example

ROOM = 2**28
"""Bytes that examples may take as objects; more go to disk."""
_OBJECT = 500
"""Bytes of an example beside its texts, about."""


def gathered(examples: Iterable[Example], room: int = ROOM) -> Sequence[Example]:
    """The examples as a tuple, or on disk where that would take more than `room` bytes.

    Raises `StoreError` when the disk is full.
    """
    rest, size = iter(examples), 0
    held = []
    for example in rest:
        held.append(example)
        size += _OBJECT + len(example.text) + len(example.target or "")
        if size > room:
            return Stored.write(chain(held, rest))
    return tuple(held)


@cache
def _codec() -> TypeAdapter[Example]:
    return TypeAdapter(Example)


class Stored(Sequence[Example]):
    """Examples on disk. Slices are tuples."""

    def __init__(self, file: BinaryIO, ends: "array[int]") -> None:
        self._file = file
        self._ends = ends
        """Where each line ends, in bytes."""
        self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if ends else b""

    @classmethod
    def write(cls, examples: Iterable[Example]) -> "Stored":
        """Write examples as they come. Raises `StoreError` when the disk is full."""
        ends, end, codec = array("Q"), 0, _codec()
        with said("write", Path(tempfile.gettempdir())):
            file = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the examples
            for example in examples:
                end += file.write(codec.dump_json(example, exclude_defaults=True) + b"\n")
                ends.append(end)
            file.flush()
        return cls(file, ends)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Example]:
        return map(self._at, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Example, ...]: ...
    def __getitem__(self, index: int | slice) -> Example | tuple[Example, ...]:
        if isinstance(index, slice):
            return tuple(map(self._at, range(len(self))[index]))
        return self._at(range(len(self))[index])

    def _at(self, row: int) -> Example:
        start = self._ends[row - 1] if row else 0
        return _codec().validate_json(self._mapped[start : self._ends[row]])
