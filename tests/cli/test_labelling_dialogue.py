"""Labelling in the terminal while others change the queue."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tailorbird.cli._labelling import Dialogue
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Entry
from tailorbird.task.types import Example
from tailorbird.testing import small_task


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    task = small_task("label", tmp_path / "study")
    queue = Queue.open(tmp_path / "labels.db", task)
    queue.put([Entry(Example("a", "unheard of"), "by hand", "none")], "chief")
    return queue


def typed(*said: str | Callable[[], object]) -> Iterator[str]:
    """Lines, and what others do before the next one comes."""
    for one in said:
        if isinstance(one, str):
            yield one
        else:
            one()


def test_an_answer_counts_for_the_round_in_which_it_was_asked(queue: Queue):
    shown: list[str] = []
    lines = typed(lambda: queue.reopen(1, "chief"), "billing", "returns")
    assert Dialogue(queue, "ann", lines, shown.append).run() == 1
    assert any("item 1 was reopened" in line for line in shown)
    assert shown.count("unheard of") == 2, "it is asked anew"
    assert [(e.label, e.round) for e in queue.history() if e.what == "answered"] == [("returns", 2)]


def test_what_others_settle_is_asked_no_more(queue: Queue):
    shown: list[str] = []
    lines = typed(lambda: queue.withdraw(1, "chief"), "billing", "returns")
    assert Dialogue(queue, "ann", lines, shown.append).run() == 0
    assert shown[-1] == "Nothing is left for you."
