"""Padding and packing change the shape of rows and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.models.chat import Row
from tailorbird.train.rows import PackedRows, lay_end_to_end, pack, pad_left

PAD = 0


def row(*tokens: int) -> Row:
    return Row(tokens, tuple(t % 2 for t in tokens))


def test_rows_are_padded_on_the_left() -> None:
    batch = pad_left([row(1, 2, 3), row(5)], PAD)
    assert batch["input_ids"].tolist() == [[1, 2, 3], [PAD, PAD, 5]]
    assert batch["labels"].tolist() == [[1, -100, 3], [-100, -100, 5]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]


def test_packed_rows_become_one_sequence_in_which_positions_restart() -> None:
    packed = list(pack([row(1, 2, 3), row(5, 7)], 6, PAD))
    batch = lay_end_to_end([*packed, *pack([row(9, 8)], 2, PAD)])
    assert batch["input_ids"].tolist() == [[1, 2, 3, 5, 7, PAD, 9, 8]]
    # Nothing predicts the first token of a segment.
    assert batch["labels"].tolist() == [[-100, -100, 3, -100, 7, -100, -100, -100]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1, 0, 0, 1]]
    assert batch["row_lengths"].tolist() == [3, 2, 1, 2]


@given(
    st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=20).map(lambda t: row(*t))),
    st.integers(2, 16),
    st.integers(1, 4),
)
def test_packing_loses_nothing(rows: list[Row], length: int, opened: int) -> None:
    packed = list(pack(rows, length, PAD, open_rows=opened))
    assert all(p.tokens.shape == p.learned.shape == p.segment.shape == (length,) for p in packed)
    parts = [
        tuple(p.tokens[p.segment == s].tolist())
        for p in packed
        for s in np.unique(p.segment)
        if p.tokens[p.segment == s].any()
    ]
    expected = [r.tokens[i : i + length] for r in rows for i in range(0, len(r.tokens), length)]
    assert sorted(parts) == sorted(expected)
    assert sum(int(p.learned.sum()) for p in packed) == sum(
        sum(t % 2 for t in e[1:]) for e in expected
    )


def test_packed_rows_are_a_sequence_of_arrays() -> None:
    packed = list(pack([row(1, 2, 3), row(5, 7), row(9, 9, 9, 9)], 4, PAD))
    columns = (np.stack([getattr(p, c) for p in packed]) for c in ("tokens", "learned", "segment"))
    rows = PackedRows(*columns)
    assert len(rows) == len(packed) == 3
    assert rows[1].tokens.tolist() == packed[1].tokens.tolist()
    assert len(rows[1:]) == 2
    assert [r.tokens.tolist() for r in rows] == [p.tokens.tolist() for p in packed]


def test_a_row_that_fits_exactly_is_not_cut() -> None:
    [only] = pack([row(1, 2, 3, 4)], 4, PAD)
    assert only.segment.tolist() == [0] * 4
    with pytest.raises(StopIteration):
        next(pack([], 4, PAD))
