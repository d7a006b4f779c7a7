"""Rewards: the marks of scorers, what a reward model says, and both."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tailorbird.errors import ModelError, TaskError
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison, Example
from tailorbird.train.material import Material
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.reward_head import add_head
from tailorbird.train.reward_model import RewardModel
from tailorbird.train.rewards import make_reward


@pytest.fixture
def material(answer_task: Task, checkpoint: Path) -> Material:
    chat = Chat(load_parts(str(checkpoint))[1])
    examples = answer_task.examples("train")
    return Material(answer_task, chat, examples, lambda e, _: e.turns, context=512)


def asked(material: Material, start: str) -> Example:
    return next(e for e in material.examples if start in e.text)


def test_marks_are_weighted_and_those_of_faults_taken_off(material: Material) -> None:
    example = asked(material, "what does standard delivery cost")
    texts = ["It costs £4.50.", "It costs £4.50, and £99 on Sundays.", "I do not know."]
    facts = make_reward("facts", material)([example] * 3, texts)
    assert facts == [1.0, 1.0, 0.0]
    both = make_reward({"facts": 2.0, "unsupported": 0.5}, material)([example] * 3, texts)
    assert both == [2.0, 1.5, 0.0]


def test_without_settings_it_is_what_the_bar_asks_for(material: Material) -> None:
    example = asked(material, "what does standard delivery cost")
    assert make_reward(None, material)([example], ["£4.50"]) == [1.0]


def test_a_reward_model_judges(material: Material, checkpoint: Path, tmp_path: Path) -> None:
    policy = add_head(attach(load_parts(str(checkpoint))[0], LoRA(2), seed=0))
    torch.nn.init.normal_(policy.reward_head.weight)
    model = RewardModel(policy.eval(), material.chat)
    model.save(tmp_path, str(checkpoint))
    examples, texts = material.examples[:3], ["Within 14 days.", "Never.", "It costs £12."]
    expected = model.score([e.turns for e in examples], texts)
    judged = make_reward({"model": str(tmp_path)}, material)
    assert judged(examples, texts) == pytest.approx(expected, abs=1e-5)
    added = make_reward({"model": str(tmp_path), "exact": 0.5}, material)
    exact = make_reward({"exact": 0.5}, material)(examples, texts)
    assert added(examples, texts) == pytest.approx([a + b for a, b in zip(expected, exact)])
    assert all(judged.marks(e) and added.marks(e) for e in examples)


def test_a_reward_model_is_trained_on_preferences(
    material: Material, checkpoint: Path, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match="ranked answers"):
        make_reward({"model": "preferences"}, replace(material, folder=tmp_path))
    pairs = tuple(
        Comparison(str(i), e.text, (f"{e.target}", f"{e.target} Sorry, sorry."))
        for i, e in enumerate(material.examples)
    )
    known = replace(
        material,
        task=replace(material.task, comparisons=pairs),
        folder=tmp_path,
        quiet=True,
        model=str(checkpoint),
    )
    judged = make_reward({"model": "preferences"}, known)
    texts = [str(e.target) for e in known.examples]
    marks = judged(known.examples, texts)
    assert marks != judged(known.examples, [f"{t} Sorry, sorry." for t in texts])
    assert make_reward({"model": "preferences"}, known)(known.examples, texts) == marks
    assert len(list(tmp_path.glob("reward_model/reward_model.json"))) == 1


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ("facs", TaskError, 'did you mean "facts"'),
        ({"facts": 0.0}, TaskError, "the weight 0"),
        ({"facts": "much"}, TaskError, "the weight much"),
        ({}, TaskError, "names no scorer"),
        ({"model": "no-such-folder"}, ModelError, "no reward model in no-such-folder"),
    ],
)
def test_mistakes_are_refused(material: Material, settings: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        make_reward(settings, material)
