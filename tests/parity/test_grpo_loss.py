"""GRPO's loss and gradient against those of TRL, on the same answers."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.task.types import Message
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.grpo import GRPO
from tailorbird.train.rollout import Credited

trl = pytest.importorskip("trl", reason="TRL is not installed")

ANSWERS = ("Yes.", "It depends on the day.", "No, never, and I mean it.", "Ask me later.")
ADVANTAGES = (1.3, -0.4, 0.7, -1.6)
LONGEST = 24
"""The longest answer that is allowed, in tokens."""


def their_trainer(model: Any, tokenizer: Any, folder: Path, **settings: Any) -> Any:
    from datasets import Dataset

    arguments = trl.GRPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to=[], num_generations=4,
        per_device_train_batch_size=4, max_completion_length=LONGEST, steps_per_generation=1,
        **settings,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=model, reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=arguments, train_dataset=Dataset.from_list([{"prompt": "a"}] * 4),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def their_batch(rows: list[Any], before: list[Any], reference: list[Any]) -> dict[str, Any]:
    """Prompts padded on the left, answers on the right."""
    prompts = [[t for t, on in zip(r.tokens, r.learned) if not on] for r in rows]
    answers = [[t for t, on in zip(r.tokens, r.learned) if on] for r in rows]
    wide, long = max(map(len, prompts)), max(map(len, answers))

    def right(values: Any) -> torch.Tensor:
        return torch.tensor([[*v, *[0] * (long - len(v))] for v in values])

    return {
        "prompt_ids": torch.tensor([[0] * (wide - len(p)) + p for p in prompts]),
        "prompt_mask": torch.tensor([[0] * (wide - len(p)) + [1] * len(p) for p in prompts]),
        "completion_ids": right(answers),
        "completion_mask": right([[1] * len(a) for a in answers]),
        "advantages": torch.tensor(ADVANTAGES),
        "old_per_token_logps": right([b.tolist() for b in before]),
        "ref_per_token_logps": right([r.tolist() for r in reference]),
        "num_items_in_batch": torch.tensor(sum(map(len, answers))),
    }


@pytest.mark.parametrize(
    ("average", "loss_type", "corrected"),
    [
        ("tokens", "dapo", True),
        ("tokens", "bnpo", False),
        ("answers", "grpo", False),
        ("longest", "dr_grpo", True),
    ],
)
def test_loss_and_gradient_are_those_of_trl(
    checkpoint: Path, tmp_path: Path, average: Any, loss_type: str, corrected: bool
) -> None:
    ours, tokenizer = load_parts(str(checkpoint))
    theirs, _ = load_parts(str(checkpoint))
    chat = Chat(tokenizer)
    objective = GRPO(
        beta=0.3, epsilon=0.1, epsilon_high=0.28, average=average, temperature=0.9,
        corrected=corrected, layout=Layout(chat.pad),
    )  # fmt: skip
    rows = [chat.row((Message("user", "Refund? " * (n + 1)),), a) for n, a in enumerate(ANSWERS)]
    draw = torch.Generator().manual_seed(0)
    now = objective.logprobs(ours, rows)
    before = [n + 0.3 * torch.randn(n.shape, generator=draw) for n in now]
    reference = [n + 0.3 * torch.randn(n.shape, generator=draw) for n in now]
    share = {"tokens": lambda n: 1.0, "answers": lambda n: 1 / n, "longest": lambda n: 1 / LONGEST}
    made = [
        Credited(
            row,
            {
                "advantage": [advantage] * len(b),
                "share": [share[average](len(b))] * len(b),
                "before": b.tolist(),
                "reference": r.tolist(),
            },
        )
        for row, advantage, b, r in zip(rows, ADVANTAGES, before, reference, strict=True)
    ]
    batch = objective.collate([{"row": row} for row in made])
    loss, watched = objective.loss(ours, batch)
    loss = loss / objective.weight(batch)
    trainer = their_trainer(
        theirs, tokenizer, tmp_path, loss_type=loss_type, beta=0.3, epsilon=0.1, epsilon_high=0.28,
        temperature=0.9, use_bias_correction_kl=corrected,
    )  # fmt: skip
    expected = trainer._compute_loss(theirs.train(), their_batch(rows, before, reference))
    assert float(watched["clipped"].total) > 0
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    loss.backward()
    expected.backward()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6, msg=name)
