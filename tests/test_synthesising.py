"""Making rows: accounted for, resumed, paid for once, and read back as data."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import task as made_task

from tailorbird import synthesising
from tailorbird.data.preferences import load_preferences
from tailorbird.data.read import load_examples
from tailorbird.errors import DataError, ModelError, TaskError
from tailorbird.models.scripted import Scripted
from tailorbird.store import file_digest, read_json, read_jsonl
from tailorbird.synthesising import Request, Synthesis, synthesise
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import Columns, Data, File, load_spec
from tailorbird.task.types import Example, Message, Prompt

SPARSE = {"diverse": {"by": "sparse"}}


def request(**changes: Any) -> Request:
    return Request(**{"settings": SPARSE, "limit": 40, **changes})


def writes(prompt: Prompt) -> str:
    """A teacher that says the message once more, at length."""
    said = prompt[-1].content
    if "<Message>" not in said:
        return "Question: How long is it valid, roughly?\nAnswer: For 18 months."
    text = said.split("<Message>\n")[1].split("\n</Message>")[0]
    return f"Message: Listen, I have been wondering for a week or so about this: {text}"


def priced(task: Task, **budget: Any) -> Task:
    prices = {"currency": "EUR", "machine_hour": 3.6}
    found = task.spec.budget.model_validate({"prices": prices, **budget})
    return replace(task, spec=task.spec.model_copy(update={"budget": found}))


# ---- by rule -------------------------------------------------------------------------------------


def test_every_row_is_kept_or_dropped_for_a_reason(answer_task: Task, tmp_path: Path):
    done = synthesise(answer_task, tmp_path, request(), quiet=True)
    used = {a.file for a in done.accounts}
    assert used == {"questions", "variations", "preferences", "hard_negatives"}
    assert sum(a.kept for a in done.accounts) == len(done.rows) + len(done.pairs) > 60
    assert "procedures" in done.unused
    every = read_jsonl(tmp_path / "rows.jsonl")
    assert sum(row["kept"] for row in every) == len(done.rows) + len(done.pairs)
    for row in every:
        assert (row["reason"] is None) == row["kept"]
        first = row["synthetic"]["filters"][:1]
        assert first == ["held_out"] or row["reason"].startswith("held_out")
    dropped = sum(a.dropped.total() for a in done.accounts)
    reasons = read_json(tmp_path / "synth.json")["rows"].values()
    assert sum(sum(r["dropped"].values()) for r in reasons) == dropped
    kept = [f"{r.example.text} {r.example.target}" for r in done.rows]
    assert len(set(kept)) == len(kept)


def test_rows_say_where_they_come_from(answer_task: Task, tmp_path: Path):
    synthesise(answer_task, tmp_path, request(), quiet=True)
    known = {e.id for e in answer_task.examples("train")} | set(answer_task.document_by_id)
    for row in read_jsonl(tmp_path / "synthetic.jsonl"):
        told = row["synthetic"]
        assert told["of"] in known
        assert told["teacher"] is None
        assert told["prompt_sha256"] is None
        assert told["filters"] == ["held_out", "grounded", "answerable", "duplicates", "diverse"]
    manifest = read_json(tmp_path / "synth.json")
    assert manifest["sha256"]["synthetic.jsonl"] == file_digest(tmp_path / "synthetic.jsonl")
    assert manifest["generators"]["questions"]["unanswerable"] == 0.2
    assert manifest["bill"]["cost"] == 0


def test_equal_seeds_make_equal_files(label_task: Task, tmp_path: Path):
    def files(name: str, seed: int) -> list[str]:
        synthesise(label_task, tmp_path / name, request(seed=seed), quiet=True)
        return [file_digest(tmp_path / name / f) for f in ("synthetic.jsonl", "rows.jsonl")]

    assert files("one", 0) == files("two", 0)
    assert files("three", 1) != files("one", 0)


@pytest.mark.parametrize("kind", ["label_task", "answer_task"])
def test_what_is_written_is_read_as_data(kind: str, named: Callable[[str], Task], tmp_path: Path):
    task = named(kind)
    done = synthesise(task, tmp_path, request(), quiet=True)
    path = str(tmp_path / "synthetic.jsonl")
    data = task.spec.data.model_copy(update={"train": (*task.spec.data.train, File(path=path))})
    spec = task.spec.model_copy(update={"data": data})
    read = [e for e in load_task(spec, task.folder).examples("train") if e.made_up]
    assert len(read) == len(done.rows)
    for one, row in zip(read, done.rows, strict=True):
        same = replace(row.example, id=one.id, provenance=one.provenance)
        assert one == replace(same, fields=dict(same.fields))
        assert one.provenance is not None
        assert one.provenance.synthetic == row.generator
    pairs = load_preferences([File(path=str(tmp_path / "preferences.jsonl"))], tmp_path, None)
    assert [c.answers for c in pairs.comparisons] == [
        (p.example.target, p.made.rejected) for p in done.pairs
    ]
    # And the other door: no test file takes them.
    closed = task.spec.data.model_copy(update={"test": (*task.spec.data.test, File(path=path))})
    with pytest.raises(DataError, match="something made up"):
        load_task(task.spec.model_copy(update={"data": closed}), task.folder)


@pytest.fixture
def named(label_task: Task, answer_task: Task) -> Callable[[str], Task]:
    return {"label_task": label_task, "answer_task": answer_task}.__getitem__


@pytest.mark.parametrize(
    "data",
    [
        {"columns": Columns(input=0, target=1)},
        {"columns": Columns(input="mail.text", target="mail.label", group="who", fields=("a.b",))},
        {"format": "messages"},
        {"format": "alpaca"},
        {},
    ],
)
def test_rows_are_written_as_the_task_reads_them(data: Any, tmp_path: Path):
    rows = [
        Example(
            f"r{i}", f"please tell me about {thing} soon", thing, group="g", fields={"a.b": "c"}
        )
        for i, thing in enumerate(("lamps", "chairs", "kettles"))
    ]
    task = made_task(rows)
    form = Data(train=(File(path="a"),), test=(File(path="b"),)).model_copy(update=data)
    task = replace(task, spec=task.spec.model_copy(update={"data": form}))
    done = synthesise(task, tmp_path, request(only=("variations",)), quiet=True)
    found = tmp_path / "found.jsonl"
    found.write_text('{"input": "x", "target": "lamps"}\n')
    made = form.model_copy(update={"train": (File(path="synthetic.jsonl"),), "test": ()})
    made = made.model_copy(update={"all": made.train, "train": ()})
    read = load_examples(made, tmp_path, None, 0).splits["train"]
    assert [(e.input, e.target, e.made_up) for e in read] == [
        (r.example.input, r.example.target, True) for r in done.rows
    ]
    if "columns" in data and data["columns"].fields:
        assert {(e.group, e.fields["a.b"]) for e in read} == {("g", "c")}


def test_a_conversation_stays_one(tmp_path: Path):
    talk = (Message("user", "hello"), Message("assistant", "yes?"), Message("user", "where is it"))
    task = made_task([Example("a", talk, "x"), Example("b", "who knows that", "y")])
    done = synthesise(task, tmp_path, request(), quiet=True)
    assert any(isinstance(r.example.input, tuple) for r in done.rows)
    assert any(isinstance(r.example.input, tuple) for r in done.pairs)
    pairs = load_preferences([File(path="preferences.jsonl")], tmp_path, None).comparisons
    assert {c.input for c in pairs} == {"who knows that", talk}


def test_what_is_held_out_stays_out_even_of_what_templates_say(label_task: Task, tmp_path: Path):
    test = label_task.examples("test")[0]
    file = tmp_path / "t.json"
    file.write_text(json.dumps({"templates": [{"input": test.text, "target": test.target}]}))
    found = request(only=("templates",), settings={**SPARSE, "templates": {"file": str(file)}})
    done = synthesise(label_task, tmp_path, found, quiet=True)
    assert not done.rows
    assert not (tmp_path / "synthetic.jsonl").exists()
    (account,) = done.accounts
    assert account.dropped == {"held_out: the same input stands in test or dev": 1}


# ---- by teachers ---------------------------------------------------------------------------------


def test_teachers_take_turns_and_are_named(label_task: Task, tmp_path: Path):
    teachers = {name: Scripted(writes, name=name) for name in ("one", "other")}
    kinds = {"variations": {"kinds": ["paraphrase"]}}
    found = request(only=("variations",), settings={**SPARSE, **kinds})
    done = synthesise(priced(label_task), tmp_path, found, teachers, quiet=True)
    assert {r.teacher for r in done.rows} == {"one", "other"}
    assert {len(t.calls) for t in teachers.values()} == {20}
    for row in read_jsonl(tmp_path / "synthetic.jsonl"):
        told = row["synthetic"]
        assert told["teacher_identity"] == teachers[told["teacher"]].identity
        assert len(told["prompt_sha256"]) == 64
    lines = {x["model"]: x for x in read_json(tmp_path / "synth.json")["bill"]["lines"]}
    assert {x["prompts"] for x in lines.values()} == {20}
    assert lines["one"]["prompt_tokens"] > 20 * 30
    cost = sum(x["cost"] for x in lines.values())
    assert cost == pytest.approx(sum(x["seconds"] for x in lines.values()) / 1000)


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(
    label_task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(synthesising, "CHUNK", 8)
    teachers = {"t": Scripted(writes)}
    whole = synthesise(label_task, tmp_path / "whole", request(), teachers, quiet=True)
    calls: list[Prompt] = []

    def dies(prompt: Prompt) -> str:
        calls.append(prompt)
        if len(calls) == 13:
            raise KeyboardInterrupt
        return writes(prompt)

    with pytest.raises(KeyboardInterrupt):
        synthesise(label_task, tmp_path / "cut", request(), {"t": Scripted(dies)}, quiet=True)
    (file,) = (tmp_path / "cut" / "made").glob("*.jsonl")
    assert len(read_jsonl(file)) == 8
    lm = Scripted(dies)
    done = synthesise(label_task, tmp_path / "cut", request(), {"t": lm}, quiet=True)
    assert [r.example for r in done.rows] == [r.example for r in whole.rows]
    assert len(calls) - 13 == len(lm.calls)
    again = Scripted(dies)
    synthesise(label_task, tmp_path / "cut", request(), {"t": again}, quiet=True)
    assert not again.calls
    more = Scripted(dies)
    synthesise(label_task, tmp_path / "cut", request(limit=44), {"t": more}, quiet=True)
    assert 0 < len(more.calls) <= 3 * 4
    fewer = Scripted(dies)
    few = synthesise(label_task, tmp_path / "cut", request(limit=20), {"t": fewer}, quiet=True)
    assert not fewer.calls
    assert sum(a.read for a in few.accounts) < sum(a.read for a in done.accounts)


def test_what_a_teacher_says_wrong_is_counted(label_task: Task, tmp_path: Path):
    said: list[str] = []

    def fails(prompt: Prompt) -> str:
        said.append("x")
        if len(said) % 3 == 0:
            raise ModelError("no")
        return "nothing of use" if len(said) % 3 == 1 else "Message: " + "word " * 999

    kinds = {"variations": {"kinds": ["paraphrase"]}}
    found = request(only=("variations",), limit=30, settings={**SPARSE, **kinds})
    done = synthesise(label_task, tmp_path, found, {"t": Scripted(fails)}, quiet=True)
    (account,) = done.accounts
    assert (account.read, account.kept) == (30, 0)
    assert account.dropped == {
        "the teacher failed": 10,
        'the teacher\'s answer has no "Message:"': 10,
        "the teacher's answer was cut off": 10,
    }


def test_an_estimate_asks_little_and_is_about_right(answer_task: Task, tmp_path: Path):
    lm = Scripted(writes)
    task = priced(answer_task)
    synthesis = Synthesis(task, tmp_path, request(), {"t": lm}, quiet=True)
    found = synthesis.estimate()
    asked = len(lm.calls)
    assert asked <= 4 * 4
    assert not (tmp_path / "made").exists()
    assert found.cost is not None
    assert synthesis.estimate() == found  # measured once
    assert len(lm.calls) == asked
    done = synthesis.make()
    spent = {(x.purpose, x.model): x for x in done.bill.lines.values()}
    told = {(x.purpose, x.model): x for x in found.lines if x.model}
    assert spent.keys() <= told.keys()
    for key, line in spent.items():
        if key[0] != "answerable":  # at most so many
            assert told[key].prompts == line.prompts
            assert told[key].prompt_tokens == pytest.approx(line.prompt_tokens, rel=0.2)
    assert told["answerable", "t"].prompts >= spent["answerable", "t"].prompts > 0


def test_without_a_probe_nobody_is_asked(answer_task: Task, tmp_path: Path):
    lm = Scripted(writes)
    found = Synthesis(answer_task, tmp_path, request(), {"t": lm}, quiet=True).estimate(probe=False)
    assert not lm.calls
    assert found.seconds is None
    assert all(x.prompt_tokens > 0 for x in found.lines if x.model)
    rules = Synthesis(answer_task, tmp_path, request(), {}, quiet=True).estimate()
    assert (rules.cost, rules.seconds) == (0, 0)
    assert all(line.model is None for line in rules.lines)


def test_a_budget_stops_it_before_it_begins(label_task: Task, tmp_path: Path):
    lm = Scripted(writes)
    with pytest.raises(TaskError, match=r"and the budget is 1e-12"):
        synthesise(priced(label_task, cost=1e-12), tmp_path, request(), {"t": lm}, quiet=True)
    assert len(lm.calls) <= 4 * 4
    assert not (tmp_path / "synth.json").exists()


# ---- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"only": ("question",)}, 'did you mean "questions"'),
        ({"skip": ("divers",)}, 'did you mean "diverse"'),
        ({"skip": ("held_out",)}, "cannot be left out"),
        ({"settings": {"variation": {}}}, 'did you mean "variations"'),
        ({"settings": {"variations": {"kind": []}}}, 'did you mean "kinds"'),
        ({"settings": {"diverse": {"at_most": 3}}}, "less than or equal"),
        ({"only": ("questions",)}, "asks for labels"),
    ],
)
def test_mistakes(label_task: Task, tmp_path: Path, changes: Any, says: str):
    with pytest.raises(TaskError, match=says):
        synthesise(label_task, tmp_path, request(**changes), quiet=True)


def test_a_filter_may_be_left_out(label_task: Task, tmp_path: Path):
    synthesise(label_task, tmp_path, request(skip=("duplicates", "diverse")), quiet=True)
    rows = read_jsonl(tmp_path / "synthetic.jsonl")
    passed = {name for row in rows for name in row["synthetic"]["filters"]}
    assert passed == {"held_out", "grounded", "difficulty"}


def test_a_study_of_this_repository(tmp_path: Path):
    folder = Path(__file__).parents[1] / "studies" / "insurance-email"
    task = load_task(load_spec(folder, {"data.train_limit": 60}), folder)
    found = request(skip=("diverse",), limit=60)
    done = synthesise(task, tmp_path, found, quiet=True)
    assert len(done.rows) > 120
    assert not done.unused.keys() & {"questions", "variations", "preferences", "hard_negatives"}
    held = {e.asked for s in ("dev", "test") for e in task.examples(s)}  # type: ignore[arg-type]
    assert not held & {r.example.asked for r in done.rows}
