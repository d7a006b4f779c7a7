"""Growing training sets: nested, resumed, and with the test split closed."""

import dataclasses
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tailorbird.cli.main import app
from tailorbird.errors import BenchmarkError, TaskError
from tailorbird.growing import Grown, grow, usual_sizes
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task


def grown(task: Task, folder: Path, **more) -> Grown:
    return grow(task, "linear", folder / "curve", folder, quiet=True, **more)


@pytest.fixture
def task(label_task: Task) -> Task:
    rungs = tuple(r for r in label_task.spec.rungs if r.name == "linear")
    assert rungs
    return label_task


def test_marks_dev_and_leaves_test_closed(task: Task, tmp_path: Path):
    found = grown(task, tmp_path, sizes=[12, 24, 48])
    assert found.curve.sizes == (12, 24, 48)
    assert all(e.n == len(task.examples("dev")) for e in found.curve.estimates)
    assert not (tmp_path / "ledger.jsonl").exists()
    assert read_json(tmp_path / "curve" / "curve.json") == json.loads(json.dumps(found.to_json()))
    assert "the 48 examples should take label to" in found.sentence


def test_what_is_there_is_not_made_again(task: Task, tmp_path: Path):
    first = grown(task, tmp_path, sizes=[12, 24, 48])
    file = tmp_path / "curve" / "24" / "marks-dev.jsonl"
    before, rows = (tmp_path / "curve" / "24" / "fitted.json").stat().st_mtime_ns, read_jsonl(file)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))  # torn by a kill
    assert grown(task, tmp_path, sizes=[12, 24, 48]) == first
    assert (tmp_path / "curve" / "24" / "fitted.json").stat().st_mtime_ns == before
    assert read_jsonl(file) == rows


def test_on_test_the_ledger_says_so(task: Task, tmp_path: Path):
    for _ in range(2):
        grown(task, tmp_path, sizes=[12, 24, 48], split="test")
    rungs = [row["rung"] for row in read_jsonl(tmp_path / "ledger.jsonl")]
    assert rungs == ["linear on 12", "linear on 24", "linear on 48"]


def test_stops_once_more_does_not_pay(task: Task, tmp_path: Path):
    bar = task.spec.bar.model_copy(update={"margin": 0.9})  # no gain is worth having
    content = dataclasses.replace(task, spec=task.spec.model_copy(update={"bar": bar}))
    found = grown(content, tmp_path, sizes=[6, 12, 24, 48], stop=True)
    assert found.curve.sizes == (6, 12, 24)
    assert found.curve.answer == "does not pay"
    assert not (tmp_path / "curve" / "48").exists()
    assert grown(content, tmp_path, sizes=[6, 12, 24, 48]).curve.sizes == (6, 12, 24, 48)
    bar = task.spec.bar.model_copy(update={"margin": 0.0001})  # any gain is
    eager = dataclasses.replace(task, spec=task.spec.model_copy(update={"bar": bar}))
    going = grown(eager, tmp_path / "eager", sizes=[6, 12, 24, 48], stop=True)
    assert going.curve.sizes == (6, 12, 24, 48)


def test_refuses(task: Task, tmp_path: Path):
    with pytest.raises(TaskError, match="at least 3 sizes"):
        grown(task, tmp_path, sizes=[12, 24])
    with pytest.raises(TaskError, match="examples"):
        grown(task, tmp_path, sizes=[12, 24, 10_000])
    without = dataclasses.replace(task, splits={**task.splits, "dev": ()})
    with pytest.raises(BenchmarkError, match="dev split cannot be marked"):
        grown(without, tmp_path)


def test_items_that_cannot_be_marked(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = ["curve", str(task.folder), "--rung", "linear", "--sizes", "12,24,48", "-q"]
    ran = CliRunner().invoke(app, [*words, "--set", "bar.primary.metric=facts"])
    error = ran.exception
    assert isinstance(error, BenchmarkError)
    assert str(error) == "no dev item could be marked by facts"
    assert "bar.primary" in str(error.hint)


def test_usual_sizes():
    assert usual_sizes(4000) == [250, 500, 1000, 2000, 4000]
    assert usual_sizes(100) == [25, 50, 100]


def test_command(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = ["curve", str(task.folder), "--rung", "linear"]
    ran = CliRunner().invoke(app, [*words, "--sizes", "12,24 48", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["curve"]["sizes"] == [12, 24, 48]
    shown = CliRunner().invoke(app, [*words, "--sizes", "12,24,48"])
    assert "error = " in shown.output
    assert "the law" in shown.output
    wrong = CliRunner().invoke(app, [*words, "--sizes", "many"])
    assert isinstance(wrong.exception, TaskError)
