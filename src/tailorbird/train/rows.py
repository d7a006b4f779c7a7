"""Examples and texts -> token rows; packing; which tokens are learned."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from tailorbird.models.chat import Row

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class PackedRow:
    """Several rows behind one another, `segment[i]` telling which row token i belongs to."""

    tokens: Any
    """int32[T]"""
    learned: Any
    """int8[T]"""
    segment: Any
    """int32[T]"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of people's comparisons: ranked ones to one prompt, or some that were judged."""

    answers: tuple[Row, ...]
    """Each with the prompt in front; best first, where they are ranked."""
    good: tuple[bool, ...] = ()
    """Of judged answers: whether each is wanted."""
    reference: tuple[float, ...] = ()
    """What the reference model says of each answer, log-probability in nats."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """Of all answers."""
        return tuple(t for row in self.answers for t in row.tokens)

    @property
    def learned(self) -> tuple[int, ...]:
        """Of all answers."""
        return tuple(t for row in self.answers for t in row.learned)


@dataclass(frozen=True)
class PackedRows(Sequence[PackedRow]):
    """Packed rows as arrays int[N, T], which may lie on the disk (np.load, mmap_mode="r")."""

    tokens: Any
    learned: Any
    segment: Any

    @overload
    def __getitem__(self, index: int) -> PackedRow: ...
    @overload
    def __getitem__(self, index: slice) -> "PackedRows": ...
    def __getitem__(self, index: int | slice) -> "PackedRow | PackedRows":
        parts = self.tokens[index], self.learned[index], self.segment[index]
        return PackedRows(*parts) if isinstance(index, slice) else PackedRow(*parts)

    def __len__(self) -> int:
        return len(self.tokens)


def pad_left(rows: Sequence[Row], pad: int) -> Batch:
    """Rows as int64[B, T], padded on the left so that what is learned ends in the same column.

    `labels` is -100 where nothing is learned; position ids count real tokens only.
    """
    length = max(len(r.tokens) for r in rows)
    shape = (len(rows), length)
    ids, labels = torch.full(shape, pad), torch.full(shape, -100)
    mask, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, row in enumerate(rows):
        n = len(row.tokens)
        tokens = torch.tensor(row.tokens)
        ids[i, length - n :] = tokens
        labels[i, length - n :] = torch.where(torch.tensor(row.learned) > 0, tokens, -100)
        mask[i, length - n :] = 1
        positions[i, length - n :] = torch.arange(n)
    return {"input_ids": ids, "labels": labels, "attention_mask": mask, "position_ids": positions}


def pack(rows: Iterable[Row], length: int, pad: int, open_rows: int = 32) -> Iterator[PackedRow]:
    """Fill rows of exactly `length` tokens, each source row whole where it fits in one at all.

    A row goes into the fullest of the open packed rows that has room for it. What is longer than
    `length` is cut, and its parts do not see each other; gaps are filled with `pad`. Every
    row is a segment of its own.
    """
    opened: list[list[Row]] = []
    for row in rows:
        for part in _parts(row, length):
            size = len(part.tokens)
            fitting = [o for o in opened if _size(o) + size <= length]
            if fitting:
                max(fitting, key=_size).append(part)
            else:
                opened.append([part])
            if len(opened) > open_rows:
                fullest = max(opened, key=_size)
                opened.remove(fullest)
                yield _packed(fullest, length, pad)
    for rest in opened:
        yield _packed(rest, length, pad)


def _size(rows: Sequence[Row]) -> int:
    return sum(len(r.tokens) for r in rows)


def _parts(row: Row, length: int) -> Iterator[Row]:
    for start in range(0, len(row.tokens), length):
        end = start + length
        yield Row(row.tokens[start:end], row.learned[start:end])


def _packed(parts: Sequence[Row], length: int, pad: int) -> PackedRow:
    tokens = np.full(length, pad, np.int32)
    learned = np.zeros(length, np.int8)
    segment = np.full(length, len(parts), np.int32)
    at = 0
    for number, part in enumerate(parts):
        end = at + len(part.tokens)
        tokens[at:end], learned[at:end] = part.tokens, part.learned
        segment[at:end] = number
        learned[at] = 0  # nothing before the first token of a segment predicts it
        at = end
    return PackedRow(tokens, learned, segment)


def lay_end_to_end(rows: Sequence[Row | PackedRow]) -> Batch:
    """All rows, or all segments of packed ones, as one sequence int64[1, T].

    Nothing is padded. `row_lengths` int64[R] tells them apart for `attention_by_row`. (Position
    ids alone would not in every version of transformers.)
    """
    ids, learned, starts = (np.concatenate(part) for part in zip(*map(_columns, rows)))
    lengths = torch.from_numpy(np.diff(np.append(starts.nonzero()[0], len(starts))))
    tokens = torch.from_numpy(ids.astype(np.int64))
    return {
        "input_ids": tokens[None],
        "labels": torch.where(torch.from_numpy(learned > 0), tokens, -100)[None],
        "position_ids": torch.cat([torch.arange(n) for n in lengths])[None],
        "row_lengths": lengths,
    }


def _columns(row: Row | PackedRow) -> tuple[Any, Any, Any]:
    """Tokens, which of them are learned, where a segment begins: each [T]."""
    learned = np.array(row.learned)
    if isinstance(row, PackedRow):
        return row.tokens, learned, np.append(True, row.segment[1:] != row.segment[:-1])
    learned[0] = 0  # nothing before the first token predicts it
    return np.array(row.tokens), learned, np.arange(len(learned)) == 0
