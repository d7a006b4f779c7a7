"""The shape, and that wired weights copy before any training."""

import pytest
import torch
from transformers import LlamaForCausalLM

from tailorbird.models.fledgling.shape import Shape, config, wired_init


@pytest.fixture(scope="module")
def wired() -> LlamaForCausalLM:
    model = LlamaForCausalLM(config(1024, Shape()))
    wired_init(model, 0)
    return model.eval()


def test_size() -> None:
    model = LlamaForCausalLM(config(4096, Shape()))
    assert sum(p.numel() for p in model.parameters()) == 2_557_632
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_copies_at_step_zero(wired: LlamaForCausalLM) -> None:
    half = 100
    once = torch.randint(6, 1024, (4, half), generator=torch.Generator().manual_seed(1))
    ids = torch.cat([once, once], dim=1)
    with torch.no_grad():
        guess = wired(ids).logits.argmax(-1)
    copied = (guess[:, half:-1] == ids[:, half + 1 :]).float().mean().item()
    assert copied > 0.7


def test_no_row_is_dead(wired: LlamaForCausalLM) -> None:
    """Where a row of queries and the same of keys are zero, neither ever gets a gradient."""
    ids = torch.randint(6, 1024, (2, 40), generator=torch.Generator().manual_seed(1))
    wired(ids, labels=ids).loss.backward()
    for name, weight in wired.named_parameters():
        if name.endswith("proj.weight"):
            assert weight.grad.norm(dim=1).min() > 0, name
    wired.zero_grad()


def test_same_seed_same_weights(wired: LlamaForCausalLM) -> None:
    again = LlamaForCausalLM(config(1024, Shape()))
    wired_init(again, 0)
    pairs = zip(wired.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    other = LlamaForCausalLM(config(1024, Shape()))
    wired_init(other, 1)
    assert not torch.equal(other.lm_head.weight, wired.lm_head.weight)
