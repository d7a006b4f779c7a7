"""What a remedy would change, what may be recorded, and files that are mended in a copy."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from tailorbird.checking import Checked, Source
from tailorbird.data.doctor.base import Finding, Part, Remedy
from tailorbird.data.doctor.examine import Diagnosis
from tailorbird.data.read import stream_file
from tailorbird.data.remedies import FILE, Action, History, rewriting, row_digest
from tailorbird.errors import DataError
from tailorbird.mending import Proposal, propose, record, rows_of_file, rows_of_task, write_mended
from tailorbird.store import write_json
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import Columns, load_spec
from tailorbird.task.types import Example
from tailorbird.testing import small_task

Rows = Mapping[str, tuple[Part, Example]]


def remedy(action: Action, changes: Mapping[str, str | None], safe: bool = False) -> Finding:
    found = Remedy(action, changes, "a reason", safe)
    return Finding("made", "warning", "It is so.", len(changes), remedy=found)


def checked(*findings: Finding) -> Checked:
    diagnosis = Diagnosis(findings, ("made",), {}, {}, (), 0.0)
    return Checked(Source(Path("study")), "study", (), diagnosis, {})


ROWS: Rows = {
    "a": ("train", Example("a", "one", "x")),
    "b": ("dev", Example("b", "two", "x")),
    "t": ("test", Example("t", "three", "x")),
}


# ---- what would change -----------------------------------------------------------------------


def test_test_rows_are_spared_unless_they_are_asked_for():
    found = checked(remedy("drop", dict.fromkeys("abt")), Finding("made", "note", "So.", 1))
    [proposal] = propose(found, ROWS)
    assert set(proposal.rows) == {"a", "b"}
    assert (proposal.spared, proposal.moves, proposal.tests) == (1, False, False)
    [proposal] = propose(found, ROWS, also_test=True)
    assert set(proposal.rows) == {"a", "b", "t"}
    assert (proposal.spared, proposal.tests) == (0, True)
    assert proposal.after("a") is None


def test_only_the_rows_that_are_named():
    found = checked(remedy("drop", {"a": None}), remedy("relabel", {"b": "y"}))
    [proposal] = propose(found, ROWS, only=["b"])
    after = proposal.after("b")
    assert after is not None
    assert (after.target, after.input) == ("y", "two")
    with pytest.raises(DataError, match='nothing is proposed for a row "c"; known: a, b'):
        propose(found, ROWS, only=["a", "c"])


def test_a_row_that_one_remedy_drops_is_left_out_of_the_next():
    first, second = propose(
        checked(remedy("drop", {"a": None}), remedy("relabel", {"a": "y", "b": "y"})), ROWS
    )
    assert (set(first.rows), set(second.rows)) == ({"a"}, {"b"})


def test_new_groups_move_rows_where_splits_are_cut_from_a_pool():
    found = checked(remedy("regroup", {"a": "g", "b": "g"}))
    [moving] = propose(found, ROWS, pool=True)
    assert (moving.moves, len(moving.rows), moving.spared) == (True, 0, 2)
    [staying] = propose(found, ROWS)
    assert (staying.moves, len(staying.rows)) == (False, 2)
    [asked] = propose(found, ROWS, pool=True, also_test=True)
    assert len(asked.rows) == 2


# ---- a study ---------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Path:
    small_task("label", tmp_path / "study")
    return tmp_path / "study"


def loaded(study: Path, **data: Any) -> Task:
    overrides = {f"data.{key}": value for key, value in data.items()}
    return load_task(load_spec(study, overrides), study)


def proposals(task: Task, *findings: Finding, also_test: bool = False) -> list[Proposal]:
    found = checked(*findings)
    named = [row for f in findings if f.remedy for row in f.remedy.changes]
    return propose(found, rows_of_task(task, named), also_test=also_test)


def recorded(task: Task, *findings: Finding, also_test: bool = False) -> History:
    history = History.read(task.folder)
    return record(task, history, proposals(task, *findings, also_test=also_test))


def test_steps_are_recorded_with_what_the_files_hold(study: Path):
    task = loaded(study)
    first, second = task.examples("train")[:2]
    recorded(task, remedy("relabel", {first.id: "returns"}), remedy("drop", {second.id: None}))
    mended = loaded(study)
    assert mended.examples("train")[0] == replace(first, target="returns")
    assert second.id not in {e.id for e in mended.examples("train")}
    assert mended.digest != task.digest
    assert mended.test_digest == task.test_digest
    history = recorded(mended, remedy("drop", {first.id: None}))
    [change] = [s.rows[first.id] for s in history.live if s.step == 3]
    assert change.digest == row_digest(first), "of the file, not of the relabelled row"
    assert first.id not in {e.id for e in loaded(study).examples("train")}


def test_a_row_that_only_earlier_steps_brought_in_can_be_mended(study: Path):
    """With a limit, a row dropped lets another one in."""
    task = loaded(study, train_limit=5)
    gone = task.examples("train")[0]
    recorded(task, remedy("drop", {gone.id: None}))
    after = loaded(study, train_limit=5)
    [new] = {e.id for e in after.examples("train")} - {e.id for e in task.examples("train")}
    recorded(after, remedy("drop", {new: None}))
    assert new not in {e.id for e in loaded(study, train_limit=5).examples("train")}


@pytest.mark.parametrize("split", ["train", "test"])
def test_nothing_is_recorded_that_would_leave_a_split_empty(study: Path, split: Any):
    task = loaded(study)
    rows = [e.id for e in task.examples(split)]
    half = len(rows) // 2
    findings = [remedy("drop", dict.fromkeys(some)) for some in (rows[:half], rows[half:])]
    with pytest.raises(DataError, match=f"leave nothing of the {split} split"):
        recorded(task, *findings, also_test=True)
    assert not (study / FILE).exists()


def test_nothing_is_recorded_that_the_task_has_no_label_for(study: Path):
    task = loaded(study)
    row = task.examples("train")[0].id
    with pytest.raises(DataError, match=f'row {row}: the task has no label "return"; did you mean'):
        recorded(task, remedy("drop", {task.examples("train")[1].id: None}),
                 remedy("relabel", {row: "return"}))  # fmt: skip
    assert not (study / FILE).exists()


def test_a_rewriting_leaves_a_label_a_label(study: Path):
    task = loaded(study)
    first = task.examples("train")[0]
    new = json.dumps({"input": "by [PERSON]", "target": "[PERSON]"})
    with pytest.raises(DataError, match=rf'row {first.id}: the task has no label "\[PERSON\]"'):
        recorded(task, remedy("rewrite", {first.id: new}))
    assert not (study / FILE).exists()
    recorded(task, remedy("rewrite", {first.id: rewriting(replace(first, input="by [PERSON]"))}))
    assert loaded(study).examples("train")[0].target == first.target


def test_a_frozen_test_split_is_not_mended(study: Path):
    task = loaded(study, frozen=loaded(study).test_digest[:12])
    finding = remedy("drop", {task.examples("test")[0].id: None})
    with pytest.raises(DataError, match=r"data\.frozen keeps it") as caught:
        recorded(task, finding, also_test=True)
    assert "compare with no earlier result" in str(caught.value.hint)
    recorded(task, remedy("drop", {task.examples("train")[0].id: None}), also_test=True)
    assert loaded(study, frozen=task.test_digest[:12]).test_digest == task.test_digest


# ---- a file ----------------------------------------------------------------------------------

SHAPES: Mapping[str, Any] = {
    "columns": lambda q, a: {"q": q, "a": a, "note": "kept", "n": 3},
    "prompt_completion": lambda q, a: {"prompt": q, "completion": a},
    "alpaca": lambda q, a: {"instruction": q, "input": "", "output": a},
    "messages": lambda q, a: {
        "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
    },
    "sharegpt": lambda q, a: {
        "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]
    },
}
PAIRS = [("Call Ann.", "Ann is out."), ("Is it late?", "No."), ("Where?", "Here.")]


def source(folder: Path, shape: str) -> Source:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(SHAPES[shape](*pair)) + "\n" for pair in PAIRS))
    columns = Columns(input="q", target="a") if shape == "columns" else None
    return Source(file, columns=columns)


def of_file(given: Source, *findings: Finding) -> list[Proposal]:
    named = {row for f in findings if f.remedy for row in f.remedy.changes}
    return propose(checked(*findings), rows_of_file(given, named))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_is_mended_in_a_copy_of_its_shape(tmp_path: Path, shape: str):
    given = source(tmp_path, shape)
    before = given.path.read_bytes()
    new = json.dumps({"input": "Call [PERSON].", "target": "[PERSON] is out."})
    found = remedy("rewrite", {"rows-000001": new}), remedy("drop", {"rows-000002": None})
    out = tmp_path / "new" / "mended.jsonl"
    assert write_mended(given, of_file(given, *found), out) == 2
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows == [SHAPES[shape]("Call [PERSON].", "[PERSON] is out."), SHAPES[shape](*PAIRS[2])]
    assert given.path.read_bytes() == before
    assert [p.name for p in out.parent.iterdir()] == ["mended.jsonl"]


def test_a_table_is_mended_as_json_lines(tmp_path: Path):
    table = tmp_path / "rows.csv"
    table.write_text('input,target,when\n"Hello, you",x,2026-01-01\nBye,y,2026-01-02\n')
    given, out = Source(table), tmp_path / "mended.jsonl"
    found = remedy("relabel", {"rows-000001": "z"}), remedy("regroup", {"rows-000002": "case 1"})
    assert write_mended(given, of_file(given, *found), out) == 2
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"input": "Hello, you", "target": "z", "when": "2026-01-01"},
        {"input": "Bye", "target": "y", "when": "2026-01-02", "group": "case 1"},
    ]
    assert [e.group for e in stream_file(out)[1]] == [None, "case 1"]


@pytest.mark.parametrize("facts", [["a@b.de", "5 EUR"], "a@b.de;5 EUR"])
def test_facts_and_fields_are_rewritten_with_the_target(tmp_path: Path, facts: Any):
    file = tmp_path / "rows.jsonl"
    row = {"input": "Where?", "target": "a@b.de", "facts": facts, "by": {"agent": "a@b.de (lead)"}}
    file.write_text(json.dumps(row) + "\n")
    given = Source(file, columns=Columns(facts="facts", fields=("by.agent",)))
    [(_, before)] = rows_of_file(given, {"rows-000001"}).values()
    new = replace(
        before, target="[EMAIL]", facts=("[EMAIL]", "5 EUR"), fields={"by.agent": "[EMAIL] (lead)"}
    )
    out = tmp_path / "mended.jsonl"
    write_mended(given, of_file(given, remedy("rewrite", {"rows-000001": rewriting(new)})), out)
    assert "a@b.de" not in out.read_text()
    written = json.loads(out.read_text())
    assert type(written["facts"]) is type(facts)
    [again] = stream_file(out, columns=given.columns)[1]
    assert (again.target, again.facts, again.fields) == (new.target, new.facts, new.fields)


def test_only_the_columns_that_were_read_are_edited(tmp_path: Path):
    file, out = tmp_path / "rows.jsonl", tmp_path / "mended.jsonl"
    row = {"input": "yes", "target": "yes", "consent": "yes", "more": [{"yes": "yes"}]}
    file.write_text(json.dumps(row) + "\n")
    write_mended(Source(file), of_file(Source(file), remedy("relabel", {"rows-000001": "no"})), out)
    assert json.loads(out.read_text()) == {**row, "target": "no"}
    talk = {**SHAPES["messages"]("open?", "yes"), "consent": "yes"}
    file.write_text(json.dumps(talk) + "\n")
    out.unlink()
    write_mended(Source(file), of_file(Source(file), remedy("relabel", {"rows-000001": "no"})), out)
    assert json.loads(out.read_text()) == {
        **SHAPES["messages"]("open?", "no"), "consent": "yes",
    }  # fmt: skip


def test_a_new_group_goes_where_groups_are_read_from(tmp_path: Path):
    file, out = tmp_path / "rows.jsonl", tmp_path / "mended.jsonl"
    file.write_text(json.dumps({"input": "a", "target": "b", "of": {"case": "1"}}) + "\n")
    given = Source(file, columns=Columns(group="of.case"))
    write_mended(given, of_file(given, remedy("regroup", {"rows-000001": "2"})), out)
    assert json.loads(out.read_text()) == {"input": "a", "target": "b", "of": {"case": "2"}}


def test_what_json_cannot_hold(tmp_path: Path):
    table, out = tmp_path / "rows.parquet", tmp_path / "mended.jsonl"
    rows = {"input": ["a", "b"], "target": ["x", "y"], "when": [date(2026, 1, 2)] * 2}
    parquet.write_table(pyarrow.table({**rows, "score": [float("nan"), 1.0]}), table)
    asked = of_file(Source(table), remedy("relabel", {"rows-000001": "z"}))
    assert write_mended(Source(table), asked, out) == 2
    assert [json.loads(line, parse_constant=pytest.fail) for line in out.open()] == [
        {"input": "a", "target": "z", "when": "2026-01-02", "score": None},
        {"input": "b", "target": "y", "when": "2026-01-02", "score": 1.0},
    ]
    out.unlink()
    parquet.write_table(pyarrow.table({**rows, "blob": [b"\0", b"\1"]}), table)
    with pytest.raises(DataError, match="row 1: a value of type bytes") as caught:
        write_mended(Source(table), asked, out)
    assert "leave that column out" in str(caught.value.hint)
    assert {p.name for p in tmp_path.iterdir()} == {"rows.parquet"}


def test_a_row_that_cannot_be_changed_in_place_is_refused_whole(tmp_path: Path):
    """The input is put together of two keys, and neither holds it."""
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"instruction": "Call", "input": "Ann.", "output": "No."}) + "\n")
    given, out = Source(file), tmp_path / "mended.jsonl"
    new = json.dumps({"input": "Call [PERSON].", "target": "No."})
    with pytest.raises(
        DataError, match="row 1 of the new file would not be as it should"
    ) as caught:
        write_mended(given, of_file(given, remedy("rewrite", {"rows-000001": new})), out)
    assert "make it a study" in str(caught.value.hint)
    assert {p.name for p in tmp_path.iterdir()} == {"rows.jsonl"}


def test_no_file_is_overwritten(tmp_path: Path):
    given = source(tmp_path, "columns")
    asked = of_file(given, remedy("drop", {"rows-000001": None}))
    for name, said in (("rows.jsonl", "exists already"), ("rows.csv", r"should end in \.jsonl")):
        with pytest.raises(DataError, match=said):
            write_mended(given, asked, tmp_path / name)


def test_rows_that_cannot_be_read_are_left_out(tmp_path: Path):
    given = source(tmp_path, "columns")
    file = given.path
    file.write_text(f"{{broken\n{file.read_text()}")
    out = tmp_path / "mended.jsonl"
    assert write_mended(given, of_file(given, remedy("drop", {"rows-000002": None})), out) == 2
    assert [json.loads(line)["q"] for line in out.read_text().splitlines()] == [
        "Is it late?",
        "Where?",
    ]


def test_a_study_that_was_mended_is_what_a_spec_of_it_loads(study: Path):
    """A step stands beside the file that names the data, wherever the data are."""
    spec = json.loads((study / "task.yaml").read_text())
    data = study.parent / "elsewhere"
    (study / "train.jsonl").rename(data.with_suffix(".jsonl"))
    spec["data"]["train"] = "{data}/elsewhere.jsonl"
    write_json(study / "task.yaml", spec)
    task = load_task(load_spec(study), study, study.parent)
    row = task.examples("train")[0].id
    recorded(task, remedy("drop", {row: None}))
    mended = load_task(load_spec(study), study, study.parent)
    assert len(mended.examples("train")) == len(task.examples("train")) - 1
