"""Work on many items that a kill may interrupt: rows are kept on disk chunk by chunk.

Chunks are a fixed partition, and each is worked on as a whole: what is resumed ends as what was
not interrupted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tailorbird.models.base import Progress
from tailorbird.progress import progress
from tailorbird.store import append_jsonl, read_jsonl

T = TypeVar("T")


def in_chunks(
    file: Path,
    items: Sequence[T],
    size: int,
    work: Callable[[Sequence[T], Progress], Sequence[Any]],
    title: str,
    quiet: bool,
) -> list[Any]:
    """One JSON value per item, from `file` where it is there already.

    `work` makes those of one chunk of `size` items, and counts them. A torn chunk is made again. A
    file of more items that begin with these stays as it is.
    """
    done = read_jsonl(file)
    if len(done) >= len(items):
        return done[: len(items)]
    rows = done[: len(done) // size * size]
    if len(rows) < len(done):
        file.unlink()
        append_jsonl(file, rows)
    with progress(title, len(items), quiet) as tick:
        tick(len(rows))
        for start in range(len(rows), len(items), size):
            new = list(work(items[start : start + size], tick))
            append_jsonl(file, new)
            rows += new
    return rows
