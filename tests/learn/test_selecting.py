"""A pool, a climb and a strategy: what is chosen, and what never is."""

from dataclasses import replace
from pathlib import Path

import pytest
from climbs import hurry
from labelling import study_with_pool

from tailorbird.climbing import climb
from tailorbird.errors import StoreError, TaskError
from tailorbird.learn import select as selecting
from tailorbird.learn.records import key_of
from tailorbird.learn.select import Request, Selection, select
from tailorbird.learn.strategies.base import make_strategy
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return study_with_pool(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    hurry()
    folder = tmp_path_factory.mktemp("runs")
    climb(task, folder, quiet=True)
    return folder


def chosen(task: Task, out: Path, n: int, strategy: str = "combined", **more: object) -> Selection:
    queued = more.pop("queued", ())
    request = Request(n, make_strategy(strategy, {}), strategy, vectors="tfidf", **more)  # type: ignore[arg-type]
    return select(task, out, request, queued, quiet=True)  # type: ignore[arg-type]


def ids(selection: Selection) -> list[str]:
    return [e.example.id for e in selection.entries]


@pytest.mark.parametrize("strategy", names("learn.strategies"))
def test_equal_seeds_choose_equal_rows(task: Task, out: Path, strategy: str):
    found = chosen(task, out, 5, strategy)
    assert found == chosen(task, out, 5, strategy)
    assert len(set(ids(found))) == 5
    assert {e.example.target for e in found.entries} == {None}
    assert [e.priority for e in found.entries] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])


def test_all_of_a_pool_and_none(task: Task, out: Path):
    everything = chosen(task, out, 99)
    assert (everything.pool, everything.considered) == (23, 23)
    assert sorted(ids(everything)) == sorted(e.id for e in task.unlabelled)
    assert chosen(task, out, 0).entries == ()


def test_what_is_labelled_queued_or_tested_is_never_chosen(task: Task, out: Path):
    """However it came into the pool."""
    tested, trained = task.examples("test")[0], task.examples("train")[5]
    strays = (
        Example("stray 1", tested.text.upper()),
        Example("stray 2", f" {trained.text}", trained.target),
    )
    waiting = [key_of(e) for e in task.unlabelled[:3]]
    pool = replace(task, unlabelled=(*strays, *task.unlabelled))
    found = chosen(pool, out, 99, queued=waiting)
    assert sorted(ids(found)) == sorted(e.id for e in task.unlabelled[3:])
    assert found.left_out == {
        "the same input stands in test": 1,
        "labelled already": 1,
        "in the queue already": 3,
    }


def test_the_same_question_is_queued_once(task: Task, out: Path):
    """A queue holds one item for each question: a second would be chosen for nothing."""
    question = Message("user", "Do you sell boats?")
    told = [
        Example(text, (Message("system", text), question)) for text in ("Be kind.", "Be brief.")
    ]
    found = chosen(replace(task, unlabelled=(*told, *task.unlabelled)), out, 99)
    assert (found.pool, len(found.entries)) == (24, 24)
    assert found.left_out == {"another row of the pool asks the same": 1}
    again = chosen(replace(task, unlabelled=told), out, 99, queued=[key_of(told[0])])
    assert again.left_out == {"in the queue already": 2}


def test_the_best_rung_suggests(task: Task, out: Path):
    found = chosen(task, out, 3)
    assert found.rungs == ("linear",)
    assert {e.suggestion for e in found.entries} <= set(task.labels)
    assert chosen(task, out, 3, rungs=("nearest",)).rungs == ("nearest",)
    assert set(chosen(task, out, 3, "disagreement").rungs) == {"linear", "nearest"}
    with pytest.raises(TaskError, match='no rung "lineer"; did you mean "linear"'):
        chosen(task, out, 3, rungs=("lineer",))


def test_without_a_climb_rows_stand_for_others(task: Task, tmp_path: Path):
    found = chosen(task, tmp_path, 4)
    assert (found.rungs, found.spots) == ((), None)
    assert found.entries[0].suggestion is None
    assert "stands for about" in found.entries[0].why
    with pytest.raises(TaskError, match="no rung of the climb gives probabilities"):
        chosen(task, tmp_path, 4, "margin")
    with pytest.raises(StoreError, match="no finished climb"):
        chosen(task, tmp_path, 4, rungs=("linear",))


def test_a_rung_is_asked_once(task: Task, out: Path, monkeypatch: pytest.MonkeyPatch):
    first = chosen(task, out, 4, "margin")

    def refuse(*args: object) -> None:
        raise AssertionError("the rung was asked again")

    monkeypatch.setattr("tailorbird.approaches.linear.LinearSolver.predict", refuse)
    assert chosen(task, out, 4, "margin") == first


def test_a_large_pool_is_sampled(task: Task, out: Path):
    found = chosen(task, out, 4, consider=6)
    assert (found.pool, found.considered) == (23, 6)
    assert set(ids(chosen(task, out, 6, consider=6))) < set(ids(chosen(task, out, 9, consider=9)))


def test_control_items_are_training_rows_with_their_labels(task: Task, out: Path):
    found = chosen(task, out, 4, controls=3)
    controls = [e for e in found.entries if e.purpose == "control"]
    assert len(found.entries) == 7
    assert len(controls) == 3
    targets = {e.id: e.target for e in task.examples("train")}
    assert all(e.gold == targets[e.example.id] for e in controls)
    assert {(e.why, e.suggestion) for e in found.entries} == {("one of a batch", None)}
    priorities = [e.priority for e in found.entries]
    assert priorities == sorted(priorities, reverse=True)


def test_weak_spots_of_dev_come_along(task: Task, out: Path):
    spots = chosen(task, out, 0).spots
    assert spots is not None
    assert spots.overall is not None
    assert (spots.rung, spots.overall.n) == ("linear", len(task.examples("dev")))


def test_a_task_without_a_pool(task: Task, out: Path):
    with pytest.raises(TaskError, match="no inputs without labels"):
        chosen(replace(task, unlabelled=()), out, 3)


def test_failed_answers_are_as_unsure_as_can_be():
    from tailorbird.task.types import Prediction

    answers = [Prediction("a", {"a": 0.9, "b": 0.1}, 0.9), Prediction("", error="timeout")]
    opinion = selecting._opinion("linear", answers)
    assert opinion.probabilities is not None
    assert opinion.confidence is not None
    assert opinion.probabilities.tolist() == [[0.9, 0.1], [0.5, 0.5]]
    assert opinion.confidence.tolist() == [0.9, 0.0]
