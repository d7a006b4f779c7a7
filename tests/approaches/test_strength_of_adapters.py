"""How much of what was learned counts: given, or chosen on dev."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.approaches._strength import STRENGTHS, Tried, choose_strength, chosen
from tailorbird.approaches.base import Run, load_solver, make_approach, save_solver
from tailorbird.errors import ModelError, TaskError
from tailorbird.store import read_json
from tailorbird.task.bar import Criterion
from tailorbird.task.benchmark import Task
from tailorbird.train.policy import saved_strength

BRIEF = {"epochs": 1, "batch_size": 8, "learning_rate": 3e-2}


def tuned(task: Task, run: Run, **settings: Any) -> Any:
    return make_approach("fine_tuned", BRIEF | settings).fit(task.without_test(), run)


def test_at_strength_zero_it_is_the_base(
    label_task: Task, checkpoint: Path, run: Callable[..., Run], tmp_path: Path
) -> None:
    here = run(checkpoint)
    solver = tuned(label_task, here, strength=0.0)
    asked = label_task.examples("test")
    base = replace(solver, adapter=None).predict(asked)
    assert solver.predict(asked) == base
    save_solver(solver, "fine_tuned", tmp_path / "solver")
    assert load_solver(tmp_path / "solver").predict(asked) == base
    # Another folder: models in memory are known by where their adapter is.
    whole = tuned(label_task, replace(here, folder=tmp_path / "whole"))
    assert whole.predict(asked) != base


def test_auto_tries_strengths_on_dev_and_keeps_the_table(
    label_task: Task, checkpoint: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tailorbird.models.text.general_text", lambda: ("The ferry was late.", "It rained.")
    )
    here = run(checkpoint)
    solver = tuned(label_task, here, strength="auto")
    table = read_json(here.folder / "strength.json")
    tried = [Tried(**row) for row in table["tried"]]
    assert tuple(t.strength for t in tried) == STRENGTHS
    assert tried[0].drift == pytest.approx(0, abs=1e-6)
    drifts = [t.drift for t in tried]
    assert drifts == sorted(drifts)
    assert drifts[-1] > 0
    assert all(set(t.marks) == {"label"} for t in tried)
    assert chosen(tried, label_task.spec.bar.primary).strength == table["chosen"]
    assert saved_strength(solver.adapter) == table["chosen"]
    assert {p.name for p in here.folder.iterdir()} >= {"adapter", "strength.json"}
    assert not (here.folder / "strengths").exists()
    # What was chosen stays, though a kill came before it was saved.
    monkeypatch.setattr("tailorbird.approaches._strength._try", None)
    assert choose_strength(label_task, solver, here.folder, True) == table["chosen"]


def at(strength: float, mark: float | None, meets: bool, drift: float) -> Tried:
    return Tried(strength, {"label": mark}, meets, drift, 1.0)


def test_the_least_drift_that_meets_the_bar() -> None:
    bar = Criterion(metric="label", at_least=0.8)
    tried = [at(0, 0.1, False, 0), at(0.5, 0.81, True, 0.2), at(1, 0.9, True, 0.7)]
    assert chosen(tried, bar).strength == 0.5


def test_where_nothing_meets_it_the_best_at_the_task() -> None:
    bar = Criterion(metric="label", at_least=0.95)
    tried = [at(0, None, False, 0), at(0.75, 0.9, False, 0.4), at(1, 0.9, False, 0.7)]
    assert chosen(tried, bar).strength == 0.75
    least = Criterion(metric="label", at_most=0.05)
    assert chosen([*tried[1:], at(0.5, 0.2, False, 0.3)], least).strength == 0.5


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"adapter": {"prompt": {"tokens": 4}}, "strength": 0.5}, ModelError, "not merged"),
        ({"adapter": {"lora": {"init": "olora"}}, "strength": "auto"}, ModelError, "does not keep"),
        ({"start": {"strength": 0.5}}, TaskError, "trains the same adapter"),
        ({"strength": 3}, TaskError, "strength"),
        ({"strength": "most"}, TaskError, "strength"),
    ],
)
def test_refused_before_anything_is_trained(
    label_task: Task,
    checkpoint: Path,
    run: Callable[..., Run],
    settings: Any,
    error: Any,
    said: str,
) -> None:
    here = run(checkpoint)
    with pytest.raises(error, match=said):
        tuned(label_task, here, **settings)
    assert not (here.folder / "training").exists()


def test_replay_and_anchor_from_a_task_file(
    label_task: Task, checkpoint: Path, run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "old.txt").write_text("One morning the ferry did not come. " * 40)
    objective = {"sft": {"replay": 0.4, "general": str(tmp_path / "old.txt"), "anchor": 0.5}}
    plain, here = run(checkpoint), run(checkpoint, folder=tmp_path / "kept")
    tuned(label_task, plain)
    solver = tuned(label_task, here, objective=objective)
    counts = [read_json(r.folder / "rows.json")["rows"] for r in (plain, here)]
    assert counts[1] > counts[0]
    assert len(solver.predict(label_task.examples("test"))) == 36
    approach: Any = make_approach("fine_tuned", {"objective": objective})
    assert approach.learns == "sft"
    assert approach.epochs_on(label_task) > 3  # as for sft by its name
