"""Labels become rows that the task reads as its own, and corrections that can be taken back."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from labelling import changed, entries, queue_of, study_with_pool

from tailorbird.data.read import load_examples
from tailorbird.data.remedies import History
from tailorbird.errors import DataError
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Entry
from tailorbird.learn.taking import take
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Data
from tailorbird.task.types import Example, Message, Provenance


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return study_with_pool(tmp_path / "study")


@pytest.fixture
def queue(task: Task, tmp_path: Path) -> Queue:
    return queue_of(task, tmp_path / "labels.db")


def rows(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_rows_with_where_they_come_from(queue: Queue, task: Task):
    queue.put(entries(4), "chief", annotators=2)
    for item, one, other in ((1, "billing", "billing"), (2, "billing", "returns"), (3, None, None)):
        queue.answer(item, "ann", one, "terminal")
        queue.answer(item, "ben", other, "file")
    queue.decide(2, "chief", "returns", "wants it back")
    file = task.folder / "labelled.jsonl"
    taken = take(queue, task, file, "chief")
    assert (taken.rows, taken.new, taken.left_out) == (2, 2, {})
    first, second = rows(file)
    assert (first["input"], first["target"]) == ("unheard of 0", "billing")
    assert first["labelled"]["annotators"] == {"ann": "billing", "ben": "billing"}
    assert (first["labelled"]["agreed"], first["labelled"]["of"]) == (2, 2)
    assert "adjudicated" not in first["labelled"]
    decided = second["labelled"]["adjudicated"]
    assert (decided["who"], decided["why"]) == ("chief", "wants it back")

    before = file.read_bytes()
    assert take(queue, task, file, "chief").new == 0
    assert file.read_bytes() == before
    assert [e.what for e in queue.history(1)].count("taken") == 1


def test_what_is_reopened_is_gone_from_the_file(queue: Queue, task: Task):
    queue.put(entries(1), "chief")
    queue.answer(1, "ann", "billing", "terminal")
    file = task.folder / "labelled.jsonl"
    take(queue, task, file, "chief")
    queue.reopen(1, "chief")
    assert take(queue, task, file, "chief").rows == 0
    assert not file.exists()
    queue.answer(1, "ann", "returns", "terminal")
    assert take(queue, task, file, "chief").new == 1


def _conversation() -> Example:
    turns = (Message("user", "Hello."), Message("assistant", "Hello!"), Message("user", "Refund?"))
    return Example("x", turns, group="customer 7", fields={"tone": "kind"})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"columns": {"input": "text", "target": "intent", "group": "who", "fields": ["tone"]}},
        {"columns": {"input": 0, "target": 1}},
        {"columns": {"input": "request.text", "target": "answer.label"}},
        {"format": "messages"},
        {"format": "prompt_completion"},
    ],
    ids=str,
)
@pytest.mark.parametrize("example", [Example("y", 'a "new",\ninput'), _conversation()], ids="ab")
def test_the_task_reads_the_rows_as_its_own(
    task: Task, tmp_path: Path, data: dict[str, Any], example: Example
):
    """Whatever the columns or the format of its other rows are."""
    columns = data.get("columns", {})
    as_told = task.spec.model_copy(
        update={"data": type(task.spec.data).model_validate(
            {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"} | data
        )}
    )  # fmt: skip
    of = replace(task, spec=as_told)
    queue = queue_of(of, tmp_path / "labels.db")
    queue.put([Entry(example, "why", "margin")], "chief")
    queue.answer(1, "ann", "billing", "terminal")
    file = tmp_path / "labelled.jsonl"
    take(queue, of, file, "ann")

    told = {"all": "labelled.jsonl", "splits": {"test": 0.01, "dev": 0.01}} | data
    splits = load_examples(Data.model_validate(told), tmp_path, None, seed=0).splits
    (read,) = (e for split in splits.values() for e in split)
    assert (read.input, read.target) == (example.input, "billing")
    if "group" in columns or not columns:
        assert read.group == example.group
    if "fields" in columns:
        assert read.fields == example.fields


def test_the_study_learns_from_them(task: Task, queue: Queue):
    pool = task.unlabelled
    queue.put([Entry(e, "why", "margin") for e in pool[:3]], "chief")
    for item in (1, 2, 3):
        queue.answer(item, "ann", "returns", "terminal")
    take(queue, task, task.folder / "labelled.jsonl", "ann")
    grown = changed(task.folder, train=["train.jsonl", "labelled.jsonl"])
    assert len(grown.examples("train")) == len(task.examples("train")) + 3
    assert len(grown.unlabelled) == len(pool) - 3  # what has a label is in the pool no more


def test_what_came_into_test_since_is_left_out(task: Task, queue: Queue):
    queue.put(entries(2), "chief")
    for item in (1, 2):
        queue.answer(item, "ann", "billing", "terminal")
    stands = Example("new test item", "Unheard of 1", "billing")
    later = replace(task, splits={**task.splits, "test": (*task.examples("test"), stands)})
    taken = take(queue, later, task.folder / "labelled.jsonl", "ann")
    assert (taken.rows, taken.left_out) == (1, {"the same input stands in test": 1})


def test_a_label_that_the_task_has_no_more(task: Task, queue: Queue):
    queue.put(entries(1), "chief")
    queue.answer(1, "ann", "opening_hours", "terminal")
    outputs = task.spec.outputs.model_copy(update={"labels": ("billing", "delivery", "returns")})
    fewer = replace(task, spec=task.spec.model_copy(update={"outputs": outputs}))
    taken = take(queue, fewer, task.folder / "labelled.jsonl", "ann")
    assert taken.left_out == {"the task has no such label any more": 1}


def test_other_peoples_rows_are_not_written_over(queue: Queue, task: Task):
    before = (task.folder / "train.jsonl").read_bytes()
    with pytest.raises(DataError, match="would be written over"):
        take(queue, task, task.folder / "train.jsonl", "ann")
    assert (task.folder / "train.jsonl").read_bytes() == before
    with pytest.raises(DataError, match=r"should end in \.jsonl"):
        take(queue, task, task.folder / "labelled.csv", "ann")


def test_second_looks_correct_rows_and_can_be_taken_back(task: Task, queue: Queue):
    wrong, right = task.examples("train")[:2]
    looks = [
        Entry(e, "again", "labels", purpose="second_look", gold=e.target) for e in (wrong, right)
    ]
    queue.put(looks, "chief")
    queue.answer(1, "ann", "delivery", "terminal")
    queue.answer(2, "ann", right.target, "terminal")
    file = task.folder / "labelled.jsonl"
    taken = take(queue, task, file, "ann")
    assert (taken.rows, taken.confirmed, taken.corrected, taken.step) == (0, 1, 1, 1)

    mended = changed(task.folder)
    assert mended.examples("train")[0].target == "delivery"
    assert wrong.target != "delivery"
    assert mended.examples("train")[1:] == task.examples("train")[1:]
    again = take(queue, mended, file, "ann")
    assert (again.confirmed, again.corrected, again.step) == (0, 0, None)
    History.read(task.folder).undo(1)
    assert changed(task.folder).examples("train") == task.examples("train")


def test_a_second_look_corrects_no_other_row(task: Task, queue: Queue):
    """Ids are positions: a row more at the top, and each is the name of another row."""
    train = task.examples("train")
    same = next(i for i in range(1, len(train)) if train[i].target == train[i - 1].target)
    look = Entry(train[same], "again", "labels", purpose="second_look", gold=train[same].target)
    queue.put([look], "chief")
    other = next(label for label in task.labels if label != train[same].target)
    queue.answer(1, "ann", other, "terminal")
    file = task.folder / "train.jsonl"
    file.write_text('{"input": "quite a new one", "target": "billing"}\n' + file.read_text())
    moved = changed(task.folder)
    assert moved.examples("train")[same].target == train[same].target  # the id and label agree
    taken = take(queue, moved, task.folder / "labelled.jsonl", "ann")
    assert (taken.confirmed, taken.corrected, taken.step) == (0, 0, None)
    assert taken.left_out == {"the row that was looked at again is not what it was": 1}
    assert changed(task.folder).examples("train") == moved.examples("train")


@pytest.mark.parametrize("format", ["auto", "messages"])
def test_what_was_made_up_stays_so_whoever_labels_it(
    task: Task, queue: Queue, tmp_path: Path, format: str
):
    """And so comes into no test."""
    made = Provenance("synthetic.jsonl", 1, "variations")
    queue.put([Entry(Example("m", "made up", provenance=made), "why", "margin")], "chief")
    queue.answer(1, "ann", "billing", "terminal")
    data = task.spec.data.model_copy(update={"format": format})
    spec = task.spec.model_copy(update={"data": data})
    take(queue, replace(task, spec=spec), tmp_path / "labelled.jsonl", "ann")

    told = {"all": "labelled.jsonl", "splits": {"test": 0.75, "dev": 0.2}, "format": format}
    splits = load_examples(Data.model_validate(told), tmp_path, None, seed=0).splits
    (read,) = splits["train"]
    assert read.provenance is not None
    assert read.provenance.synthetic == "variations"


def test_a_file_that_the_task_reads_does_not_lose_all_its_rows(task: Task, queue: Queue):
    queue.put(entries(1), "chief")
    queue.answer(1, "ann", "billing", "terminal")
    file = task.folder / "labelled.jsonl"
    take(queue, task, file, "ann")
    before = file.read_bytes()
    queue.reopen(1, "chief")
    grown = changed(task.folder, train=["train.jsonl", "labelled.jsonl"])
    with pytest.raises(DataError, match=r"the task reads labelled\.jsonl"):
        take(queue, grown, file, "ann")
    assert file.read_bytes() == before
    take(queue, changed(task.folder, train=["train.jsonl"]), file, "ann")
    assert not file.exists()
