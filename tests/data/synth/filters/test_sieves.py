"""What each filter drops, and what it lets pass."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import ANSWERS, task

from tailorbird.data.overlap import Protected
from tailorbird.data.synth.base import Made, Material, Row, Teacher
from tailorbird.data.synth.filters.base import FOLDER, in_order, make_filter
from tailorbird.errors import ModelError, TaskError
from tailorbird.evaluate.judges.agreement import agreement
from tailorbird.evaluate.judges.record import JudgeRecord
from tailorbird.models.scripted import Scripted
from tailorbird.registry import names
from tailorbird.store import digest
from tailorbird.task.task import Prices
from tailorbird.task.types import Example, Message

PAGES = {
    "returns": "You may return an item within 14 days.",
    "lamps": "Lamps have a guarantee of 24 months.",
    "contact": "Call 01632 960 200 from 9 am.",
}


def row(text: str, target: str = "x", of: str = "seed", number: int = 1, **more: Any) -> Row:
    keys = {k: more.pop(k) for k in ("rejected", "teacher", "generator") if k in more}
    made = Made(Example("", text, target, **more), keys.get("rejected"))
    return Row(made, keys.get("generator", "variations"), number, of, "how", keys.get("teacher"))


def material(**changes: Any) -> Material:
    labels = task([("first row of all", "x"), ("second row of all", "y")])
    return replace(Material(labels.without_test(), quiet=True), **changes)


def answers(tmp_path: Path, **changes: Any) -> Material:
    of = task([Example("seed", "how long", "14 days.")], documents=PAGES, **ANSWERS)
    return material(task=of.without_test(), cache=tmp_path, **changes)


def sifted(name: str, rows: list[Row], within: Material, **settings: Any) -> list[str | None]:
    sieve = make_filter(name, settings)
    assert sieve.missing(within) is None
    return sieve.sift(rows, within)


def test_what_is_held_out_looks_first_and_judges_last():
    assert (in_order()[0], in_order()[-1]) == ("held_out", "judge")
    assert sorted(in_order()) == sorted(names(FOLDER))


# ---- held_out ------------------------------------------------------------------------------------

LONG = "one two three four five six seven eight nine ten eleven twelve"


def test_no_ten_words_of_a_held_out_input_and_no_input_as_a_whole():
    held = ("short one", LONG, "alpha beta gamma delta epsilon zeta")
    within = material(
        protected=Protected({f"test {i}": text for i, text in enumerate(held)}),
        held=frozenset(digest(text) for text in held),
    )
    ten = " ".join(LONG.split()[1:11])
    rows = [
        row("Short  One"),
        row("a short one it is"),
        row(f"and {ten} and"),
        row(f"and {' '.join(LONG.split()[:9])} and"),
        row("so alpha beta gamma delta epsilon zeta"),
        row("what", target=f"it is {ten}"),
        row("what", target="yes", rejected=ten),
    ]
    same, run = (
        "the same input stands in test or dev",
        "shares a run of words with an input of test",
    )
    assert sifted("held_out", rows, within) == [same, None, run, None, run, run, run]
    turns = (Message("system", "Be kind."), Message("user", "short one"))
    told = row("")
    told = replace(told, made=replace(told.made, example=replace(told.example, input=turns)))
    assert sifted("held_out", [told], within) == [same]


# ---- grounded ------------------------------------------------------------------------------------


def test_facts_stand_in_what_is_cited(tmp_path: Path):
    rows = [
        row("how long", "Within 14 days.", sources=("returns",), facts=("14 days",)),
        row("how long", "Within 24 months.", sources=("returns",)),
        row("is it 30 days", "Not 30 days, but 14 days.", sources=("returns",)),
        row("how long", "Within 14 days.", sources=("nowhere",)),
        row("how long", "Soon.", sources=("returns",), facts=("14 days",)),
        row("how long", "The pages do not say.", answerable=False),
    ]
    assert sifted("grounded", rows, answers(tmp_path)) == [
        None,
        "the answer says what its sources do not",
        None,
        "cites a document that is not there",
        "the answer lacks a fact that it must state",
        None,
    ]


def test_labels_are_those_of_the_task():
    said = sifted("grounded", [row("a", "x"), row("a", "z")], material())
    assert said == [None, "the label is none of the task's"]


def test_another_detector_may_be_named(tmp_path: Path):
    rows = [row("how long", "Whenever the moon is full.", sources=("returns",))]
    assert sifted("grounded", rows, answers(tmp_path)) == [None]
    assert sifted("grounded", rows, answers(tmp_path), detector="overlap") != [None]
    with pytest.raises(TaskError, match='did you mean "overlap"'):
        make_filter("grounded", {"detector": "overlapp"}).missing(answers(tmp_path))


# ---- answerable ----------------------------------------------------------------------------------


def test_by_rule_a_search_finds_what_is_cited(tmp_path: Path):
    rows = [
        row("how long may I return an item", "14 days.", "returns", sources=("returns",)),
        row("which number can I call from 9 am", "14 days.", "returns", sources=("returns",)),
        row("lamps have a guarantee of months", "No.", "lamps", answerable=False),
        row("who paints the walls", "No.", "lamps", answerable=False),
        row("which number can I call", "14 days.", "seed", sources=("returns",)),
    ]
    said = sifted("answerable", rows, answers(tmp_path), passages=1)
    assert [s is None for s in said] == [True, False, False, True, True]


def test_a_teacher_must_come_to_the_same_answer(tmp_path: Path):
    reads = {"right": "Within 14 days.", "wrong": "Answer: 30 days.", "silent": "NOT ANSWERED"}
    writer, reader = (Teacher(n, Scripted(reads, name=n)) for n in ("writer", "reader"))
    within = answers(tmp_path, teachers=(writer, reader))
    cited = {"sources": ("returns",), "facts": ("14 days",), "teacher": "writer"}
    rows = [row(f"{said} now", "14 days.", "returns", **cited) for said in reads]
    rows += [row(f"{said} now", "No.", "returns", answerable=False) for said in ("silent", "right")]
    said = sifted("answerable", rows, within)
    assert [s is None for s in said] == [True, False, False, True, False]
    # Nobody checks a row of its own where there is somebody else.
    assert {len(writer.lm.calls), len(reader.lm.calls)} == {2, 3}  # type: ignore[attr-defined]
    (one, other) = sorted(within.bill.lines)
    assert [one, other] == [("answerable", "reader"), ("answerable", "writer")]
    assert sifted("answerable", rows[:1], within, ask=False) == [None]
    assert len(within.bill.lines) == 2


# ---- duplicates ----------------------------------------------------------------------------------


def test_exact_and_near_copies_of_train_and_of_each_other():
    text = " ".join(f"word{i}" for i in range(40))
    train = [Example("seed", text, "x"), Example("other", "quite another text it is", "y")]
    within = material(task=task(train).without_test())
    rows = [
        row(text.upper()),
        row(f"{text} more"),
        row(f"{text} more", of="other"),
        row(f"{text} and more"),
        row("a text of its own", number=4),
        row("A text  of its own", number=5),
        row("quite another text it was"),
    ]
    assert sifted("duplicates", rows, within) == [
        "the same input was there before",
        None,
        "the same input was there before",
        "nearly the same row was made before",
        None,
        "the same input was there before",
        None,
    ]
    assert sifted("duplicates", rows[1:2], replace(within), at_least=1.0) == [None]
    near = row(f"{text} more", of="other")
    assert sifted("duplicates", [near], within) == ["nearly the same input stands in train"]


def test_a_dropped_row_is_no_reason_to_drop_another():
    text = " ".join(f"word{i}" for i in range(40))
    within = material(task=task([("a b c d", "x")]).without_test())
    chain = [row(text), row(f"{text} p q r s"), row(f"{text} p q r s t u v w")]
    said = sifted("duplicates", chain, within, at_least=0.9)
    assert said == [None, "nearly the same row was made before", None]


def test_pairs_are_the_same_where_all_is_equal():
    pairs = [row("a", "x", rejected="y"), row("a", "x", rejected="z"), row("A", "x", rejected="Y")]
    said = sifted("duplicates", [*pairs, row("first row of all", "x")], material())
    assert said == [None, None, "the same pair was there before", "the same input was there before"]


# ---- difficulty ----------------------------------------------------------------------------------


def test_what_a_rung_knows_and_what_it_doubts(tmp_path: Path):
    train = [(f"the {w} lamp is dark", "lamp") for w in ("red", "blue", "old", "new")]
    train += [(f"a {w} chair has legs", "chair") for w in ("red", "blue", "old", "new")]
    within = material(task=task(train).without_test(), cache=tmp_path)
    rows = [
        row("the red lamp is dark", "lamp"),
        row("the red lamp is dark", "chair"),
        row("a lamp has legs", "lamp"),
        row("the red lamp is dark", "lamp", rejected="chair"),
    ]
    said = sifted("difficulty", rows, within, solved=0.9, doubted=0.9)
    assert said == [
        "linear is sure of it already",
        "linear is sure that the label is another one",
        None,
        None,
    ]
    assert "written answer" in str(make_filter("difficulty", {}).missing(answers(tmp_path)))


# ---- diverse -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["sparse", "dense"])
def test_near_meanings_and_many_rows_of_one_source(by: str, tmp_path: Path):
    rows = [
        row("when will my parcel arrive", of="a"),
        row("When will my parcel arrive?!", of="b"),
        row("the moon is made of cheese", of="a"),
        row("how do I bake a cake", of="a"),
        row("who painted this ceiling", of="a", generator="questions"),
    ]
    within = material(cache=tmp_path)
    said = sifted("diverse", rows, within, by=by, per_source=2, at_most=0.7)
    assert said == [
        None,
        "a kept row means nearly the same",
        None,
        "enough rows come from the same row or document",
        None,
    ]


def test_a_missing_encoder_is_said(monkeypatch: pytest.MonkeyPatch):
    from tailorbird.data.synth.filters import diverse

    monkeypatch.setattr(diverse, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert make_filter("diverse", {"by": "sparse"}).missing(material()) is None
    assert "pip install" in str(make_filter("diverse", {}).missing(material()))


# ---- judge ---------------------------------------------------------------------------------------


def judge_file(tmp_path: Path, people: list[int], judge: list[int | None]) -> str:
    measured = agreement(people, judge, 2, [None] * len(people), 0)
    lm = Scripted({}, name="judge")
    JudgeRecord(
        "rubric", "scripted-judge", lm.identity, "Is it good?", ("bad", "good"), 20,
        shows=("sources",), agreement=measured,
    ).save(tmp_path / "judge.json")  # fmt: skip
    return str(tmp_path / "judge.json")


def test_a_judge_that_may_decide_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tailorbird.data.synth.filters import judge

    lm = Scripted({}, name="judge")
    said = Scripted({"fine": "Verdict: good", "poor": "Verdict: bad"}, default="I do not know.")
    monkeypatch.setattr(type(said), "identity", lm.identity)
    monkeypatch.setattr(judge, "load_model", lambda spec, limits: said)
    record = judge_file(tmp_path, [0, 1] * 20, [0, 1] * 20)
    rows = [row("q", text, sources=("lamps",)) for text in ("fine", "poor", "other")]
    within = answers(tmp_path)
    within.bill.prices = Prices(machine_hour=1.0)
    assert sifted("judge", rows, within, record=record) == [
        None,
        "the judge gives it less than the best grade",
        "the judge's verdict could not be read",
    ]
    assert "guarantee of 24 months" in said.calls[0][-1].content
    (line,) = within.bill.lines.values()
    assert (line.purpose, line.prompts) == ("judge", 3)


def test_a_judge_that_may_not_decide_is_not_asked(tmp_path: Path):
    record = judge_file(tmp_path, [0, 1] * 20, [1, 0] * 20)
    assert "may be chance" in str(make_filter("judge", {"record": record}).missing(material()))
    assert "no judge is named" in str(make_filter("judge", {}).missing(material()))


def test_another_model_than_the_one_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from tailorbird.data.synth.filters import judge

    monkeypatch.setattr(judge, "load_model", lambda spec, limits: Scripted({}, name="impostor"))
    record = judge_file(tmp_path, [0, 1] * 20, [0, 1] * 20)
    with pytest.raises(ModelError, match="not the model that was measured"):
        sifted("judge", [row("a")], answers(tmp_path), record=record)
