"""Every rung, through the suite that any implementation is run through."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint

from tailorbird.approaches.base import Run, load_solver, make_approach, save_solver
from tailorbird.errors import ModelError, TaskError
from tailorbird.registry import module, names
from tailorbird.task.benchmark import Task
from tailorbird.testing import check_approach

BRIEF = {"epochs": 1, "batch_size": 16, "rank": 4}
LABEL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("majority", {}),
    ("nearest", {}),
    ("linear", {}),
    ("encoder", {}),
    ("zero_shot", {}),
    ("few_shot", {"shots": 3}),
    ("few_shot", {"shots": 3, "select": "similar"}),
    ("prompt_search", {"shots": 2, "candidates": 6, "budget": 60}),
    ("fine_tuned", BRIEF),
    ("classification_head", BRIEF),
    ("classification_head", {"adapter": "full", "epochs": 1, "class_weights": True}),
)
ANSWER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("majority", {}),
    ("nearest", {"by": "hybrid"}),
    ("linear", {}),
    ("encoder", {}),
    ("zero_shot", {"instructions": "Answer."}),
    ("few_shot", {"shots": 2, "select": "similar", "by": "dense"}),
    ("prompt_search", {"candidates": 4, "budget": 60, "retrieve": "sparse", "writer": True}),
    ("quote", {}),
    ("quote", {"by": "dense", "passages": 2, "calibrate": True}),
    ("rag", {"passages": 2}),
    ("rag", {"by": "dense", "calibrate": True}),
    ("classification_head", {"adapter": "none", "epochs": 1}),
    ("fine_tuned", BRIEF | {"retrieve": "sparse", "passages": 2}),
    ("fine_tuned", BRIEF | {"retrieve": "sparse", "limit": 8, "calibrate": True}),
    ("fine_tuned", BRIEF | {"retrieve": "dense", "limit": 8, "abstain_by": "search"}),
)
PROMPTED = {"zero_shot", "few_shot", "prompt_search", "rag"}


def of(cases: tuple[tuple[str, dict[str, Any]], ...], only: set[str] | None = None) -> Any:
    chosen = [(n, s) for n, s in cases if only is None or n in only]
    return pytest.mark.parametrize(
        ("name", "settings"), chosen, ids=[f"{n}-{s}" for n, s in chosen]
    )


ELSEWHERE = {"best_of", "multi_task", "self_trained"}
"""Those that need more than a small task: run through the suite in tests/approaches."""


def test_no_approach_is_forgotten():
    assert {name for name, _ in LABEL + ANSWER} | ELSEWHERE == set(names("approaches"))


@of(LABEL)
def test_approach_conforms_on_labels(
    name: str, settings: dict[str, Any], label_task: Task, checkpoint: Path, run: Callable[..., Run]
):
    check_approach(make_approach(name, settings), label_task, run(checkpoint))


@of(ANSWER)
def test_approach_conforms_on_answers(
    name: str,
    settings: dict[str, Any],
    answer_task: Task,
    checkpoint: Path,
    run: Callable[..., Run],
):
    check_approach(make_approach(name, settings), answer_task, run(checkpoint))


@of(LABEL, PROMPTED)
def test_prompting_rung_conforms_on_an_endpoint_with_labels(
    name: str,
    settings: dict[str, Any],
    label_task: Task,
    fake_endpoint: FakeEndpoint,
    run: Callable[..., Run],
):
    check_approach(make_approach(name, settings), label_task, run(fake_endpoint.spec))
    assert fake_endpoint.answered > 0


@of(ANSWER, PROMPTED)
def test_prompting_rung_conforms_on_an_endpoint_with_answers(
    name: str,
    settings: dict[str, Any],
    answer_task: Task,
    fake_endpoint: FakeEndpoint,
    run: Callable[..., Run],
):
    check_approach(make_approach(name, settings), answer_task, run(fake_endpoint.spec))
    assert fake_endpoint.answered > 0


def test_fine_tuning_an_endpoint_is_refused_in_plain_words(
    label_task: Task, fake_endpoint: FakeEndpoint, run: Callable[..., Run]
):
    with pytest.raises(ModelError):
        make_approach("fine_tuned", {}).fit(label_task, run(fake_endpoint.spec))


@pytest.mark.parametrize("name", names("approaches"))
def test_unknown_setting_is_refused_with_the_nearest(name: str):
    with pytest.raises(TaskError, match=f'{name} has no setting "shotz"'):
        make_approach(name, {"shotz": 1})


@pytest.mark.parametrize("name", ["majority", "linear", "nearest"])
def test_a_saved_folder_says_which_approach_loads_it(
    name: str, label_task: Task, run: Callable[..., Run], tmp_path: Path
):
    solver = make_approach(name, {}).fit(label_task, run())
    save_solver(solver, name, tmp_path / "saved")
    assert type(load_solver(tmp_path / "saved")) is module("approaches", name).SOLVER
