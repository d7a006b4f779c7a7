"""Several tasks, one adapter: marks on every dev split, and no other task's test is touched."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import ModelError, TaskError
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec
from tailorbird.testing import check_approach, small_task

BRIEF = {"epochs": 1, "rank": 4}


@pytest.fixture
def two(tmp_path: Path) -> Task:
    """A task of labels, with one of answers in the folder beside it."""
    for kind in ("label", "answer"):
        (tmp_path / kind).mkdir()
        small_task(kind, tmp_path / kind)  # type: ignore[arg-type]
    return load_task(load_spec(tmp_path / "label"), tmp_path / "label")


def test_it_conforms(two: Task, checkpoint: Path, run: Callable[..., Run]) -> None:
    check_approach(make_approach("multi_task", {"tasks": ["../answer"]} | BRIEF), two,
                   run(checkpoint))  # fmt: skip


def test_every_task_has_its_loss_and_its_mark_on_dev(
    two: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    settings = {"tasks": {"../answer": 0.5}, "epochs": 2, "rank": 4}
    make_approach("multi_task", settings).fit(two.without_test(), run(checkpoint))
    folder = run().folder
    marks = read_json(folder / "tasks.json")
    assert {n: (m["task"], m["metric"], m["n"]) for n, m in marks.items()} == {
        ".": ("small-label", "label", 12),
        "../answer": ("small-answer", "facts", 15),
    }
    assert read_json(folder / "rows.json") == {
        ".": {"rows": 48, "share": 0.6667},
        "../answer": {"rows": 30, "share": 0.3333},
    }
    log = read_jsonl(folder / "training" / "log.jsonl")
    assert all({"loss/.", "loss/../answer"} <= row.keys() for row in log)  # every batch is mixed
    assert log[-1]["loss/."] < log[0]["loss/."]


def test_another_task_that_holds_this_test_is_refused(
    two: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    rows = (two.folder / "test.jsonl").read_text().splitlines()
    leaked = json.dumps(json.loads(rows[0]) | {"input": two.examples("test")[0].text.upper()})
    with (two.folder.parent / "answer" / "train.jsonl").open("a") as file:
        file.write(leaked + "\n")
    with pytest.raises(TaskError, match=r"1 training inputs of \.\./answer also stand in the test"):
        make_approach("multi_task", {"tasks": ["../answer"]}).fit(
            two.without_test(), run(checkpoint)
        )


def test_the_fingerprint_sees_the_other_tasks(two: Task) -> None:
    approach = make_approach("multi_task", {"tasks": ["../answer"]})
    before = approach.reads(two)  # type: ignore[attr-defined]
    file = two.folder.parent / "answer" / "dev.jsonl"
    file.write_text(file.read_text().replace("A question", "One question"))
    assert approach.reads(two) != before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "model", "error", "words"),
    [
        ({"tasks": {"../answer": 0}}, None, TaskError, "above 0"),
        ({"tasks": ["../nothing"]}, None, TaskError, "no task file"),
        ({"tasks": ["../answer"]}, "http://host/v1#m", ModelError, "endpoint"),
    ],
)
def test_mistakes_are_said(
    two: Task, checkpoint: Path, run: Callable[..., Run], settings: dict[str, object],
    model: str | None, error: type[Exception], words: str,
) -> None:  # fmt: skip
    with pytest.raises(error, match=words):
        make_approach("multi_task", settings).fit(two.without_test(), run(model or checkpoint))


def test_a_task_knows_what_its_closed_test_holds(label_task: Task) -> None:
    closed = label_task.without_test()
    inside, outside = label_task.examples("test")[0], label_task.examples("train")[0]
    for task in (label_task, closed, closed.without_test()):
        assert task.in_test(replace(inside, input=str(inside.input).upper(), id="x"))
        assert not task.in_test(outside)
