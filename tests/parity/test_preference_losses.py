"""Losses and gradients of TRL's own trainers: the same tiny models and rows, padded, in float32."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tailorbird.models.chat import Row
from tailorbird.models.local import load_parts
from tailorbird.train.objectives.base import Layout
from tailorbird.train.reference import with_reference
from tailorbird.train.rows import Answers

trl = pytest.importorskip("trl", reason="TRL, the oracle, is not installed")
datasets = pytest.importorskip("datasets", reason="TRL wants a data set")

LENGTHS = ((5, 3, 6), (9, 7, 2), (2, 11, 4), (14, 1, 1), (6, 5, 9))
"""Tokens of a prompt, of its better answer and of its worse."""


@pytest.fixture(scope="module")
def tokens() -> list[tuple[list[int], list[int], list[int]]]:
    """Prompt, better and worse answer."""
    draw = torch.Generator().manual_seed(0)
    return [
        tuple(torch.randint(5, 97, (n,), generator=draw).tolist() for n in lengths)
        for lengths in LENGTHS
    ]


def model(seed: int, kind: Any = transformers.LlamaForCausalLM, **more: Any) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=97, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2, pad_token_id=0, **more,
    )  # fmt: skip
    return kind(config).eval()


def answered(prompt: list[int], answer: list[int]) -> Row:
    return Row((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))


def trainer(kind: str, checkpoint: Path, folder: Path, rows: Any, policy: Any, **more: Any) -> Any:
    """TRL's trainer around `policy`; its data set is only there because it wants one."""
    settings: dict[str, Any] = {
        "output_dir": str(folder), "use_cpu": True, "bf16": False, "report_to": [],
        "gradient_checkpointing": False, "disable_tqdm": True, "max_length": None,
    }  # fmt: skip
    reference = {"ref_model": more.pop("ref_model")} if "ref_model" in more else {}
    return getattr(trl, f"{kind}Trainer")(
        model=policy,
        args=getattr(trl, f"{kind}Config")(**settings, **more),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=load_parts(str(checkpoint))[1],
        **reference,
    )


def same_gradients(ours: Any, theirs: Any) -> None:
    gradients = dict(theirs.named_parameters())
    found = 0
    for name, parameter in ours.named_parameters():
        if name in gradients and parameter.grad is not None:
            expected = gradients[name].grad
            torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)
            found += bool(expected.abs().max() > 1e-4)
    assert found > 10


# ---- DPO and IPO -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "theirs"),
    [
        ("dpo", {"beta": 0.3}, {"beta": 0.3}),
        ("ipo", {"tau": 0.2}, {"beta": 0.2, "loss_type": ["ipo"]}),
    ],
)
def test_loss_and_gradient_of_pairs(
    name: str, settings: Any, theirs: Any, tokens: Any, checkpoint: Path, tmp_path: Path
) -> None:
    from tailorbird.registry import module

    ours, policy, reference = model(1), model(1), model(2)
    rows = [Answers((answered(p, a), answered(p, b))) for p, a, b in tokens]
    rows = with_reference(reference, rows, Layout(), tmp_path, quiet=True)
    objective = module("train.objectives", name).OBJECTIVE(**settings)
    batch = objective.collate([{"row": row} for row in rows])
    loss, metrics = objective.loss(ours, batch)
    loss = loss / objective.weight(batch)

    texts = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
    oracle = trainer("DPO", checkpoint, tmp_path, texts, policy, ref_model=reference, **theirs)
    keys = "prompt_ids", "chosen_ids", "rejected_ids"
    expected = oracle.compute_loss(
        policy, oracle.data_collator([dict(zip(keys, t)) for t in tokens])
    )
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    loss.backward()
    expected.backward()
    same_gradients(ours, policy)
    if name == "dpo":
        theirs = oracle._metrics["eval"]
        for ours_name, name in {"margin": "margins", "accuracy": "accuracies"}.items():
            watched = float(metrics[ours_name].total / metrics[ours_name].count)
            assert watched == pytest.approx(theirs[f"rewards/{name}"][-1], rel=1e-4)


# ---- KTO ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("unlike", [0, 3], ids=["as the reference", "moved away from it"])
def test_kto_where_its_group_is_the_batch(
    unlike: int, tokens: Any, checkpoint: Path, tmp_path: Path
) -> None:
    from tailorbird.train.objectives.kto import KTO

    reference, ours, policy = model(2), model(2 + unlike), model(2 + unlike)
    good = (True, False, True, True, False)
    prompts, answers = [t[0] for t in tokens], [t[1] for t in tokens]
    others = [answers[-1], *answers[:-1]]
    row = Answers(
        tuple(answered(p, a) for side in (answers, others) for p, a in zip(prompts, side)), good
    )
    # A second group, whose estimate must not touch the first.
    more = Answers((*row.answers[1:3], *row.answers[6:8]), good[1:3])
    rows = with_reference(reference, [row, more], Layout(), tmp_path, quiet=True)
    objective = KTO(beta=0.3, wanted=1.5, unwanted=0.7)
    batch = objective.collate([{"row": r} for r in rows])
    assert objective.weight(batch) == 7
    loss, metrics = objective.loss(ours, batch)
    assert (float(metrics["kl"].total) > 0) == bool(unlike)
    second = objective.loss(ours, objective.collate([{"row": rows[1]}]))[0]
    loss = (loss - second) / len(good)

    texts = [{"prompt": "a", "completion": "b", "label": True}] * 2
    oracle = trainer(
        "KTO", checkpoint, tmp_path, texts, policy, ref_model=reference, beta=0.3,
        desirable_weight=1.5, undesirable_weight=0.7, train_sampling_strategy="sequential",
    )  # fmt: skip
    keys = "prompt_ids", "completion_ids", "KL_completion_ids", "label"
    examples = [dict(zip(keys, row)) for row in zip(prompts, answers, others, good)]
    expected = oracle.compute_loss(policy, oracle.data_collator(examples))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    loss.backward()
    expected.backward()
    same_gradients(ours, policy)


# ---- reward models -----------------------------------------------------------------------------


def test_reward_model(tokens: Any, checkpoint: Path, tmp_path: Path) -> None:
    from tailorbird.train.objectives.reward import Reward
    from tailorbird.train.reward_head import add_head

    policy = model(1, transformers.LlamaForSequenceClassification, num_labels=1)
    ours = add_head(model(1))
    ours.load_state_dict(policy.state_dict(), strict=False)
    ours.reward_head.weight.data.copy_(policy.score.weight)
    objective = Reward(center=0.2)
    rows = [Answers((answered(p, a), answered(p, b))) for p, a, b in tokens]
    batch = objective.collate([{"row": row} for row in rows])
    loss, metrics = objective.loss(ours, batch)
    loss = loss / objective.weight(batch)

    texts = [{"chosen": "b", "rejected": "c"}]
    oracle = trainer("Reward", checkpoint, tmp_path, texts, policy, center_rewards_coefficient=0.2)
    examples = [{"chosen_ids": p + a, "rejected_ids": p + b} for p, a, b in tokens]
    expected = oracle.compute_loss(policy, oracle.data_collator(examples))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    loss.backward()
    expected.backward()
    same_gradients(ours, policy)
    torch.testing.assert_close(ours.reward_head.weight.grad, policy.score.weight.grad)
    for name in ("margin", "accuracy"):
        watched = float(metrics[name].total / metrics[name].count)
        assert watched == pytest.approx(oracle._metrics["eval"][name][-1], rel=1e-4)
