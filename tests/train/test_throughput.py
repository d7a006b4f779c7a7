"""Useful FLOPs are those that one would count by hand."""

from typing import Any

import pytest
import torch
import transformers

from tailorbird.train.policy import LoRA, attach
from tailorbird.train.throughput import Meter, matrix_product_ceiling

WIDTH, LAYERS, VOCABULARY = 32, 2, 97
SHAPE = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": LAYERS}
MATRICES = LAYERS * (4 * WIDTH * WIDTH + 3 * WIDTH * 64)


def llama(tied: bool = False) -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        **SHAPE, intermediate_size=64, num_attention_heads=4, tie_word_embeddings=tied
    ))  # fmt: skip


def batch(lengths: list[int], learned: int) -> dict[str, torch.Tensor]:
    labels = torch.full((1, sum(lengths)), -100)
    labels[0, :learned] = 1
    return {"labels": labels, "row_lengths": torch.tensor(lengths)}


@pytest.mark.parametrize("tied", [False, True])
def test_a_whole_model(tied: bool) -> None:
    tokens, flops = Meter(llama(tied)).count(batch([3, 5], 4))
    attention = 6 * LAYERS * WIDTH * (3**2 + 5**2)
    assert tokens == 8
    assert flops == 6 * MATRICES * 8 + 6 * WIDTH * VOCABULARY * 4 + attention


def test_frozen_weights_have_no_gradients_of_their_own() -> None:
    policy = attach(llama(), LoRA(rank=2, alpha=4), seed=0)
    adapters = sum(p.numel() for p in policy.parameters() if p.requires_grad)
    _, flops = Meter(policy).count(batch([8], 0))
    attention = 6 * LAYERS * WIDTH * 8**2
    assert flops == 4 * MATRICES * 8 + 6 * adapters * 8 + attention


def test_padding_is_not_counted() -> None:
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    padded = {"labels": torch.full((2, 4), -100), "attention_mask": mask}
    assert Meter(llama()).count(padded) == Meter(llama()).count(batch([2, 4], 0))


def test_layers_of_another_kind_count() -> None:
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=1, n_head=2)
    )
    assert Meter(model).per_token == 6 * 12 * WIDTH * WIDTH


def test_what_cannot_be_counted_is_left_at_nothing() -> None:
    mamba = transformers.MambaForCausalLM(transformers.MambaConfig(**SHAPE))
    assert Meter(mamba).count(batch([3], 1)) == (3, 0.0)
    assert Meter(llama()).count({"chosen": torch.zeros(1)}) == (0, 0.0)


def test_the_ceiling_is_a_rate() -> None:
    assert matrix_product_ceiling(torch.device("cpu")) > 1e8
