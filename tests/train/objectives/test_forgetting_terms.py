"""What sft has against forgetting: a share of general text, and an anchor."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tailorbird.errors import TaskError, TrainingError
from tailorbird.models.chat import Chat, Row
from tailorbird.models.local import load_parts, load_tokenizer
from tailorbird.task.benchmark import Task
from tailorbird.testing import check_objective
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.policy import LoRA, attach

ANCHOR = 0.7


def material(task: Task, checkpoint: Path, **changes: Any) -> Material:
    from tailorbird.approaches._prompted import build_prompt

    chat = Chat(load_tokenizer(str(checkpoint)))
    settings: dict[str, Any] = {"context": 512, "model": str(checkpoint), "epochs": 2} | changes
    return Material(
        task, chat, task.examples("train"), lambda e, _: build_prompt("Do it.", e), **settings
    )


def tuned(checkpoint: Path) -> tuple[nn.Module, list[Row]]:
    """A model with an adapter that does nothing yet, and rows of some lengths."""
    model, tokenizer = load_parts(str(checkpoint))
    policy = attach(model, LoRA(4, 8), 0)
    chat = Chat(tokenizer)
    texts = ("I was charged twice for the kettle.", "open?", "When will the radio arrive? " * 3)
    from tailorbird.task.types import Message

    return policy, [chat.row((Message("user", t),), "billing") for t in texts]


def move(policy: nn.Module) -> None:
    torch.manual_seed(1)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.5)


@pytest.mark.parametrize("end_to_end", [False, True])
def test_the_anchor_is_the_divergence_from_the_base(checkpoint: Path, end_to_end: bool) -> None:
    policy, rows = tuned(checkpoint)
    policy.eval()
    objective = SFT(Layout(0, end_to_end), anchor=ANCHOR).anchored_at(policy)
    move(policy)
    objective.loss(policy, objective.collate([{"row": r} for r in rows]))[0].backward()
    ours = {n: p.grad.clone() for n, p in policy.named_parameters() if p.grad is not None}
    policy.zero_grad()
    by_hand(policy, rows).backward()
    assert ours
    for name, weight in policy.named_parameters():
        if name in ours:
            torch.testing.assert_close(ours[name], weight.grad, rtol=1e-3, atol=1e-5)


def by_hand(policy: Any, rows: list[Row]) -> torch.Tensor:
    """Row by row from whole distributions; the base is the model with its adapter off."""
    total = torch.zeros(())
    for row in rows:
        ids = torch.tensor([row.tokens])
        now = policy(input_ids=ids).logits[0].double().softmax(-1)
        with torch.no_grad(), policy.disable_adapter():
            base = policy(input_ids=ids).logits[0].double().softmax(-1)
        for at, (token, learned) in enumerate(zip(row.tokens, row.learned)):
            if learned:
                p, q = now[at - 1], base[at - 1]
                total = total - p[token].log() + ANCHOR * (p * (p / q).log()).sum()
    return total


def test_a_model_that_has_not_moved_feels_no_anchor(checkpoint: Path) -> None:
    policy, rows = tuned(checkpoint)
    policy.eval()
    anchored = SFT(anchor=ANCHOR).anchored_at(policy)
    batch = anchored.collate([{"row": r} for r in rows])
    loss, watched = anchored.loss(policy, batch)
    torch.testing.assert_close(loss, SFT().loss(policy, batch)[0])
    assert float(watched["kl"].total) == pytest.approx(0, abs=1e-5)
    move(policy)
    assert float(anchored.loss(policy, batch)[1]["kl"].total) > 0.1


def test_the_anchored_loss_is_a_sum(checkpoint: Path) -> None:
    policy, rows = tuned(checkpoint)
    objective = SFT(anchor=ANCHOR).anchored_at(policy)
    move(policy)
    check_objective(objective, rows, policy)


def test_an_anchor_must_be_dropped_first(checkpoint: Path) -> None:
    policy, rows = tuned(checkpoint)
    with pytest.raises(TrainingError, match="anchored_at"):
        SFT(anchor=1.0).loss(policy, SFT().collate([{"row": r} for r in rows]))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_of_replay_is_kept(
    answer_task: Task, checkpoint: Path, tmp_path: Path, share: float
) -> None:
    (tmp_path / "old.txt").write_text("The courier came on Sunday with two kettles. " * 60)
    made = material(answer_task, checkpoint)
    plain = SFT().rows(made)
    mixed = SFT(replay=share, general=str(tmp_path / "old.txt")).rows(made)
    assert list(mixed[: len(plain)]) == list(plain)
    added = mixed[len(plain) :]
    assert all(all(row.learned) for row in added)
    learned = [sum(sum(r.learned) for r in rows) for rows in (plain, added)]
    assert abs(learned[1] - share * sum(learned)) <= 1


def test_replay_is_drawn_from_what_fledgling_has_read(answer_task: Task) -> None:
    made = material(answer_task, Path("fledgling"), model="fledgling")
    plain, mixed = SFT().rows(made), SFT(replay=0.5).rows(made)
    learned = [sum(sum(r.learned) for r in rows) for rows in (plain, mixed[len(plain) :])]
    assert learned[1] == learned[0]
    assert mixed == SFT(replay=0.5).rows(made)


def test_nobody_knows_what_another_model_has_read(answer_task: Task, checkpoint: Path) -> None:
    with pytest.raises(TaskError, match="general text") as raised:
        SFT(replay=0.2).rows(material(answer_task, checkpoint))
    assert "general: FOLDER" in str(raised.value.hint)
