"""Rows that are kept chunk by chunk: fewer, more, or all of them again."""

from collections.abc import Sequence
from pathlib import Path

from tailorbird.evaluate.chunks import in_chunks
from tailorbird.models.base import Progress
from tailorbird.store import read_jsonl


def test_fewer_items_and_more_of_them(tmp_path: Path):
    made: list[int] = []

    def work(chunk: Sequence[int], tick: Progress) -> list[int]:
        made.extend(chunk)
        return [10 * i for i in chunk]

    def rows(n: int) -> list[int]:
        made.clear()
        found = in_chunks(tmp_path / "rows.jsonl", range(n), 4, work, "working", True)
        assert found == [10 * i for i in range(n)]
        return list(made)

    assert rows(10) == list(range(10))
    for fewer in (10, 9, 7, 4, 0):
        assert rows(fewer) == []
        assert len(read_jsonl(tmp_path / "rows.jsonl")) == 10
    assert rows(13) == [8, 9, 10, 11, 12]  # the last chunk was not a whole one
