"""Labelling through a file: out, filled in, and back, with every row accounted for."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from labelling import Clock, entries, queue_of, study_with_pool

from tailorbird.errors import DataError
from tailorbird.learn.exchange import KNOWN, read_answers, write_items
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Entry
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return study_with_pool(tmp_path_factory.mktemp("study"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(task: Task, tmp_path: Path, clock: Clock) -> Queue:
    return queue_of(task, tmp_path / "labels.db", clock)


def fill(file: Path, *filled: dict[str, Any]) -> None:
    """Write these cells into the rows of a table or of JSON lines."""
    text = file.read_text("utf-8")
    if file.suffix == ".jsonl":
        rows = [json.loads(line) for line in text.splitlines()]
        done = [row | cells for row, cells in zip(rows, filled, strict=True)]
        file.write_text("".join(json.dumps(row) + "\n" for row in done), "utf-8")
        return
    rows = list(csv.DictReader(text.splitlines()))
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | cells for row, cells in zip(rows, filled, strict=True))


@pytest.mark.parametrize("name", ["to-label.jsonl", "to-label.csv"])
def test_out_and_back(queue: Queue, tmp_path: Path, name: str):
    queue.put(entries(4), "chief")
    file = tmp_path / name
    assert write_items(queue, "ann", 4, file) == 4
    fill(file, {"label": "billing"}, {"cannot_tell": "yes"}, {}, {"label": "nonsense"})
    account = read_answers(queue, file, "ann")
    assert (account.read, account.kept) == (4, 2)
    assert account.dropped["no label yet"] == 1
    assert any('no label "nonsense"' in reason for reason in account.dropped)
    assert [i.state for i in queue.items()] == ["open", "open", "unclear", "agreed"]
    assert {e.interface for e in queue.history() if e.what == "answered"} == {"file"}

    events = len(queue.history())
    assert read_answers(queue, file, "ann").kept == 2
    assert len(queue.history()) == events


def test_a_file_is_for_one_person_for_a_week(queue: Queue, clock: Clock, tmp_path: Path):
    queue.put(entries(3), "chief")
    write_items(queue, "ann", 2, tmp_path / "a.jsonl")
    assert write_items(queue, "ben", 9, tmp_path / "b.jsonl") == 1
    clock.pass_minutes(8 * 24 * 60)
    assert write_items(queue, "ben", 9, tmp_path / "c.jsonl") == 3


def test_formulas_and_conversations_in_a_table(queue: Queue, tmp_path: Path):
    formula, turns = "=HYPERLINK(1)", (Message("assistant", "Yes?"), Message("user", "Where?"))
    queue.put([Entry(Example("f", formula), "why", "x", 2), Entry(Example("t", turns), "why", "x")],
              "chief")  # fmt: skip
    file = tmp_path / "to-label.csv"
    write_items(queue, "ann", 9, file, blind=True)
    first, second = csv.DictReader(file.read_text("utf-8").splitlines(keepends=True))
    assert first["input"] == f"'{formula}"
    assert second["input"] == "assistant: Yes?\nuser: Where?"
    assert "suggestion" not in first
    filled = file.read_text("utf-8").replace(f"1,'{formula},,", f"1,'{formula},billing,")
    file.write_text(filled, "utf-8")
    assert read_answers(queue, file, "ann").kept == 1


def test_who_labelled_may_stand_in_a_column(queue: Queue, tmp_path: Path):
    queue.put(entries(1), "chief", annotators=2)
    file = tmp_path / "both.jsonl"
    rows = [{"item": 1, "label": "billing", "annotator": a, "seconds": 3} for a in ("ann", "ben")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_answers(queue, file, None).kept == 2
    assert [(a.annotator, a.seconds) for a in queue.item(1).answers] == [("ann", 3), ("ben", 3)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"item": 1, "label": "billing"}, "no name of a person"),
        ({"item": 99, "label": "billing", "annotator": "ann"}, "has no item 99"),
        ({"item": "x", "label": "billing", "annotator": "ann"}, "'x' is no item"),
        ({"item": 1, "label": "billing", "cannot_tell": "yes", "annotator": "ann"}, "both"),
        ({"item": 1, "cannot_tell": "perhaps", "annotator": "ann"}, "neither yes nor no"),
        ({"item": 1, "label": "billing", "seconds": "long", "annotator": "ann"}, "of seconds"),
        (["billing"], "not an object"),
        ({"item": 2, "label": "billing", "annotator": "ann"}, "is withdrawn, and takes no answers"),
    ],
)
def test_rows_that_say_nothing_usable(queue: Queue, tmp_path: Path, row: Any, reason: str):
    queue.put(entries(2), "chief")
    queue.withdraw(2, "chief")
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n")
    account = read_answers(queue, file, None)
    assert account.kept == 0
    (said,) = account.dropped
    assert reason in said


def test_labels_from_a_spreadsheet_that_separates_by_semicolons(queue: Queue, tmp_path: Path):
    queue.put(entries(2), "chief")
    file = tmp_path / "saved.csv"
    file.write_text("\ufeffitem;input;label\r\n1;one, two;billing\r\n2;three;\r\n", "utf-8")
    account = read_answers(queue, file, "ann")
    assert (account.kept, dict(account.dropped)) == (1, {"no label yet": 1})
    assert account.noted == {"separated by semicolons": 2}
    assert queue.item(1).label == "billing"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,text,label\n1,x,billing\n", "no column item, but id, text, label"),
        ("item,text\n1,x\n", "no column label or cannot_tell, but item, text"),
        ("input\nx\n", "no column item, but input"),
    ],
)
def test_another_file_than_was_exported(queue: Queue, tmp_path: Path, text: str, said: str):
    queue.put(entries(1), "chief")
    file = tmp_path / "other.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_answers(queue, file, "ann")
    assert queue.item(1).answers == ()


def test_files_that_are_refused(queue: Queue, tmp_path: Path):
    queue.put(entries(1), "chief")
    file = tmp_path / "there.csv"
    file.write_text("item,label\n")
    with pytest.raises(DataError, match="exists already"):
        write_items(queue, "ann", 1, file)
    with pytest.raises(DataError, match="is empty"):
        read_answers(queue, file, "ann")
    with pytest.raises(DataError, match=r"\.docx"):
        write_items(queue, "ann", 1, tmp_path / "x.docx")
    assert queue.claim("ben")  # nothing was kept for ann


@pytest.mark.parametrize("name", ["to-label.jsonl", "to-label.csv"])
def test_answers_of_an_earlier_round_count_no_more(queue: Queue, tmp_path: Path, name: str):
    queue.put(entries(1), "chief")
    file = tmp_path / name
    write_items(queue, "ann", 1, file)
    fill(file, {"label": "billing"})
    assert read_answers(queue, file, "ann").kept == 1
    queue.reopen(1, "chief")
    account = read_answers(queue, file, "ann")
    assert account.kept == 0
    (said,) = account.dropped
    assert "this answers round 1, and round 2 is asked" in said
    assert (queue.item(1).state, queue.item(1).answers) == ("open", ())

    anew = tmp_path / f"anew-{name}"
    write_items(queue, "ann", 1, anew)
    fill(anew, {"label": "returns"})
    assert read_answers(queue, anew, "ann").kept == 1
    assert queue.item(1).label == "returns"


def test_a_file_that_is_read_again_is_said_to_be(queue: Queue, tmp_path: Path):
    queue.put(entries(2), "chief")
    file = tmp_path / "to-label.jsonl"
    write_items(queue, "ann", 2, file)
    fill(file, {"label": "billing"}, {"cannot_tell": "yes"})
    assert not read_answers(queue, file, "ann").noted
    before = queue.history()
    again = read_answers(queue, file, "ann")
    assert (again.kept, again.noted) == (2, {KNOWN: 2})
    assert queue.history() == before
    fill(file, {"label": "returns"}, {})
    other = read_answers(queue, file, "ann")
    assert other.changed == {"an answer takes the place of an earlier one": 1}
    assert other.noted == {KNOWN: 1}


def test_of_two_rows_for_one_item_the_first_counts(queue: Queue, tmp_path: Path):
    queue.put(entries(2), "chief", annotators=2)
    file = tmp_path / "filled.jsonl"
    said = [("ann", 1, "billing"), (" ann ", 1, "billing"), ("ann", 1, "returns"),
            ("ben", 1, "returns"), ("ann", 2, "nonsense"), ("ann", 2, "billing")]  # fmt: skip
    rows = ({"annotator": who, "item": item, "label": label} for who, item, label in said)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    account = read_answers(queue, file, None)
    assert (account.read, account.kept) == (6, 3)
    assert account.dropped["an earlier row says the same"] == 1
    assert account.dropped["an earlier row has another answer to the same item, and counts"] == 1
    first, second = queue.items()
    assert {a.annotator: a.label for a in first.answers} == {"ann": "billing", "ben": "returns"}
    assert {a.annotator: a.label for a in second.answers} == {"ann": "billing"}
