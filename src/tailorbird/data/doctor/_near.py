"""Near copies among a million rows: candidates by locality-sensitive hashing, compared exactly.

Two texts are as similar as their sets of shingles by Jaccard: shared ones over all. MinHash
(Broder 1997) in bands finds the pairs to compare (Leskovec, Rajaraman, Ullman: Mining of Massive
Datasets, section 3.4): 99 % of those of similarity 0.7, 6 % of those of 0.3.

In memory a row takes some 130 bytes; what comparing needs waits in a temporary file.
"""

import os
import struct
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailorbird.data.doctor._shingles import BANDS, Hashes, shingled, similarity
from tailorbird.data.doctor.base import Part, Patient, Sample
from tailorbird.errors import MissingExtra
from tailorbird.extras import need
from tailorbird.progress import progress
from tailorbird.task.types import Example, Role

SHOWN_CHARS = 200
IN_BUCKET, COMPARED = 64, 16
"""At most so many rows of a bucket are candidates, and so many candidates of a row are compared,
those that share most buckets first: where thousands of rows come from one template, comparing all
of them would take hours."""
_PARTS: tuple[Part, ...] = ("train", "dev", "test", "unlabelled", "rows")
_LENGTHS = struct.Struct("<3I")

Rows = NDArray[np.int64]
"""Positions of rows, in the order in which they were seen."""


def unavailable() -> str | None:
    """Why near copies cannot be looked for here; None where they can."""
    try:
        need("rensa")
    except MissingExtra as error:
        return f"{error}; {error.hint}"
    return None


def sketches(patient: Patient) -> "Sketches":
    """The sketches of this patient, one for all checks."""
    fresh = Sketches(patient.cache, patient.quiet)
    found: Sketches = patient.shared.setdefault("sketches", fresh)
    return found


@dataclass(frozen=True)
class Record:
    """What of a row waits in the file."""

    id: str
    shown: str
    """The beginning of its input."""
    input: frozenset[int]
    """Its shingles."""
    target: frozenset[int]


@dataclass(frozen=True)
class _Table:
    """What of rows stays in memory; every array has one entry, or line, for each row."""

    parts: NDArray[np.uint8]
    inputs: Hashes
    """Equal for inputs that differ in case and white space alone."""
    systems: Hashes
    """Likewise, of the system turns."""
    rows: Hashes
    """Likewise, of all turns with their roles and of the answer."""
    identical: Hashes
    """Equal for rows whose turns and answer are the same to the character."""
    made_up: NDArray[np.bool_]
    sizes: Rows
    """Bytes of its record."""


class Sketches:
    """Finds copies among all rows that it has seen."""

    def __init__(self, folder: Path, quiet: bool = True) -> None:
        self._folder = folder
        self._quiet = quiet
        self._tables: list[_Table] = []
        self._keys: list[NDArray[np.uint32]] = []
        self._last: tuple[Part, Sequence[Example]] | None = None

    @cached_property
    def _file(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder)  # it goes when this object goes

    @cached_property
    def _table(self) -> _Table:
        columns = zip(*(vars(t).values() for t in self._tables))
        return _Table(*(np.concatenate(c) for c in columns))

    @cached_property
    def _ends(self) -> Rows:
        return self._table.sizes.cumsum()

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows. The same again, from the next check, are not taken for more rows."""
        if self._last is not None and self._last[0] == part and self._last[1] is rows:
            return
        self._last = part, rows
        inputs = [e.asked for e in rows]
        answers = [_folded(e.target) for e in rows]
        # Instructions count for nothing here: neither what they share nor where they differ.
        asked, told = shingled(inputs), shingled(answers)
        records = [_packed(*each) for each in zip(rows, asked.of_each(), told.of_each())]
        self._file.write(b"".join(records))
        self._keys.append(asked.keys())
        self._tables.append(
            _Table(
                np.full(len(rows), _PARTS.index(part), np.uint8),
                np.array([hash64(t) for t in inputs], np.uint64),
                np.array([hash64(conversation(e, "system")) for e in rows], np.uint64),
                np.array(
                    [hash64(f"{conversation(e)}\0{a}") for e, a in zip(rows, answers)], np.uint64
                ),
                np.array([hash64(_verbatim(e)) for e in rows], np.uint64),
                np.array([e.made_up for e in rows], bool),
                np.array([len(r) for r in records], np.int64),
            )
        )

    def rows(self, *parts: Part, made_up: bool | None = None) -> Rows:
        """The rows of some parts; `made_up`: those alone that were, or were not."""
        if not self._tables:
            return np.zeros(0, np.int64)
        wanted = np.isin(self._table.parts, [_PARTS.index(p) for p in parts])
        if made_up is not None:
            wanted &= self._table.made_up == made_up
        return np.flatnonzero(wanted)

    def first_of_equals(self, rows: Rows, identical: bool = False) -> Rows:
        """For each of `rows` the first of them that has the same turns and the same answer.

        `identical`: to the character; else but for case and white space.
        """
        hashes = self._table.identical if identical else self._table.rows
        _, first, place = np.unique(hashes[rows], return_index=True, return_inverse=True)
        return rows[first[place]]

    def copies(self, rows: Rows, least: float) -> Iterator[tuple[int, int]]:
        """Each of `rows` that is like an earlier one in input and answer, with that earlier one.

        System turns are instructions: rows that differ in theirs are no copies.
        The earlier one is no such copy itself: small changes upon small changes do not join texts
        that are not alike.
        """
        kept: dict[int, list[int]] = defaultdict(list)
        for row, buckets in self._met(rows):
            candidates = chain.from_iterable(kept[b] for b in buckets)
            systems = self._table.systems
            told = (c for c in candidates if systems[c] == systems[row])
            original = next(self._alike(row, told, least, answers=True), None)
            if original is not None:
                yield row, original
            else:
                _enter(row, buckets, kept)

    def matches(self, rows: Rows, others: Rows, least: float) -> Iterator[tuple[int, int]]:
        """Each of `rows` with each of `others` whose input is like its own, but not equal to it."""
        theirs = np.zeros(len(self._table.parts), bool)
        theirs[others] = True
        entered: dict[int, list[int]] = defaultdict(list)
        mine = []
        for row, buckets in self._met(np.union1d(rows, others), theirs):
            if theirs[row]:
                _enter(row, buckets, entered)
            else:
                mine.append((row, buckets))
        inputs = self._table.inputs
        for row, buckets in mine:
            candidates = chain.from_iterable(entered[b] for b in buckets)
            unequal = (c for c in candidates if inputs[c] != inputs[row])
            for other in self._alike(row, unequal, least, answers=False):
                yield row, other

    def record(self, row: int) -> Record:
        """What was written down of a row."""
        end, size = int(self._ends[row]), int(self._table.sizes[row])
        self._file.flush()
        return _unpacked(os.pread(self._file.fileno(), size, end - size))

    def sample(self, row: int, note: str) -> Sample:
        """A row to show."""
        record = self.record(row)
        return Sample(record.id, _PARTS[self._table.parts[row]], record.shown, note)

    def _alike(
        self, row: int, candidates: Iterable[int], least: float, answers: bool
    ) -> Iterator[int]:
        ranked = Counter(candidates).most_common(COMPARED)
        mine = self.record(row) if ranked else None
        for other, _ in ranked:
            its = self.record(other)
            assert mine is not None
            if similarity(mine.input, its.input) >= least and (
                not answers or similarity(mine.target, its.target) >= least
            ):
                yield other

    def _met(
        self, rows: Rows, theirs: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[int, list[int]]]:
        """Each of `rows`, in order, that shares a bucket with another, and which buckets it does.

        `theirs` [all rows]: buckets must hold rows that are theirs and rows that are not.
        """
        at, of, begun = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], 0
        for band in range(BANDS) if len(rows) else ():
            keys = np.concatenate([k[:, band] for k in self._keys])[rows]
            order = np.argsort(keys, kind="stable")
            changes = np.diff(keys[order], prepend=keys[order[0]]) != 0
            bucket = np.cumsum(changes, dtype=np.int32)
            size = np.bincount(bucket)
            shared = size > 1
            if theirs is not None:
                count = np.bincount(bucket, weights=theirs[rows[order]])
                shared = (count > 0) & (count < size)
            at.append(rows[order][shared[bucket]])
            of.append(bucket[shared[bucket]] + np.int32(begun))
            begun += len(size)
        where, which = np.concatenate(at), np.concatenate(of)
        order = np.argsort(where, kind="stable")
        which = which[order]
        found, first = np.unique(where[order], return_index=True)
        ends = np.append(first[1:], len(which))
        with progress("comparing candidates", len(found), self._quiet) as done:
            for row, begin, end in zip(found, first, ends):
                yield int(row), which[begin:end].tolist()
                done(1)


def conversation(example: Example, only: Role | None = None) -> str:
    """The turns with their roles, without case and extra white space: equal ones ask the same."""
    turns = (m for m in example.turns if only in (None, m.role))
    return "\0".join(f"{m.role} {_folded(m.content)}" for m in turns)


def _verbatim(example: Example) -> str:
    turns = "\0".join(f"{m.role} {m.content}" for m in example.turns)
    return f"{turns}\0{example.target!r}"


def shown(text: str) -> str:
    """The beginning of a text, on one line."""
    return " ".join(text[: 2 * SHOWN_CHARS].split())[:SHOWN_CHARS]


def _enter(row: int, buckets: Iterable[int], into: dict[int, list[int]]) -> None:
    for bucket in buckets:
        if len(into[bucket]) < IN_BUCKET:
            into[bucket].append(row)


def _folded(text: str | None) -> str:
    return " ".join((text or "").casefold().split())


def hash64(text: str) -> int:
    """64 bits of BLAKE2b: equal for equal texts, in every process."""
    raw = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=8).digest())


def _packed(example: Example, asked: NDArray[np.uint32], told: NDArray[np.uint32]) -> bytes:
    name = example.id.encode("utf-8", "surrogatepass")
    raw = shown(example.text).encode("utf-8", "surrogatepass")
    head = _LENGTHS.pack(len(name), len(raw), len(asked))
    return b"".join([head, name, raw, asked.tobytes(), told.tobytes()])


def _unpacked(raw: bytes) -> Record:
    name, text, asked = _LENGTHS.unpack_from(raw)
    texts = raw[_LENGTHS.size : _LENGTHS.size + name + text]
    shingles = np.frombuffer(raw, np.uint32, offset=_LENGTHS.size + name + text).tolist()
    return Record(
        texts[:name].decode("utf-8", "surrogatepass"),
        texts[name:].decode("utf-8", "surrogatepass"),
        frozenset(shingles[:asked]),
        frozenset(shingles[asked:]),
    )
