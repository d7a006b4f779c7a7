"""GRPO: its advantages and its loss by hand, its suite, and that it learns."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from train.game import Player, undecided

from tailorbird.errors import TaskError, TrainingError
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.store import read_jsonl
from tailorbird.task.types import Message
from tailorbird.testing import check_objective
from tailorbird.train.objectives.base import Layout, make_objective
from tailorbird.train.objectives.grpo import GRPO, clipped_surrogate, group_advantages
from tailorbird.train.rollout import Credited


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(undecided(tmp_path_factory.mktemp("grpo")))


def answers(player: Player, objective: GRPO) -> list[Credited]:
    """Of a first rollout, with their credit."""
    prompts = objective.rows(player.material)
    steps, _ = objective.rollout(player.policy, prompts[:5], 0)
    return [row for step in steps[: objective.minibatches] for row in step]


@torch.no_grad()
def move(policy: Any) -> None:
    draw = torch.Generator().manual_seed(3)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            weight += 0.15 * torch.randn(weight.shape, generator=draw)


# ---- by hand -----------------------------------------------------------------------------------


def test_advantages_are_standardised_within_the_group() -> None:
    rewards = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.5, 0.5, 0.5, 0.5], [3.0, 0.0, 0.0, 1.0]])
    scaled, plain = (group_advantages(rewards, scale) for scale in ("group", "none"))
    torch.testing.assert_close(plain[2], torch.tensor([2.0, -1.0, -1.0, 0.0]))
    assert not scaled[1].any()
    deviation = math.sqrt((4 + 1 + 1 + 0) / 3)
    torch.testing.assert_close(scaled[2], plain[2] / (deviation + 1e-4))


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.0, 2.0, -2.0),
        (1.5, 2.0, -2.56),  # up to 1.28 only
        (0.5, 2.0, -1.0),  # a better answer that became less likely counts in full
        (1.5, -2.0, 3.0),  # and a worse one that became likelier
        (0.5, -2.0, 1.6),  # down to 0.8 only
    ],
)
def test_the_ratio_counts_within_its_bounds(ratio: float, advantage: float, loss: float) -> None:
    made = clipped_surrogate(torch.tensor(ratio), torch.tensor(advantage), 0.2, 0.28)
    assert float(made) == pytest.approx(loss)


@pytest.mark.parametrize("average", ["tokens", "answers", "longest"])
@pytest.mark.parametrize("end_to_end", [False, True])
def test_the_loss_is_that_of_every_answer_alone(
    base: str, tmp_path: Path, average: Any, end_to_end: bool
) -> None:
    player = Player(base, tmp_path)
    settings = GRPO(
        samples=4, beta=0.3, epsilon=0.1, epsilon_high=0.3, average=average, epochs=2,
        temperature=1.3,
    )  # fmt: skip
    objective = player.bound(settings, end_to_end)
    rows = answers(player, objective)
    move(player.policy)
    batch = objective.collate([{"row": r} for r in rows])
    loss, watched = objective.loss(player.policy, batch)
    total, moved = 0.0, 0
    for row in rows:
        ids = torch.tensor([row.tokens])
        logits = player.policy(input_ids=ids).logits[0] / 1.3
        places = [i for i, on in enumerate(row.learned) if on]
        answer = 0.0
        for n, i in enumerate(places):
            now = logits[i - 1].log_softmax(-1)[row.tokens[i]].item()
            credit = {name: values[n] for name, values in row.credit.items()}
            ratio = math.exp(now - credit["before"])
            moved += ratio < 0.9 or ratio > 1.3
            bounded = min(max(ratio, 0.9), 1.3)
            gain = min(ratio * credit["advantage"], bounded * credit["advantage"])
            away = credit["reference"] - now
            answer += 0.3 * ratio * (math.exp(away) - away - 1) - gain
        total += answer / {"tokens": 1, "answers": len(places), "longest": 3}[average]
    assert moved
    assert loss.item() == pytest.approx(total, rel=1e-5, abs=1e-4)
    tokens = sum(sum(row.learned) for row in rows)
    assert float(objective.weight(batch)) == (tokens if average == "tokens" else len(rows))
    assert float(watched["entropy"].count) == tokens


# ---- the suite ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [GRPO(), GRPO(beta=0.0, average="longest"), GRPO(average="answers", temperature=0.7)],
    ids=["tokens", "longest", "answers"],
)
def test_grpo_conforms(checkpoint: Path, settings: GRPO) -> None:
    model, tokenizer = load_parts(str(checkpoint))
    chat = Chat(tokenizer)
    rows = [chat.row((Message("user", "Refund? " * n),), "It depends. " * n) for n in (1, 3, 2, 5)]
    before = replace(settings, layout=Layout(chat.pad)).logprobs(model, rows)
    credit = {"advantage": (0.5, -1.0, 1.5, -0.2), "share": (1.0, 0.5, 0.25, 0.2)}
    made = [
        Credited(
            row,
            {name: [values[i]] * len(before[i]) for name, values in credit.items()}
            | {"before": (before[i] + 0.1).tolist(), "reference": (before[i] - 0.2).tolist()},
        )
        for i, row in enumerate(rows)
    ]
    check_objective(replace(settings, layout=Layout(chat.pad)), made, model)


# ---- learning ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [GRPO(samples=4), GRPO(samples=4, beta=0.0, epochs=2, minibatches=2, scale="none")]
)
def test_it_learns_which_word_is_right(base: str, tmp_path: Path, settings: GRPO) -> None:
    player = Player(base, tmp_path, epochs=12 // settings.epochs)
    objective = player.bound(settings)
    before = player.right()
    player.learn(objective, learning_rate=0.01)
    assert before < 0.6
    assert player.right() > 0.9
    logs = read_jsonl(tmp_path / "training/log.jsonl")
    assert sum("reward" in row for row in logs) == 24 // settings.epochs
    assert ("kl" in logs[-1]) == (settings.beta > 0)


def test_no_reference_is_kept_without_beta(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    assert player.bound(GRPO(beta=0.0)).live.reference is None
    objective = player.bound(GRPO(beta=0.1, samples=2))
    rows = answers(player, objective)
    assert "reference" in rows[0].credit
    assert "before" not in rows[0].credit  # one step: the answers are of the model that learns


def test_answers_that_cannot_be_cut_are_refused(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    objective = player.bound(GRPO(samples=2, minibatches=5))
    with pytest.raises(TrainingError, match="4 answers of a rollout cannot be cut into 5 parts"):
        player.learn(objective, batch_size=2)


def test_mistaken_settings_are_refused(base: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match='did you mean "samples"'):
        make_objective({"grpo": {"sample": 8}})
    with pytest.raises(TaskError, match="greater than or equal to 2"):
        make_objective({"grpo": {"samples": 1}})
    player = Player(base, tmp_path)
    for reward, said in (
        ("exakt", 'did you mean "exact"'),
        ({"exact": -1.0}, "a weight is a number above 0"),
        ({}, "names no scorer"),
    ):
        with pytest.raises(TaskError, match=said):
            player.bound(replace(GRPO(), reward=reward))
