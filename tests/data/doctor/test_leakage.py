"""What of the test split stands elsewhere; what is proved by the benchmark's check is not said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import building

from tailorbird.data.doctor.base import Finding, Patient
from tailorbird.data.doctor.examine import examine_task
from tailorbird.data.doctor.leakage import Leakage
from tailorbird.task.benchmark import Task
from tailorbird.task.check import check_benchmark
from tailorbird.task.types import Example, Message, Provenance

MAIL = "the courier left my new kettle in the rain and now it does not boil any water at all"
OTHER = "why does the invoice for the desk lamp show an amount that I never agreed to pay you"
ANSWER = "we are sorry to hear that and have sent you a second one by express this very morning"
TEST = (Example("t1", MAIL, ANSWER), Example("t2", OTHER, "Please call us."))


def found(task: Task, folder: Path, **settings: Any) -> list[Finding]:
    every = examine_task(task, folder, only=["leakage"], settings={"leakage": settings}, quiet=True)
    return list(every.findings)


def test_near_copies_of_test_items_are_dropped_elsewhere(tmp_path: Path):
    train = [Example("a", f"{MAIL} thanks", "b"), Example("b", f"Hi, {MAIL}", "b")]
    dev = [Example("c", f"{OTHER} thanks", "b"), Example("d", "something else", "b")]
    [finding] = found(building.task(train, TEST, dev=dev), tmp_path)
    assert finding.text.startswith("2 of 2 test items have a near copy in train or dev (3 rows)")
    assert finding.remedy is not None
    assert (finding.remedy.action, set(finding.remedy.changes)) == ("drop", {"a", "b", "c"})
    assert (finding.effect, finding.level, finding.remedy.safe) == (1, "warning", False)
    assert [(s.row, s.part) for s in finding.samples] == [("a", "train"), ("c", "dev")]
    assert finding.samples[0].note == f"94 % like the test item t1: {MAIL}"


def test_the_same_question_under_other_instructions_is_proved_not_called_near(tmp_path: Path):
    def told(name: str, system: str) -> Example:
        return Example(name, (Message("system", system), Message("user", MAIL)), "b")

    task = building.task(
        [told("a", "In German."), told("b", "in FRENCH.")], [told("t", "In French.")]
    )
    assert not found(task, tmp_path)
    proved = [f.text for f in check_benchmark(task) if f.level == "error"]
    assert any("in another split 1 time, first train 'a', test 't'" in t for t in proved)


def test_what_is_proved_elsewhere_is_not_said_again(tmp_path: Path):
    equal = Example("a", MAIL.upper(), "b")
    grouped = Example("b", "something else", "b", group="g")
    test = (TEST[0], replace(TEST[1], group="g"))
    task = building.task([equal, grouped], test)
    assert not found(task, tmp_path)
    proved = [f.text for f in check_benchmark(task) if f.level == "error"]
    assert any(t.startswith("the same input stands in test and") for t in proved)
    assert any(t.startswith("the same group stands in test and") for t in proved)


def test_made_up_rows_are_a_finding_of_their_own(tmp_path: Path):
    copy = f"{MAIL} thanks"
    made = Example("a", copy, "b", provenance=Provenance("made.jsonl", 1, "paraphrase"))
    plain = Example("b", f"{copy} again", "b")
    both = found(building.task([made, plain], TEST), tmp_path)
    by_row = {row: f for f in both for row in (f.remedy.changes if f.remedy else ())}
    assert "the generator was shown test items" in by_row["a"].text
    assert "in train or dev" in by_row["b"].text
    assert by_row["a"].effect == by_row["b"].effect == 1 / 2


def test_unlabelled_inputs_are_looked_at(tmp_path: Path):
    task = replace(building.task([("x", "y")], TEST), unlabelled=(Example("u", f"{MAIL} thanks"),))
    [finding] = found(task, tmp_path)
    assert finding.level == "note"
    assert finding.remedy is not None
    assert dict(finding.remedy.changes) == {"u": None}


def test_an_answer_that_is_quoted_in_an_input(tmp_path: Path):
    """A conversation that is cut into rows: the next question holds the last answer."""
    turns = (
        Message("user", "It is broken."), Message("assistant", ANSWER), Message("user", "Thanks!"),
    )  # fmt: skip
    task = building.task([Example("a", turns, "Bye.")], TEST, **building.ANSWERS)
    [finding] = found(task, tmp_path)
    assert finding.text.startswith("1 of 2 test answers are quoted in 1 input of train or dev")
    assert finding.effect == 1 / 2
    assert finding.samples[0].note == "from the answer to t1"
    assert finding.samples[0].text == "we are sorry to hear that and have sent you"
    assert not found(task, tmp_path, quoted=20)


def test_what_every_answer_says_is_no_quotation(tmp_path: Path):
    quoting = Example("a", f"You wrote: {ANSWER}", "Bye.")
    usual = Example("b", "Help?", f"{ANSWER} Yours, the shop")
    said = building.task([quoting, usual], TEST, **building.ANSWERS)
    assert not found(said, tmp_path)
    read = building.task([quoting], TEST, {"handbook": f"Say: {ANSWER}."}, **building.ANSWERS)
    assert not found(read, tmp_path)
    label = building.task([quoting], TEST)
    assert not found(label, tmp_path)


def test_raw_texts_that_quote_an_answer(tmp_path: Path):
    task = replace(
        building.task([("x", "y")], TEST, **building.ANSWERS),
        texts=("Nothing.", f"Then she wrote: {ANSWER}."),
    )
    [finding] = found(task, tmp_path)
    assert "1 test answers are quoted in the raw texts" in finding.text
    assert finding.remedy is None


def test_documents_in_common_are_worth_knowing(tmp_path: Path):
    documents = {"d1": "One.", "d2": "Two.", "d3": "Three."}
    train = [Example("a", "first", "One.", sources=("d1", "d3"))]
    test = [
        Example("t1", "second", "One.", sources=("d1",)),
        Example("t2", "third", "Two.", sources=("d2",)),
        Example("t3", "fourth", "None."),
    ]
    task = building.task(train, test, documents, **building.ANSWERS)
    [finding] = found(task, tmp_path)
    assert (finding.level, finding.effect, finding.affected) == ("note", 0, 1)
    assert "1 of 2 test items with sources rest on a document" in finding.text
    assert "(1 of 2 documents)" in finding.text
    assert finding.samples[0].note == "d1"


def test_it_needs_a_task_with_test_items(tmp_path: Path):
    why = Leakage().missing(Patient(None, {"rows": 5}, tmp_path))
    assert why == "a file by itself has no splits"
    task = building.task([("x", "y")])
    assert Leakage().missing(Patient(task, {"train": 1}, tmp_path)) == "there are no test items"
