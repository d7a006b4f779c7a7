"""The search for settings: what is tried, what is stopped early, what a kill leaves."""

import itertools
import json
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.approaches import linear
from tailorbird.approaches.base import Run
from tailorbird.errors import BenchmarkError, StoreError, TaskError, TrainingError
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Rung
from tailorbird.train import search as searching
from tailorbird.train.search import Found, search
from tailorbird.train.space import (
    Options,
    Span,
    parse_space,
    present_values,
    usual_space,
    with_changes,
)

STRENGTHS = {"strength": Options((0.1, 1.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0))}
Fit = Callable[[linear.Linear, Task, Run], Any]


# ---- spaces ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name", "dimension"),
    [
        ("learning_rate=1e-4..1e-2:log", "learning_rate", Span(1e-4, 1e-2, log=True)),
        ("epochs=1..4", "epochs", Span(1, 4, whole=True)),
        ("rank=8,16,64", "rank", Options((8, 16, 64))),
        ("learning_rate=1e-3,2e-3", "learning_rate", Options((0.001, 0.002))),
        ("calibrate=true,false", "calibrate", Options((True, False))),
        ("retrieve=null,sparse", "retrieve", Options((None, "sparse"))),
        ("unanswerable=0..1", "unanswerable", Span(0.0, 1.0)),
        ("adapter.lora.rank=4,8", "adapter.lora.rank", Options((4, 8))),
    ],
)
def test_what_a_space_says(said: str, name: str, dimension: Any):
    space = parse_space("fine_tuned", [f"batch_size=4,8 {said}"], {})
    assert space == {"batch_size": Options((4, 8)), name: dimension}


@pytest.mark.parametrize(
    "said",
    [
        "rank",
        "rank=",
        "rank=8",
        "rank=8,8",
        "epochs=4..1",
        "epochs=a..b",
        "epochs=1..4:cubic",
        "epochs=0..3",
        "learning_rate=0..1:log",
        "rnak=8,16",
        "rank=[1,2]",
        "epochs=1..inf",
    ],
)
def test_a_wrong_space_is_refused(said: str):
    with pytest.raises(TaskError):
        parse_space("fine_tuned", [said], {})


def test_the_usual_space_lies_around_the_usual_rate(checkpoint: Path):
    space = usual_space("fine_tuned", {}, str(checkpoint))
    rate = space["learning_rate"]
    assert isinstance(rate, Span)
    assert rate.high / rate.low == pytest.approx(100)
    now = present_values(_made("fine_tuned"), {}, space)
    assert now["rank"] == 16
    assert now["learning_rate"] == pytest.approx(rate.low * 10)
    assert all(now[name] in dimension for name, dimension in space.items())


def test_ranks_are_searched_only_where_there_are_any(checkpoint: Path):
    full = usual_space("fine_tuned", {"adapter": "full"}, str(checkpoint))
    given = usual_space("fine_tuned", {"adapter": {"lora": {"rank": 4}}}, str(checkpoint))
    assert "rank" not in full
    assert "rank" not in given
    with pytest.raises(TaskError, match="majority"):
        usual_space("majority", {}, "fledgling")


def test_changes_inside_settings():
    settings = {"adapter": "dora", "recipe": {"warmup_steps": 3}}
    changed = with_changes(settings, {"adapter.dora.rank": 4, "recipe.weight_decay": 0.1})
    assert changed == {
        "adapter": {"dora": {"rank": 4}},
        "recipe": {"warmup_steps": 3, "weight_decay": 0.1},
    }
    assert settings == {"adapter": "dora", "recipe": {"warmup_steps": 3}}


def _made(name: str) -> Any:
    from tailorbird.approaches.base import make_approach

    return make_approach(name, {})


# ---- searching ---------------------------------------------------------------------------------


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fit], list[float]]:
    """Put something before every fit of `linear`; gives the strengths that were fitted."""
    fit = linear.Linear.fit

    def before(do: Fit) -> list[float]:
        seen: list[float] = []

        def fitting(self: linear.Linear, task: Task, run: Run) -> Any:
            seen.append(self.strength)
            do(self, task, run)
            return fit(self, task, run)

        monkeypatch.setattr(linear.Linear, "fit", fitting)
        return seen

    return before


def look(task: Task, out: Path, trials: int | None = None, minutes: float = 60.0) -> Found:
    return search(task, "linear", out, minutes, STRENGTHS, trials, quiet=True)


def test_the_settings_of_the_task_file_come_first_and_every_setting_once(
    label_task: Task, tmp_path: Path, fits: Callable[[Fit], list[float]]
):
    seen = fits(lambda approach, task, run: None)
    found = look(label_task, tmp_path)
    assert seen[0] == 30.0
    assert sorted(seen) == list(STRENGTHS["strength"].values)
    assert found.reason == "there is nothing else to try"
    values = [t.value for t in found.trials if t.value is not None]
    assert found.best.value == max(values)
    assert found.settings == {"strength": found.best.settings["strength"]}
    written = json.loads((tmp_path / "search.json").read_text())
    assert written == json.loads(json.dumps(found.to_json()))
    assert not any((tmp_path / "trials").iterdir())  # what trials leave can be large

    assert look(label_task, tmp_path).trials == found.trials
    assert len(seen) == 8


def test_approaches_do_not_see_test_and_dev_is_what_they_are_marked_on(
    label_task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    marked: set[str] = set()
    score, predict = Task.score, linear.LinearSolver.predict

    def scoring(self: Task, metric: str, example: Any, prediction: Any) -> Any:
        marked.add(example.id)
        assert "test" not in self.splits
        return score(self, metric, example, prediction)

    def predicting(self: Any, examples: Any, progress: Any = None) -> Any:
        assert {e.id for e in examples} <= {e.id for e in label_task.examples("dev")}
        return predict(self, examples, progress)

    monkeypatch.setattr(Task, "score", scoring)
    monkeypatch.setattr(linear.LinearSolver, "predict", predicting)
    found = look(label_task, tmp_path, trials=2)
    assert marked == {e.id for e in label_task.examples("dev")}
    assert found.estimate is not None
    assert found.estimate.n == len(marked)


def test_a_trial_behind_the_median_is_stopped(
    label_task: Task, tmp_path: Path, fits: Callable[[Fit], list[float]]
):
    answered: list[float] = []

    def train(approach: linear.Linear, task: Task, run: Run) -> None:
        assert run.watch is not None
        for part in range(1, 21):  # the stronger, the worse
            run.watch(part, approach.strength)
        answered.append(approach.strength)

    seen = fits(train)
    found = look(label_task, tmp_path)
    pruned = {t.settings["strength"] for t in found.trials if t.outcome == "pruned"}
    assert found.pruned == len(pruned) > 0
    assert all((t.value is None) == (t.outcome != "done") for t in found.trials)
    assert set(seen) - set(answered) == pruned
    finished = [t.settings["strength"] for t in found.trials if t.outcome == "done"]
    assert min(pruned) > sorted(finished)[len(finished) // 2 - 1]


def test_stages_are_told_apart_and_a_resumed_one_is_not_new(tmp_path: Path):
    class Study:
        def __init__(self) -> None:
            self.parts: list[int] = []

        def report(self, value: float, part: int) -> None:
            self.parts.append(part)

        def should_prune(self) -> bool:
            return False

    def watch(parts: Sequence[int]) -> list[int]:
        study = Study()
        told = searching._Watch(study, True, tmp_path / "watch.json", float("inf"), None)
        for part in parts:
            told(part, 0.5)
        return study.parts

    assert watch([5, 10]) == [5, 10]
    assert watch([7, 20, 1, 2]) == [7, 20, 21, 22]  # killed, gone on from part 7, next stage
    assert watch([2, 3]) == [22, 23]


def test_diverging_settings_fail_and_the_search_goes_on(
    label_task: Task, tmp_path: Path, fits: Callable[[Fit], list[float]]
):
    def train(approach: linear.Linear, task: Task, run: Run) -> None:
        if approach.strength > 30:
            raise TrainingError("the loss became nan")

    fits(train)
    found = look(label_task, tmp_path)
    failed = [t for t in found.trials if t.outcome == "failed"]
    assert {t.settings["strength"] for t in failed} == {100.0, 300.0, 1000.0, 3000.0}
    assert {t.note for t in failed} == {"the loss became nan"}
    assert found.best.settings["strength"] <= 30


def test_when_nothing_succeeds(
    label_task: Task, tmp_path: Path, fits: Callable[[Fit], list[float]]
):
    def train(approach: linear.Linear, task: Task, run: Run) -> None:
        raise TrainingError("there is nothing to learn")

    seen = fits(train)
    with pytest.raises(TrainingError, match="there is nothing to learn"):
        look(label_task, tmp_path)
    assert len(seen) < len(STRENGTHS["strength"].values)


def test_the_budget_stops_a_trial_and_more_budget_takes_it_up(
    label_task: Task, tmp_path: Path, fits: Callable[[Fit], list[float]],
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    clock = itertools.count(0, 0)
    monkeypatch.setattr(searching.time, "monotonic", lambda: next(clock))

    def train(approach: linear.Linear, task: Task, run: Run) -> None:
        nonlocal clock
        assert run.watch is not None
        clock = itertools.count(next(clock) + 40, 0)  # a trial takes 40 seconds
        run.watch(1, 0.5)

    seen = fits(train)
    found = look(label_task, tmp_path, minutes=1)
    assert [t.settings["strength"] for t in found.trials] == [30.0]
    assert found.reason == "the time is used up"
    stopped = seen[1]
    assert len(seen) == 2
    assert len(look(label_task, tmp_path, minutes=1).trials) == 1
    assert len(seen) == 2
    found = look(label_task, tmp_path, minutes=2.5)
    assert found.trials[1].settings["strength"] == stopped == seen[2]


def test_one_trial_is_finished_whatever_the_budget(label_task: Task, tmp_path: Path):
    assert len(look(label_task, tmp_path, minutes=0).trials) == 1


def test_without_dev(label_task: Task, tmp_path: Path):
    splits = {s: e for s, e in label_task.splits.items() if s != "dev"}
    with pytest.raises(BenchmarkError, match="dev"):
        look(replace(label_task, splits=splits), tmp_path)


def test_one_search_at_a_time(label_task: Task, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "lock.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="cannot search"):
        look(label_task, tmp_path, trials=1)
    other.close()
    assert look(label_task, tmp_path, trials=1).trials


def test_another_space_is_another_study(label_task: Task, tmp_path: Path):
    look(label_task, tmp_path, trials=2)
    other = search(
        label_task, "linear", tmp_path, 60, {"strength": Options((2.0, 3.0))}, quiet=True
    )
    assert {t.settings["strength"] for t in other.trials} == {2.0, 3.0}
    assert len(look(label_task, tmp_path, trials=2).trials) == 2


def test_a_file_that_is_no_study(label_task: Task, tmp_path: Path):
    (tmp_path / "study.sqlite").write_text("not a database, and long enough to look like none" * 9)
    with pytest.raises(StoreError, match="cannot open"):
        look(label_task, tmp_path, trials=1)


# ---- killed ------------------------------------------------------------------------------------

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["sklearn.linear_model", "optuna", "sqlalchemy"])


def test_a_killed_search_ends_as_one_that_was_not(label_task: Task, tmp_path: Path):
    whole = look(label_task, tmp_path / "whole", trials=6)
    _search_and_die(label_task, tmp_path / "killed", call=3)
    found = look(label_task, tmp_path / "killed", trials=6)
    assert _told(found) == _told(whole)


def test_settings_that_kill_the_process_twice_are_given_up(label_task: Task, tmp_path: Path):
    for call in (2, 1):
        _search_and_die(label_task, tmp_path, call)
    found = look(label_task, tmp_path, trials=3)
    (given_up,) = [t for t in found.trials if t.outcome == "failed"]
    assert "memory" in given_up.note
    assert found.trials.index(given_up) == 1


def _told(found: Found) -> list[Any]:
    return [(t.settings, t.outcome, t.value) for t in found.trials]


def _search_and_die(task: Task, out: Path, call: int) -> None:
    process = _processes.Process(target=_die, args=(task, out, call))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _die(task: Task, out: Path, call: int) -> None:
    fit, calls = linear.Linear.fit, itertools.count(1)

    def deadly(self: linear.Linear, task: Task, run: Run) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return fit(self, task, run)

    linear.Linear.fit = deadly  # type: ignore[method-assign]
    look(task, out, trials=6)


# ---- with weights ------------------------------------------------------------------------------


@pytest.fixture
def tuned(label_task: Task, checkpoint: Path) -> Task:
    rung = Rung(approach="fine_tuned", name="tuned", settings={"limit": 16, "epochs": 1})
    changes = {"rungs": (rung,), "model": str(checkpoint)}
    return replace(label_task, spec=label_task.spec.model_copy(update=changes))


def test_training_tells_its_loss(tuned: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reports: list[tuple[int, float]] = []
    report = searching._Watch._report

    def reporting(self: Any, part: int, value: float) -> None:
        reports.append((part, value))
        report(self, part, value)

    monkeypatch.setattr(searching._Watch, "_report", reporting)
    space = {"learning_rate": Options((1e-3, 1e-2)), "rank": Options((4, 16))}
    found = search(tuned, "tuned", tmp_path, 60, space, trials=2, quiet=True)
    assert [t.outcome for t in found.trials] == ["done", "done"]
    training = [r for r in reports if r[0] < 1000]
    dev = [r for r in reports if r[0] >= 1000]
    assert [part for part, _ in training] == [10, 20] * 2  # 16 rows, 8 a step
    assert all(value < 0 for _, value in training)
    assert all(0 <= value <= 1 for _, value in dev)
    assert {"limit", "epochs", "learning_rate", "rank"} == found.settings.keys()
