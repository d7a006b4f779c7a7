import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.data import storage
from tailorbird.data.read import Loaded
from tailorbird.data.storage import Stored, gathered
from tailorbird.errors import StoreError
from tailorbird.task.types import Example, Message, Provenance

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EXAMPLES = st.builds(
    Example,
    id=TEXT,
    input=TEXT | st.lists(st.builds(Message, st.just("user"), TEXT), max_size=3).map(tuple),
    target=st.none() | TEXT,
    sources=st.lists(TEXT, max_size=2).map(tuple),
    facts=st.lists(TEXT, max_size=2).map(tuple),
    answerable=st.booleans(),
    group=st.none() | TEXT,
    time=st.none() | st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    fields=st.dictionaries(TEXT, TEXT, max_size=2),
    provenance=st.none() | st.builds(Provenance, TEXT, st.integers(1, 99), st.none() | TEXT),
)


@settings(max_examples=60)
@given(st.lists(EXAMPLES, max_size=6))
def test_what_is_read_is_what_was_written(examples: list[Example]) -> None:
    stored = Stored.write(examples)
    assert list(stored) == examples
    assert len(stored) == len(examples)
    assert [str(e.time) for e in stored] == [str(e.time) for e in examples]
    assert stored[1:4] == tuple(examples[1:4])
    assert stored[::-1] == tuple(reversed(examples))
    if examples:
        assert stored[-1] == examples[-1]
        assert examples[0] in stored
    with pytest.raises(IndexError):
        stored[len(examples)]


def many(n: int) -> Iterator[Example]:
    return (Example(f"e{i}", f"input {i}", time=datetime(2026, 1, 1)) for i in range(n))


def test_what_fits_stays_in_memory() -> None:
    assert gathered(many(3), room=10_000) == tuple(many(3))
    assert gathered([]) == ()
    stored = gathered(many(50), room=10_000)
    assert isinstance(stored, Stored)
    assert tuple(stored) == tuple(many(50))


def test_rows_are_written_as_they_come() -> None:
    """No more is held than fits."""
    alive = []

    def counted() -> Iterator[Example]:
        for example in many(2000):
            alive.append(os.fstat(stored_file()).st_size if len(alive) > 100 else 0)
            yield example

    opened = []
    real = tempfile.TemporaryFile

    def stored_file() -> int:
        return int(opened[0].fileno())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", lambda: opened.append(real()) or opened[0])
        gathered(counted(), room=20_000)
    assert alive[-1] > 10_000  # most of it was on disk before the last row was read


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored = Stored.write(many(5))
    assert list(tmp_path.iterdir()) == []  # the file has no name: a kill cannot leave it
    assert len(list(stored)) == 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "wb"))
    with pytest.raises(StoreError, match="No space left"):
        Stored.write(many(2000))


def test_unlabelled_inputs_may_stand_on_disk(
    write: Callable[[str, Any], str], load: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = write("train.jsonl", [{"input": "one", "target": "a"}])
    test = write("test.jsonl", [{"input": "two", "target": "b"}])
    inputs = [{"input": f"question {i % 40}"} for i in range(50)] + [{"input": "ONE"}]
    more = write("more.jsonl", inputs)
    held = load(train=train, test=test, unlabelled=more)
    monkeypatch.setattr(gathered, "__defaults__", (5_000,))
    stored = load(train=train, test=test, unlabelled=more)
    assert isinstance(stored.unlabelled, Stored)
    assert tuple(stored.unlabelled) == held.unlabelled
    assert [a.lines() for a in stored.accounts] == [a.lines() for a in held.accounts]
    assert storage.ROOM > 2**20
