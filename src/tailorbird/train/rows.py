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


def pack(
    rows: Iterable[Row], length: int, pad: int, isolate: bool = True, open_rows: int = 32
) -> Iterator[PackedRow]:
    """Fill rows of exactly `length` tokens, each source row whole where it fits in one at all.

    A row goes into the fullest of the open packed rows that has room for it. What is longer than
    `length` is cut, and its parts do not see each other; gaps are filled with `pad`. With
    `isolate` rows are segments of their own; without, they see those before them.
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
                yield _packed(fullest, length, pad, isolate)
    for rest in opened:
        yield _packed(rest, length, pad, isolate)


def _size(rows: Sequence[Row]) -> int:
    return sum(len(r.tokens) for r in rows)


def _parts(row: Row, length: int) -> Iterator[Row]:
    for start in range(0, len(row.tokens), length):
        end = start + length
        yield Row(row.tokens[start:end], row.learned[start:end])


def _packed(parts: Sequence[Row], length: int, pad: int, isolate: bool) -> PackedRow:
    tokens = np.full(length, pad, np.int32)
    learned = np.zeros(length, np.int8)
    segment = np.full(length, len(parts), np.int32)
    at = 0
    for number, part in enumerate(parts):
        end = at + len(part.tokens)
        tokens[at:end], learned[at:end] = part.tokens, part.learned
        segment[at:end] = number if isolate else 0
        learned[at] = 0  # nothing before the first token of a segment predicts it
        at = end
    return PackedRow(tokens, learned, segment)


def lay_end_to_end(rows: Sequence[PackedRow]) -> Batch:
    """All segments of all rows as one sequence int64[1, T] with their `row_lengths` int64[R].

    Nothing is padded; `attention_by_row` keeps the segments apart. (Position ids alone would not
    in every version of transformers.)
    """
    ids = torch.from_numpy(np.concatenate([r.tokens for r in rows]).astype(np.int64))
    learned = torch.from_numpy(np.concatenate([r.learned for r in rows]))
    starts = np.concatenate([_starts(r.segment) for r in rows])
    lengths = torch.from_numpy(np.diff(np.append(starts.nonzero()[0], len(starts))))
    return {
        "input_ids": ids[None],
        "labels": torch.where(learned > 0, ids, -100)[None],
        "position_ids": torch.cat([torch.arange(n) for n in lengths])[None],
        "row_lengths": lengths,
    }


def _starts(segment: Any) -> Any:
    """bool[T]: where a segment begins."""
    return np.append(True, segment[1:] != segment[:-1])
