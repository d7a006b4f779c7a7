"""Stages, adapters and objectives as a task file names them; killed runs; refusals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.approaches.base import Run, load_solver, make_approach, save_solver
from tailorbird.errors import TaskError, TrainingError
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison
from tailorbird.train.policy import make_adapter
from tailorbird.train.recipe import usual_rate

BRIEF = {"epochs": 1, "batch_size": 8}


def with_more(task: Task) -> Task:
    """The task with two ranked answers per training question, and its documents as raw text."""
    train = task.examples("train")
    pairs = tuple(
        Comparison(f"c{i}", e.input, (str(e.target), str(train[i - 1].target)))
        for i, e in enumerate(train)
        if e.target != train[i - 1].target
    )
    return replace(task, comparisons=pairs, texts=tuple(d.text for d in task.documents))


def tuned(task: Task, run: Run, **settings: Any) -> Any:
    return make_approach("fine_tuned", BRIEF | settings).fit(task.without_test(), run)


@pytest.mark.parametrize(
    "settings",
    [
        {"adapter": "full", "objective": "pretrain"},
        {"adapter": {"dora": {"rank": 4}}, "start": {}, "objective": {"dpo": {"beta": 0.3}}},
        {"adapter": "ia3", "objective": "orpo"},
        {"adapter": {"prompt": {"tokens": 4}}, "recipe": {"accumulation": 2}},
        {"start": {"start": {"objective": "pretrain"}}, "objective": "kto"},
    ],
    ids=["full", "dpo-after-sft", "orpo", "soft-prompt", "three-stages"],
)
def test_what_was_tuned_answers_again_after_saving(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run], tmp_path: Path, settings: Any
) -> None:
    task = with_more(answer_task)
    solver = tuned(task, run(checkpoint), **settings)
    asked = task.examples("test")[:4]
    said = [p.text for p in solver.predict(asked)]
    save_solver(solver, "fine_tuned", tmp_path / "solver")
    assert [p.text for p in load_solver(tmp_path / "solver").predict(asked)] == said


def test_a_later_stage_goes_on_from_the_earlier_one(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run], tmp_path: Path
) -> None:
    once = replace(run(checkpoint), folder=tmp_path / "once")
    twice = replace(run(checkpoint), folder=tmp_path / "twice")
    alone = {"adapter": "full", "learning_rate": 1e-2}
    tuned(answer_task, once, **alone)
    tuned(answer_task, twice, **alone, start={"epochs": 12, "learning_rate": 1e-2})
    first = read_jsonl(once.folder / "training" / "log.jsonl")
    then = read_jsonl(twice.folder / "training" / "log.jsonl")
    assert read_jsonl(twice.folder / "stage-1" / "training" / "log.jsonl") != []
    assert then[0]["loss"] < 0.9 * first[0]["loss"]


def test_a_stage_that_was_finished_is_not_trained_again(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    class Killed(BaseException):
        pass

    def kill(step: int, loss: float) -> None:
        if (here.folder / "stage-1" / "trained.safetensors").is_file():
            raise Killed

    here = run(checkpoint, watch=kill)
    settings = {"start": {}, "learning_rate": 1e-3}
    with pytest.raises(Killed):
        tuned(answer_task, here, **settings)
    before = (here.folder / "stage-1" / "training" / "training.json").read_bytes()
    resumed = tuned(answer_task, replace(here, watch=None), **settings)
    assert (here.folder / "stage-1" / "training" / "training.json").read_bytes() == before
    whole = tuned(answer_task, replace(here, watch=None, folder=here.folder / "whole"), **settings)
    asked = answer_task.examples("test")
    assert [p.text for p in resumed.predict(asked)] == [p.text for p in whole.predict(asked)]


def test_the_rate_suits_adapter_and_width(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    here = run(checkpoint)
    tuned(answer_task, here, adapter="full", recipe={"warmup_steps": 0, "schedule": "constant"})
    width = read_json(checkpoint / "config.json")["hidden_size"]
    logged = read_jsonl(here.folder / "training" / "log.jsonl")[0]["learning_rate"]
    assert logged == pytest.approx(make_adapter("full").rate * usual_rate(width))
    assert usual_rate(192) * make_adapter("lora").rate == pytest.approx(3e-3, rel=0.05)
    assert usual_rate(4096) * make_adapter("lora").rate == pytest.approx(3e-4, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"objective": "dpoo"}, 'no objective is called "dpoo".*dpo'),
        ({"objective": {"dpo": {"betta": 1}}}, 'dpo has no setting "betta".*beta'),
        ({"adapter": "lorra"}, 'no adapter is called "lorra".*lora'),
        ({"adapter": {"lora": {"rank": 2}}, "rank": 4}, "rank goes with"),
        ({"adapter": "full", "rank": 4}, "rank goes with"),
        ({"start": {"adapter": "full"}}, "trains the same adapter"),
        ({"start": {"epoch": 1}}, 'no setting "epoch".*epochs'),
        ({"recipe": {"acumulation": 2}}, "acumulation.*accumulation"),
        ({"objective": "dpo"}, "names none"),
        ({"objective": "pretrain"}, "names none"),
        ({"abstain_by": "search"}, "the search decides when to abstain, and there is no search"),
        ({"abstain_by": "search", "retrieve": "hybrid"}, "a first rank is no nearness"),
        ({"start": {"abstain_by": "search"}}, "start trains the same adapter"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run], settings: Any, said: str
) -> None:
    with pytest.raises((TaskError, TrainingError), match=said):
        tuned(answer_task, run(checkpoint), **settings)


def test_where_the_search_abstains_the_model_learns_to_answer(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    settings = {"retrieve": "dense", "passages": 1, "abstain_by": "search", "redraw": 0.0}
    here = run(checkpoint)
    solver = tuned(answer_task, here, **settings)
    rows = read_json(here.folder / "rows.json")
    answerable = [e for e in answer_task.examples("train") if e.answerable]
    assert 0 < len(answerable) < len(answer_task.examples("train"))
    assert rows == {"rows": len(answerable), "dropped": {}}
    assert solver.abstention.above > 1
