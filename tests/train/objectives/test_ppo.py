"""PPO: its equations by hand, the value head, its suite, and that it learns."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train.game import Player, undecided

from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.store import read_jsonl
from tailorbird.task.types import Message
from tailorbird.testing import check_objective
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.ppo import (
    HEAD,
    PPO,
    Cost,
    _add_head,
    clipped_error,
    estimated_advantages,
    whitened,
)
from tailorbird.train.rollout import Credited, per_token


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(undecided(tmp_path_factory.mktemp("ppo")))


# ---- equations by hand -------------------------------------------------------------------------


def test_advantages_of_three_tokens_by_hand() -> None:
    rewards, values = torch.tensor([0.0, -0.1, 1.0]), torch.tensor([0.5, 0.2, 0.4])
    # Surprises: 0 + 0.9 * 0.2 - 0.5, -0.1 + 0.9 * 0.4 - 0.2, 1 - 0.4.
    last = 0.6
    middle = 0.06 + 0.9 * 0.8 * last
    first = -0.32 + 0.9 * 0.8 * middle
    made = estimated_advantages(rewards, values, 0.9, 0.8)
    assert made.tolist() == pytest.approx([first, middle, last])


@pytest.mark.parametrize(("discount", "trace"), [(1.0, 0.95), (0.97, 0.0), (0.9, 1.0)])
def test_advantages_are_the_sum_of_discounted_surprises(discount: float, trace: float) -> None:
    draw = np.random.default_rng(0)
    rewards, values = draw.normal(size=7), draw.normal(size=7)
    surprises = rewards + discount * np.append(values[1:], 0) - values
    expected = [
        sum((discount * trace) ** k * surprises[t + k] for k in range(7 - t)) for t in range(7)
    ]
    made = estimated_advantages(torch.tensor(rewards), torch.tensor(values), discount, trace)
    np.testing.assert_allclose(made, expected, rtol=1e-5)
    if trace == 1:  # then it is the return less the value
        returns = [sum(discount**k * rewards[t + k] for k in range(7 - t)) for t in range(7)]
        np.testing.assert_allclose(made, np.array(returns) - values, rtol=1e-5)


def test_whitening() -> None:
    made = torch.cat(whitened([torch.tensor([1.0, 2.0, 6.0]), torch.tensor([-3.0])]))
    values = np.array([1.0, 2, 6, -3])
    np.testing.assert_allclose(made, (values - values.mean()) / values.std(), rtol=1e-5)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0.6, 0.5 * 0.4**2),
        (0.9, 0.5 * 0.3**2),  # nearer to 1 than allowed: as if at 0.7
        (0.1, 0.5 * 0.9**2),  # farther from 1 than the 0.3 that is allowed: as it is
    ],
)
def test_the_error_of_a_value_counts_within_its_bounds(value: float, error: float) -> None:
    was, is_ = torch.tensor([0.5]), torch.tensor([value])
    assert float(clipped_error(is_, was, torch.tensor([1.0]), 0.2)) == pytest.approx(error)


def test_the_cost_of_divergence_is_steered_and_kept(tmp_path: Path) -> None:
    cost = Cost(0.1, 4.0, tmp_path / "divergence.jsonl")
    cost.steer(0, 4.4)  # a tenth above
    cost.steer(2, 40.0)  # counts as a fifth above
    cost.steer(4, 0.0)
    costs = [cost.at(step) for step in (0, 2, 4, 6)]
    expected = [0.1, 0.1 * 1.01, 0.1 * 1.01 * 1.02, 0.1 * 1.01 * 1.02 * 0.98]
    assert costs == pytest.approx(expected)
    resumed = Cost(0.1, 4.0, tmp_path / "divergence.jsonl")
    assert [resumed.at(step) for step in (0, 2, 4, 6)] == costs
    resumed.steer(2, 4.0)  # taken again: what came after is forgotten
    assert [resumed.at(step) for step in (2, 4, 6)] == pytest.approx([0.101, 0.101, 0.101])
    fixed = Cost(0.1, None, tmp_path / "none.jsonl")
    fixed.steer(0, 100.0)
    assert fixed.at(1) == 0.1
    assert not (tmp_path / "none.jsonl").exists()


# ---- a rollout ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end_to_end", [False, True])
def test_credit_of_a_rollout(base: str, tmp_path: Path, end_to_end: bool) -> None:
    player = Player(base, tmp_path)
    objective = player.bound(PPO(beta=0.3, missing_end=2.0, epochs=1), end_to_end)
    with torch.no_grad():
        player.policy.value_head.bias.fill_(0.25)
        for name, weight in player.policy.named_parameters():
            if "lora_B" in name:  # it has moved away from the reference
                weight += 0.1 * torch.randn(
                    weight.shape, generator=torch.Generator().manual_seed(3)
                )
    [rows], watched = objective.rollout(player.policy, objective.rows(player.material), 0)
    ends = objective.live.writer.chat.ends
    rewards = objective.live.reward
    returns = []
    for row in rows:
        answer = [t for t, on in zip(row.tokens, row.learned) if on]
        text = player.parts[1].text(answer)
        example = player.material.examples[0]
        mark = rewards([example], [text])[0] - 2.0 * (answer[-1] not in ends)
        with torch.no_grad(), player.policy.disable_adapter():
            logits = player.policy(input_ids=torch.tensor([row.tokens])).logits[0]
        places = [i for i, on in enumerate(row.learned) if on]
        first = [float(logits[i - 1].log_softmax(-1)[row.tokens[i]]) for i in places]
        step = [-0.3 * (a - b) for a, b in zip(row.credit["before"], first, strict=True)]
        step[-1] += mark
        assert row.credit["value"] == pytest.approx([0.25] * len(places))
        advantages = estimated_advantages(
            torch.tensor(step), torch.full((len(step),), 0.25), 1, 0.95
        )
        assert row.credit["return"] == pytest.approx((advantages + 0.25).tolist(), abs=1e-5)
        returns += advantages.tolist()
    everything = np.array(returns)
    expected = (everything - everything.mean()) / everything.std()
    made = [a for row in rows for a in row.credit["advantage"]]
    np.testing.assert_allclose(made, expected, atol=1e-4)
    assert float(watched["kl"].total) != 0


def test_the_value_head_comes_and_goes(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    trained = {n for n, p in player.policy.named_parameters() if p.requires_grad}
    objective = player.bound(PPO())
    now = {n for n, p in player.policy.named_parameters() if p.requires_grad}
    assert now - trained == {f"{HEAD}.weight", f"{HEAD}.bias"}
    objective.release(player.policy)
    assert {n for n, p in player.policy.named_parameters() if p.requires_grad} == trained


# ---- the suite, and learning -------------------------------------------------------------------


def test_ppo_conforms(checkpoint: Path) -> None:
    model, tokenizer = load_parts(str(checkpoint))
    chat = Chat(tokenizer)
    _add_head(model)
    objective = replace(PPO(), layout=Layout(chat.pad))
    rows = [chat.row((Message("user", "Refund? " * n),), "It depends. " * n) for n in (1, 3, 2, 5)]
    before = per_token(model, rows, objective.layout, objective._logprobs_and_values)
    made = [
        Credited(
            row,
            {
                "before": (part[:, 0] + 0.1).tolist(),
                "value": (part[:, 1] - 0.1).tolist(),
                "return": [0.5 * number] * len(part),
                "advantage": [0.7 - number] * len(part),
            },
        )
        for number, (row, part) in enumerate(zip(rows, before, strict=True))
    ]
    check_objective(objective, made, model)


@pytest.mark.parametrize("settings", [PPO(epochs=2), PPO(beta=0.0, minibatches=2, epochs=1)])
def test_it_learns_which_word_is_right(base: str, tmp_path: Path, settings: PPO) -> None:
    player = Player(base, tmp_path, epochs=10)
    objective = player.bound(settings)
    before = player.right()
    player.learn(objective, learning_rate=0.01)
    assert before < 0.6
    assert player.right() > 0.9
    logs = read_jsonl(tmp_path / "training/log.jsonl")
    assert logs[-2]["value_loss"] < logs[0]["value_loss"]
    assert not hasattr(player.policy, HEAD)
