"""A reward model scores each answer alone, learns, resumes, and is the same after saving."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tailorbird.errors import ModelError, TrainingError
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison, Message
from tailorbird.train.adapters.full import Full
from tailorbird.train.adapters.prompt import ADAPTER as Prompt
from tailorbird.train.engine import WEIGHTS
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.reward import Reward
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.recipe import Recipe
from tailorbird.train.reward_head import add_head, rewards_of
from tailorbird.train.reward_model import RewardModel, fit

THINGS = ("kettle", "desk lamp", "rucksack", "toaster", "armchair", "radio")
RECIPE = Recipe(learning_rate=1e-2, batch_size=6, warmup_steps=0, save_every=2)


@pytest.fixture
def material(answer_task: Task, checkpoint: Path, tmp_path: Path) -> Material:
    found = tuple(
        Comparison(t, f"Where is the {t}?", ("It costs £12.", "No.", "It costs £4.50."))
        for t in THINGS
    )
    task = replace(answer_task, comparisons=found)
    chat = Chat(load_parts(str(checkpoint))[1])
    return Material(
        task, chat, (), lambda example, _: example.turns, context=512, epochs=8,
        model=str(checkpoint), folder=tmp_path / "reward", quiet=True,
    )  # fmt: skip


def asked(thing: str) -> tuple[Message, ...]:
    return (Message("user", f"Where is the {thing}?"),)


ASKED = [asked("teapot")] * 3 + [asked("bookcase, the tall one from the window")]
ANSWERS = ["It costs £12.", "It costs £4.50.", "", "It is far away, " * 6]


def test_a_head_begins_at_zero_and_reads_the_last_token(checkpoint: Path) -> None:
    model, tokenizer = load_parts(str(checkpoint))
    policy = add_head(attach(model, LoRA(rank=2), seed=0))
    scorer = RewardModel(policy.eval(), Chat(tokenizer))
    assert scorer.score(ASKED, ANSWERS) == [0.0] * 4
    torch.nn.init.normal_(policy.reward_head.weight)
    found = scorer.score(ASKED, ANSWERS)
    for prompt, answer, value in zip(ASKED, ANSWERS, found, strict=True):
        ids = torch.tensor([scorer.chat.row(prompt, answer).tokens])
        hidden = policy.get_base_model().model(input_ids=ids).last_hidden_state[0, -1]
        assert value == pytest.approx(float(policy.reward_head(hidden).detach()), rel=1e-4)
    assert scorer.score([], []) == []
    padded = Layout(scorer.chat.pad)([scorer.chat.row(p, a) for p, a in zip(ASKED, ANSWERS)])
    assert rewards_of(policy, padded).tolist() == pytest.approx(found, rel=1e-4)


class Wrapped(nn.Module):
    """What DistributedDataParallel looks like from outside."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.called = 0

    def forward(self, **inputs: Any) -> Any:
        self.called += 1
        return self.module(**inputs)


@pytest.mark.parametrize("end_to_end", [False, True])
def test_rewards_pass_through_forward_on_several_processes(
    end_to_end: bool, material: Material, checkpoint: Path
) -> None:
    policy = add_head(attach(load_parts(str(checkpoint))[0], LoRA(rank=2), seed=0))
    torch.nn.init.normal_(policy.reward_head.weight)
    ours = Reward(layout=Layout(material.chat.pad, end_to_end))
    batch = ours.collate([{"row": row} for row in ours.rows(material)[:3]])
    around = Wrapped(policy)
    loss = ours.loss(around, batch)[0]
    assert around.called == 1
    torch.testing.assert_close(loss, ours.loss(policy, batch)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("adapter", [LoRA(rank=4), Full()], ids=["lora", "full"])
def test_learns_and_is_the_same_after_saving(adapter: Any, material: Material) -> None:
    recipe = replace(RECIPE, learning_rate=1e-2 if isinstance(adapter, LoRA) else 3e-3)
    model = fit(material, Reward(), adapter, recipe)
    found = model.score(ASKED, ANSWERS)
    assert found[0] > found[1] + 0.5
    assert not list((material.folder / "training").glob("checkpoint-*"))
    again = RewardModel.load(material.folder)
    assert again.score(ASKED, ANSWERS) == pytest.approx(found, rel=1e-5)
    assert not any(p.requires_grad for p in again.model.parameters())
    # One that is there is not trained again: this objective could not be.
    assert fit(material, None, adapter, recipe).score(ASKED, ANSWERS) == pytest.approx(found)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Interrupted(Reward):
    """Stops, as Ctrl-C would, once a checkpoint is there."""

    folder: Path = Path()

    def loss(self, model: Any, batch: Any) -> Any:
        if list(self.folder.glob("checkpoint-4")):
            raise KeyboardInterrupt
        return super().loss(model, batch)


def test_a_killed_training_goes_on_to_the_same_weights(material: Material) -> None:
    whole = fit(material, Reward(), LoRA(rank=4), RECIPE).score(ASKED, ANSWERS)
    shutil.rmtree(material.folder)
    with pytest.raises(KeyboardInterrupt):
        fit(material, Interrupted(folder=material.folder / "training"), LoRA(rank=4), RECIPE)
    assert (material.folder / "training" / "checkpoint-4" / WEIGHTS).is_file()
    assert fit(material, Reward(), LoRA(rank=4), RECIPE).score(ASKED, ANSWERS) == whole


def test_what_does_not_fit_is_said(material: Material, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no reward model in"):
        RewardModel.load(tmp_path)
    model, tokenizer = load_parts(str(checkpoint))
    scorer = RewardModel(add_head(attach(model, LoRA(rank=2), seed=0)), Chat(tokenizer))
    with pytest.raises(ModelError, match="and the context 512"):
        scorer.score(ASKED[:1], ["word " * 600])
    scorer.save(tmp_path / "saved", str(checkpoint))
    record = read_json(tmp_path / "saved" / "reward_model.json")
    write_json(tmp_path / "saved" / "reward_model.json", record | {"chat_template_sha256": "0"})
    with pytest.raises(ModelError, match="another chat template"):
        RewardModel.load(tmp_path / "saved")


def test_no_head_and_no_place_for_one(material: Material, checkpoint: Path) -> None:
    model = load_parts(str(checkpoint))[0]
    batch = Reward().collate([{"row": row} for row in Reward().rows(material)[:2]])
    with pytest.raises(TrainingError, match="rewards need a head"):
        Reward().loss(model, batch)
    with pytest.raises(ModelError, match="cannot stand on virtual tokens"):
        add_head(attach(model, Prompt(), seed=0, tokenizer=load_parts(str(checkpoint))[1]))
