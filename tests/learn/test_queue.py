"""The review queue: who is given what, what becomes of answers, and what can never be undone."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from labelling import Clock, entries, queue_of, study_with_pool

from tailorbird.errors import BenchmarkError, DataError, StoreError
from tailorbird.learn.queue import LEASE, Queue
from tailorbird.learn.records import Entry
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec
from tailorbird.task.types import Example, Message, Provenance


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return study_with_pool(tmp_path_factory.mktemp("study"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(task: Task, tmp_path: Path, clock: Clock) -> Queue:
    return queue_of(task, tmp_path / "labels.db", clock)


def given(queue: Queue, annotator: str, n: int = 1) -> list[int]:
    return [i.id for i in queue.claim(annotator, n)]


def happened(queue: Queue, item: int) -> list[str]:
    return [e.what for e in queue.history(item)]


# ---- what goes in ----------------------------------------------------------------------------


def test_an_example_comes_out_as_it_went_in(queue: Queue):
    turns = (Message("system", "Be brief."), Message("user", "é\n'; DROP TABLE items; --"))
    example = Example("x", turns, group="g", fields={"topic": "t"}, provenance=Provenance("f", 3))
    (item,) = queue.put([Entry(example, "why", "margin", 0.5, "billing")], "chief", 3, 2)
    assert item.entry.example == example
    assert (item.wanted, item.needed, item.state, item.round) == (3, 2, "open", 1)
    assert (item.entry.suggestion, item.entry.why) == ("billing", "why")


def test_items_keep_the_key_that_older_queues_know_them_by(queue: Queue):
    turns = (Message("system", "Be kind."), Message("user", "How\n much?"))
    assert len(queue.put([Entry(Example("x", turns), "why", "random")], "chief")) == 1
    assert queue.keys() == {"6bd0d8bc22bc9df3"}
    assert queue.put([Entry(Example("y", "How much?"), "why", "random")], "chief") == []


def test_the_same_input_is_queued_once_for_each_purpose(queue: Queue):
    assert len(queue.put(entries(2), "chief")) == 2
    shouted = Entry(Example("other", "UNHEARD  of 1"), "why", "random")
    assert queue.put([shouted, shouted], "chief") == []
    again = Entry(shouted.example, "why", "labels", purpose="second_look", gold="billing")
    assert len(queue.put([again], "chief")) == 1
    assert len(queue.keys()) == 2


@pytest.mark.parametrize("purpose", ["train", "second_look", "control"])
def test_no_test_item_gets_in(queue: Queue, task: Task, purpose):
    text = task.examples("test")[3].text.upper()
    entry = Entry(Example("x", text), "why", "random", purpose=purpose, gold="billing")
    with pytest.raises(BenchmarkError, match="row x is a test item"):
        queue.put([*entries(1), entry], "chief")
    assert queue.items() == []


def test_what_cannot_be_queued(queue: Queue):
    with pytest.raises(DataError, match="has no gold label"):
        queue.put(entries(1, purpose="control"), "chief")
    with pytest.raises(DataError, match='no label "biling"; did you mean "billing"'):
        queue.put(entries(1, purpose="control", gold="biling"), "chief")
    with pytest.raises(DataError, match="3 equal answers of 2 annotators"):
        queue.put(entries(1), "chief", 2, 3)
    with pytest.raises(DataError, match="no name of a person"):
        queue.put(entries(1), " \n")
    assert queue.items() == []


# ---- who is given what -----------------------------------------------------------------------


def test_largest_priority_first_and_nothing_twice(queue: Queue):
    queue.put(entries(4), "chief")
    assert given(queue, "ann", 2) == [4, 3]
    assert given(queue, "ben", 9) == [2, 1]
    assert given(queue, "ben", 9) == [2, 1]  # kept for ben, and shown again
    assert given(queue, "col") == []


def test_a_lease_ends(queue: Queue, clock: Clock):
    queue.put(entries(1), "chief")
    assert given(queue, "ann") == [1]
    clock.pass_minutes(LEASE - 1)
    assert given(queue, "ben") == []
    clock.pass_minutes(2)
    assert given(queue, "ben") == [1]
    queue.answer(1, "ann", "billing", "terminal")  # who comes late is heard
    assert given(queue, "col") == []


def test_as_many_as_are_wanted_are_asked(queue: Queue):
    queue.put(entries(1), "chief", annotators=2)
    assert [given(queue, who) for who in ("ann", "ben", "col")] == [[1], [1], []]
    queue.skip(1, "ben", "terminal")
    assert given(queue, "ben") == []
    assert given(queue, "col") == [1]  # a place that was skipped is free


def test_places_are_kept_by_name(queue: Queue, clock: Clock):
    items = queue.put(entries(3), "chief", annotators=2)
    queue.assign(items, ["ann", "ben", "col"], "chief")
    clock.pass_minutes(10**6)
    assert given(queue, "dan", 9) == []
    assert [len(given(queue, who, 9)) for who in ("ann", "ben", "col")] == [2, 2, 2]
    assert happened(queue, 1) == ["queued", "assigned", "assigned"]
    with pytest.raises(DataError, match="2 annotators are asked about each item, and 1 are named"):
        queue.assign(items, ["ann", "ann"], "chief")


def test_control_items_are_for_everybody(queue: Queue):
    queue.put(entries(1, purpose="control", gold="billing"), "chief")
    for who in ("ann", "ben", "col"):
        (item,) = queue.claim(who)
        assert "gold" not in item.shown()
        assert "billing" not in item.shown().values()
        assert queue.answer(item.id, who, "billing", "web") == "open"
        assert given(queue, who) == []


# ---- what becomes of answers -----------------------------------------------------------------


def test_two_agree(queue: Queue):
    queue.put(entries(1), "chief", annotators=2)
    assert queue.answer(1, "ann", "billing", "terminal", 4.5, "sure") == "open"
    assert queue.answer(1, "ben", " billing ", "web") == "agreed"
    item = queue.item(1)
    assert item.label == "billing"
    assert [a.annotator for a in item.answers] == ["ann", "ben"]
    first = queue.history(1)[1]
    assert (first.who, first.what, first.label) == ("ann", "answered", "billing")
    assert (first.seconds, first.note, first.interface) == (4.5, "sure", "terminal")
    assert first.time == "2026-01-01T00:00:00.000000Z"


def test_two_differ_and_a_person_decides(queue: Queue):
    queue.put(entries(1), "chief", annotators=2)
    queue.answer(1, "ann", "billing", "terminal")
    assert queue.answer(1, "ben", "returns", "terminal") == "disputed"
    with pytest.raises(DataError, match="a decision needs its reason"):
        queue.decide(1, "chief", "returns", " ")
    queue.decide(1, "chief", "returns", "wants to send it back")
    assert (queue.item(1).state, queue.item(1).label) == ("decided", "returns")
    with pytest.raises(StoreError, match="item 1 is decided, and takes no answers"):
        queue.answer(1, "ann", "returns", "terminal")
    last = queue.history(1)[-1]
    assert (last.who, last.what, last.note) == ("chief", "decided", "wants to send it back")


def test_a_change_of_mind(queue: Queue):
    queue.put(entries(1), "chief", annotators=2)
    queue.answer(1, "ann", "billing", "terminal")
    queue.answer(1, "ben", "returns", "terminal")
    assert queue.answer(1, "ben", "billing", "terminal") == "agreed"
    assert queue.answer(1, "ben", None, "terminal") == "disputed"
    assert happened(queue, 1) == ["queued", *["answered"] * 3, "cannot_tell"]
    queue.answer(1, "ben", None, "terminal")  # nothing new is said
    assert len(queue.history(1)) == 5


def test_nobody_can_tell(queue: Queue):
    queue.put(entries(1), "chief")
    assert queue.answer(1, "ann", None, "terminal") == "unclear"
    queue.decide(1, "chief", "billing", "the invoice is named")
    assert queue.item(1).state == "decided"


def test_reopening_asks_everybody_again(queue: Queue):
    queue.put(entries(1), "chief")
    queue.answer(1, "ann", "billing", "terminal")
    queue.reopen(1, "chief", "the guideline has changed")
    item = queue.item(1)
    assert (item.state, item.label, item.round, item.answers) == ("open", None, 2, ())
    assert given(queue, "ann") == [1]
    assert queue.answer(1, "ann", "returns", "terminal") == "agreed"
    assert [(e.what, e.round) for e in queue.history(1)] == [
        ("queued", 1), ("answered", 1), ("reopened", 2), ("answered", 2),
    ]  # fmt: skip


def test_withdrawn_and_back(queue: Queue):
    queue.put(entries(1), "chief")
    queue.withdraw(1, "chief", "a complaint")
    assert given(queue, "ann") == []
    with pytest.raises(StoreError, match="is withdrawn"):
        queue.decide(1, "chief", "billing", "why")
    queue.reopen(1, "chief")
    assert given(queue, "ann") == [1]


def test_what_is_no_answer(queue: Queue):
    queue.put(entries(1), "chief")
    for item, label, said in (
        (1, "biling", 'no label "biling"; did you mean "billing"'),
        (1, " ", "an empty label"),
        (7, "billing", "has no item 7"),
    ):
        with pytest.raises(DataError, match=said):
            queue.answer(item, "ann", label, "terminal")
    assert happened(queue, 1) == ["queued"]


def test_written_answers_are_free(answer_task: Task, tmp_path: Path):
    queue = queue_of(answer_task, tmp_path / "labels.db")
    queue.put(entries(1), "chief")
    assert queue.answer(1, "ann", "Within 14 days.", "web") == "agreed"


# ---- what is kept ----------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["UPDATE history SET who = 'x'", "DELETE FROM history"])
def test_the_history_cannot_be_changed(queue: Queue, statement: str):
    queue.put(entries(1), "chief")
    with pytest.raises(sa.exc.DatabaseError, match="only added to"), queue.engine.begin() as c:
        c.execute(sa.text(statement))
    assert happened(queue, 1) == ["queued"]


def test_two_tasks_in_one_database(queue: Queue, answer_task: Task, tmp_path: Path):
    other = queue_of(answer_task, tmp_path / "labels.db")
    queue.put(entries(2), "chief")
    other.put(entries(1), "chief")
    assert (len(queue.items()), len(other.items())) == (2, 1)
    assert given(other, "ann", 9) == [3]
    with pytest.raises(DataError, match="has no item 1"):
        other.answer(1, "ann", "x", "terminal")


def test_a_queue_of_another_version(queue: Queue, task: Task, tmp_path: Path):
    with queue.engine.begin() as connection:
        connection.execute(sa.text("UPDATE queues SET version = 9"))
    with pytest.raises(StoreError, match="version 9, and this is version 1"):
        queue_of(task, tmp_path / "labels.db")


def test_what_is_no_queue(task: Task, tmp_path: Path):
    (tmp_path / "notes.db").write_text("these are my notes, and no database at all" * 99)
    with pytest.raises(StoreError, match="not a database"):
        queue_of(task, tmp_path / "notes.db")
    with pytest.raises(StoreError, match="cannot be used: unable to open"):
        Queue.open("sqlite:////nowhere/at/all.db", task)
    with pytest.raises(StoreError, match="no queue can be kept at nowhere"):
        Queue.open("nowhere://me:secret@host/db", task)


def test_a_password_is_not_shown(task: Task):
    with pytest.raises(StoreError, match="no queue can be kept") as error:
        Queue.open("sqlite://me:secret@/nowhere/at/all.db", task)
    assert "secret" not in str(error.value)


# ---- two processes ---------------------------------------------------------------------------


def _label_all(folder: Path, where: Path, who: str, start) -> None:
    task = load_task(load_spec(folder), folder)
    start.wait()
    queue = Queue.open(where, task)
    queue.put(entries(30), who)
    while items := queue.claim(who):
        queue.answer(items[0].id, who, "billing", "terminal")


def test_two_processes_share_the_work(task: Task, tmp_path: Path):
    """Both make the database and fill the queue; no item is there twice or answered by both."""
    where, processes = tmp_path / "labels.db", multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["labelling"])
    start = processes.Event()
    running = [
        processes.Process(target=_label_all, args=(task.folder, where, who, start))
        for who in ("ann", "ben")
    ]
    for process in running:
        process.start()
    start.set()
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    queue = queue_of(task, where)
    assert {i.state for i in queue.items()} == {"agreed"}
    answered = [e.item for e in queue.history() if e.what == "answered"]
    assert sorted(answered) == list(range(1, 31))


def test_a_label_that_only_test_has(task: Task, tmp_path: Path):
    """It is one of the task's, though the queue's task has its test closed."""
    rare = Example("rare", "something else entirely", "complaints")
    of = replace(task, splits={**task.splits, "test": (*task.examples("test"), rare)})
    queue = queue_of(of, tmp_path / "labels.db")
    queue.put(entries(1), "chief")
    assert queue.answer(1, "ann", "complaints", "terminal") == "agreed"
