"""Scorers, retrievers, language models, objectives and tasks, through their suites."""

import copy
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint

from tailorbird.models.base import LM
from tailorbird.models.cached import Cached
from tailorbird.models.http import Endpoint
from tailorbird.models.load import load_model
from tailorbird.models.scripted import Scripted
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison, Message, Prompt
from tailorbird.testing import (
    check_lm,
    check_objective,
    check_retriever,
    check_scorer,
    check_task,
)

PROMPTS: tuple[Prompt, ...] = (
    (Message("system", "Answer the customer."), Message("user", "What does a repair cost?")),
    (Message("system", "Answer the customer."), Message("user", "When do you open on Sunday?")),
    (Message("user", "Hello."), Message("assistant", "Good morning."), Message("user", "Refund?")),
    (Message("system", "Answer the customer."), Message("user", "Refund? " * 12)),
)


# ---- tasks and scorers -----------------------------------------------------------------------


def test_the_label_task_conforms(label_task: Task):
    check_task(label_task)


def test_the_answer_task_conforms(answer_task: Task):
    check_task(answer_task)


@pytest.mark.parametrize("scorer", names("task.scorers"))
def test_scorer_conforms(scorer: str, label_task: Task, answer_task: Task):
    task = label_task if scorer == "label" else answer_task
    check_scorer(scorer, _of_a_form(task) if scorer in ("pattern", "schema") else task)


def _of_a_form(task: Task) -> Task:
    """The same task with answers that are JSON strings, and the form that asks for them."""
    form = {"pattern": '".*"', "json_schema": {"type": "string"}}
    outputs = task.spec.outputs.model_copy(update=form)
    test = tuple(dataclasses.replace(e, target=json.dumps(e.target)) for e in task.examples("test"))
    return dataclasses.replace(
        task,
        spec=task.spec.model_copy(update={"outputs": outputs}),
        splits={**task.splits, "test": test},
    )


# ---- retrievers ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", names("retrieve"))
def test_retriever_conforms(kind: str):
    check_retriever(kind)


# ---- language models -------------------------------------------------------------------------


def test_scripted_conforms():
    check_lm(Scripted({"Refund": "yes please", "open": "nine o'clock"}, default="no"), PROMPTS)


def test_scripted_with_a_context_conforms():
    check_lm(Scripted({"Refund": "yes please"}, default="no", context=40), PROMPTS)


def test_a_local_checkpoint_conforms(checkpoint: Path):
    check_lm(load_model(str(checkpoint)), PROMPTS)


def test_an_endpoint_conforms(fake_endpoint: FakeEndpoint):
    check_lm(Endpoint.from_spec(fake_endpoint.spec), PROMPTS)


@pytest.fixture(params=["scripted", "local", "endpoint"])
def any_lm(
    request: pytest.FixtureRequest, checkpoint: Path, fake_endpoint: FakeEndpoint
) -> Iterator[LM]:
    if request.param == "scripted":
        yield Scripted({"Refund": "yes please"}, default="no")
    else:
        yield load_model(str(checkpoint) if request.param == "local" else fake_endpoint.spec)


def test_a_remembered_model_conforms_like_the_model(any_lm: LM, tmp_path: Path):
    check_lm(Cached(any_lm, tmp_path), PROMPTS)


# ---- objectives ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(checkpoint: Path) -> tuple[Any, Any]:
    from tailorbird.models.local import load_parts

    return load_parts(str(checkpoint))


@pytest.fixture(scope="module")
def rows(parts: tuple[Any, Any]) -> list[Any]:
    from tailorbird.models.chat import Chat

    chat = Chat(parts[1])
    return [chat.row(p, "It depends. " * n) for n, p in enumerate(PROMPTS, 1)]


def test_sft_conforms(parts: tuple[Any, Any], rows: list[Any]):
    from tailorbird.train.objectives.base import Layout
    from tailorbird.train.objectives.sft import SFT

    check_objective(SFT(Layout(parts[1].pad_token_id)), rows, parts[0])


def test_pretrain_conforms(parts: tuple[Any, Any], rows: list[Any]):
    from tailorbird.train.objectives.pretrain import Pretrain
    from tailorbird.train.rows import pack

    packed = list(pack(rows * 2, 96, parts[1].pad_token_id))
    check_objective(Pretrain(), packed, parts[0])


PREFERENCES = ("dpo", "ipo", "kto", "orpo", "ranking", "reward", "simpo")


@pytest.mark.parametrize("name", PREFERENCES)
def test_preference_objective_conforms(
    name: str, parts: tuple[Any, Any], answer_task: Task, tmp_path: Path
):
    from tailorbird.models.chat import Chat
    from tailorbird.registry import module
    from tailorbird.train.material import Material
    from tailorbird.train.objectives.base import Layout
    from tailorbird.train.reference import with_reference
    from tailorbird.train.reward_head import add_head

    ranked = [
        Comparison(str(n), prompt, ("It depends. " * n, "Never.", "Why? " * n)[: 2 + n % 2])
        for n, prompt in enumerate(PROMPTS, 1)
    ]
    chat = Chat(parts[1])
    task = dataclasses.replace(answer_task, comparisons=tuple(ranked))
    material = Material(task, chat, (), lambda example, _: example.turns, context=512)
    settings = {"group": 2} if name == "kto" else {}
    objective = module("train.objectives", name).OBJECTIVE(layout=Layout(chat.pad), **settings)
    model = copy.deepcopy(parts[0])
    rows = objective.rows(material)
    if objective.uses_reference:
        rows = with_reference(model, rows, objective.layout, tmp_path, quiet=True)
    check_objective(objective, rows, add_head(model) if name == "reward" else model)


ELSEWHERE = {"classify", "distill", "grpo", "ppo"}
"""Those with rows or models of their own: run through the suite in tests/train/objectives."""


def test_no_objective_is_forgotten():
    assert set(names("train.objectives")) == {"sft", "pretrain", *PREFERENCES, *ELSEWHERE}, (
        "run the new one through its suite"
    )
