"""The loss of a batch is the sum over its rows, each alone, whatever the batch looks like."""

from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.train.attention import attends_by_row
from tailorbird.train.objectives.base import END_TO_END, summed_cross_entropy
from tailorbird.train.objectives.pretrain import Pretrain
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.rows import pack

SHAPE = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2,
}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "llama": lambda: transformers.LlamaConfig(**SHAPE),
    "qwen3": lambda: transformers.Qwen3Config(**SHAPE, head_dim=8),
    "mistral": lambda: transformers.MistralConfig(**SHAPE, sliding_window=6),
    "gpt2": lambda: transformers.GPT2Config(
        vocab_size=97, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2
    ),
    # These two do more to their logits than one linear layer.
    "gemma2": lambda: transformers.Gemma2Config(
        **SHAPE, head_dim=8, final_logit_softcapping=2.0, attn_implementation="eager"
    ),
    "granite": lambda: transformers.GraniteConfig(**SHAPE, logits_scaling=4.0),
}


def make(name: str) -> Any:
    torch.manual_seed(1)
    return transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).eval()


def rows(count: int = 7) -> list[Row]:
    draw = torch.Generator().manual_seed(0)
    made = []
    for i in range(count):
        tokens = torch.randint(1, 97, (5 + 3 * i,), generator=draw).tolist()
        made.append(Row(tuple(tokens), (0,) * (2 + 2 * i) + (1,) * (3 + i)))
    return made


def alone(model: nn.Module, row: Row) -> Tensor:
    """The summed loss of one row, unpadded, by the whole model."""
    logits = model(input_ids=torch.tensor([row.tokens])).logits[0, :-1]
    targets = torch.where(torch.tensor(row.learned) > 0, torch.tensor(row.tokens), -100)[1:]
    return nn.functional.cross_entropy(logits, targets, reduction="sum")


class Wrapped(nn.Module):
    """What DistributedDataParallel looks like from outside."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, **inputs: Any) -> Any:
        return self.module(**inputs)


@pytest.mark.parametrize("name", CONFIGS)
def test_padding_changes_nothing(name: str) -> None:
    model, objective = make(name), SFT()
    batch = objective.collate([{"row": r} for r in rows()])
    expected = sum(alone(model, r) for r in rows())
    torch.testing.assert_close(objective.loss(model, batch)[0], expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(
        objective.loss(Wrapped(model), batch)[0], expected, rtol=1e-5, atol=1e-4
    )
    assert objective.weight(batch) == sum(sum(r.learned) for r in rows())


@pytest.mark.parametrize("name", CONFIGS)
def test_rows_end_to_end_are_as_each_alone_where_the_model_can(name: str) -> None:
    model, objective = make(name), SFT(END_TO_END)
    assert attends_by_row(model) == (name != "gemma2")
    if name != "gemma2":
        batch = objective.collate([{"row": r} for r in rows()])
        expected = sum(alone(model, r) for r in rows())
        torch.testing.assert_close(objective.loss(model, batch)[0], expected, rtol=1e-5, atol=1e-4)
        assert objective.weight(batch) == sum(sum(r.learned) for r in rows())
    assert not model.config._attn_implementation.startswith("tailorbird")


@pytest.mark.parametrize("name", ["llama", "qwen3", "mistral", "gpt2", "granite"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_packing_changes_nothing(name: str, wrapped: bool) -> None:
    model, objective = make(name), Pretrain()
    packed = list(pack(rows(), 40, 0))
    assert len(packed) < len(rows())
    batch = objective.collate([{"row": p} for p in packed])
    expected = sum(alone(model, r) for r in rows())
    loss = objective.loss(Wrapped(model) if wrapped else model, batch)[0]
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
    assert objective.weight(batch) == sum(sum(r.learned) for r in rows())


def test_packing_is_refused_where_scores_are_capped() -> None:
    with pytest.raises(TrainingError, match="row by row"):
        Pretrain().loss(
            make("gemma2"), Pretrain().collate([{"row": p} for p in pack(rows(), 40, 0)])
        )


def test_packed_gradients_are_those_of_single_rows() -> None:
    ours, plain = make("llama"), make("llama")
    batch = Pretrain().collate([{"row": p} for p in pack(rows(), 40, 0)])
    Pretrain().loss(ours, batch)[0].backward()
    sum(alone(plain, r) for r in rows()).backward()
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)


def test_adapters_are_part_of_the_loss() -> None:
    policy = attach(make("llama"), LoRA(4, 8), seed=0).eval()
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.5)
    batch = SFT().collate([{"row": r} for r in rows()])
    with_adapter = SFT().loss(policy, batch)[0]
    torch.testing.assert_close(
        with_adapter, sum(alone(policy, r) for r in rows()), rtol=1e-5, atol=1e-4
    )
    with policy.disable_adapter():
        assert (SFT().loss(policy, batch)[0] - with_adapter).abs() > 0.1


def test_a_batch_without_anything_learned_has_loss_zero_and_a_gradient() -> None:
    model = make("llama")
    silent = [Row(r.tokens, (0,) * len(r.tokens)) for r in rows(2)]
    for wrapper in (model, Wrapped(model)):
        batch = SFT().collate([{"row": r} for r in silent])
        loss = summed_cross_entropy(wrapper, batch)
        assert loss == 0
        loss.backward()
        assert SFT().weight(batch) == 0
