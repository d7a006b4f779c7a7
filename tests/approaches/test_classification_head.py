"""The head learns what a class is, counts what it cuts, and refuses what it cannot stand on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tailorbird.approaches.base import Run, load_solver, make_approach, save_solver
from tailorbird.errors import ModelError
from tailorbird.task.benchmark import Task


def test_the_packaged_encoder_learns_and_is_saved(
    label_task: Task, run: Callable[..., Run], tmp_path: Path
) -> None:
    settings = {"base": "encoder", "adapter": "none", "epochs": 5}
    solver = make_approach("classification_head", settings).fit(label_task, run())
    test = label_task.examples("test")
    answers = solver.predict(test)
    assert sum(a.text == e.target for a, e in zip(answers, test)) > 0.8 * len(test)
    assert json.loads((tmp_path / "run" / "rows.json").read_text()) == {"rows": 48, "cut": 0}
    save_solver(solver, "classification_head", tmp_path / "saved")
    assert (tmp_path / "saved" / "head.safetensors").stat().st_size < 10_000  # the head alone
    again = load_solver(tmp_path / "saved").predict(test)
    assert [a.text for a in again] == [a.text for a in answers]


def test_rare_classes_are_found_when_classes_are_weighted(
    label_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    """Nine in ten rows of one class: weights move answers to the other three."""
    common = [e for e in label_task.examples("train") if e.target == "delivery"]
    rare = [e for e in label_task.examples("train") if e.target != "delivery"][:4]
    skewed = [replace(e, id=f"{e.id}-{i}") for i in range(4) for e in common] + rare
    task = replace(label_task, splits={**label_task.splits, "train": tuple(skewed)})
    found = {}
    for weighted in (False, True):
        settings = {"adapter": "full", "class_weights": weighted, "epochs": 15}
        approach = make_approach("classification_head", settings)
        solver = approach.fit(task, run(checkpoint, folder=run().folder / str(weighted)))
        found[weighted] = sum(a.text != "delivery" for a in solver.predict(task.examples("test")))
    assert found[False] < found[True]


def test_an_endpoint_is_refused_with_a_way_out(label_task: Task, run: Callable[..., Run]) -> None:
    with pytest.raises(ModelError, match="endpoint") as caught:
        make_approach("classification_head", {}).fit(label_task, run("http://host/v1#m"))
    assert "encoder" in str(caught.value.hint)


def test_a_finished_fit_is_read_and_not_trained_again(
    label_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    approach = make_approach("classification_head", {"epochs": 1, "rank": 2})
    approach.fit(label_task, run(checkpoint))
    log = run().folder / "training" / "log.jsonl"
    before = log.read_text()
    approach.fit(label_task, run(checkpoint))
    assert log.read_text() == before
