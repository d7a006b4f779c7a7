"""The fused layers and their gradients are PEFT's; what they do not know is left to PEFT."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import peft
import pytest
import torch
import transformers
from torch import Tensor, nn

from tailorbird.train import fused_lora as module
from tailorbird.train.fused_lora import fused_lora

IDS = torch.arange(1, 13).view(2, 6)


def policy(dtype: torch.dtype = torch.float32, bias: bool = False, **lora: Any) -> Any:
    """A tiny Llama with LoRA on all linear layers; B is not zero, so that A has a gradient."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, attention_bias=bias,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config).to(dtype)
    lora = {"r": 4, "lora_alpha": 6, "target_modules": "all-linear"} | lora
    tuned: Any = peft.get_peft_model(model, peft.LoraConfig(**lora, task_type="CAUSAL_LM"))
    for name, p in tuned.named_parameters():
        if "lora_B" in name or name.endswith("bias"):
            nn.init.normal_(p, std=0.3)
    return tuned.train()


def pass_through(model: nn.Module) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and all gradients of a loss that weighs them unevenly."""
    model.zero_grad()
    logits = model(input_ids=IDS, use_cache=False).logits.float()
    (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return logits.detach(), found


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each call of a layer was fused, in order."""
    calls: list[bool] = []
    plain: Callable[[Any], str | None] = module._plain_adapter

    def watched(layer: Any) -> str | None:
        name = plain(layer)
        calls.append(name is not None)
        return name

    monkeypatch.setattr(module, "_plain_adapter", watched)
    return calls


def compare(model: Any, tolerance: float = 1e-5) -> None:
    expected, gradients = pass_through(model)
    with fused_lora(model):
        got, fused_gradients = pass_through(model)
    assert torch.allclose(got, expected, rtol=tolerance, atol=tolerance)
    assert fused_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        scale = float(gradient.abs().max())
        assert scale > 0, name
        assert float((fused_gradients[name] - gradient).abs().max()) <= tolerance * scale, name


@pytest.mark.parametrize(
    "lora",
    [{}, {"bias": True}, {"use_rslora": True}, {"target_modules": ["q_proj", "down_proj"]}],
    ids=["plain", "bias", "rslora", "some layers"],
)
def test_is_what_peft_computes(lora: dict[str, Any], fused: list[bool]) -> None:
    compare(policy(**lora))
    assert fused
    assert all(fused)


def test_half_precision_base_with_whole_adapters(fused: list[bool]) -> None:
    model = policy(torch.bfloat16)
    assert {p.dtype for n, p in model.named_parameters() if "lora_" in n} == {torch.float32}
    compare(model, tolerance=0.03)  # bfloat16 has 8 bits
    assert all(fused)


def test_autocast(fused: list[bool]) -> None:
    model = policy()
    with torch.autocast("cpu", torch.bfloat16):
        compare(model, tolerance=0.05)
    assert all(fused)


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(reentrant: bool, fused: list[bool]) -> None:
    model = policy()
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    compare(model)
    assert len(fused) == 2 * 14  # every layer was run again for the gradient


def test_a_disabled_adapter_is_no_adapter(fused: list[bool]) -> None:
    model = policy()
    with torch.no_grad(), model.disable_adapter():
        expected = model(input_ids=IDS).logits
        with fused_lora(model):
            assert torch.equal(model(input_ids=IDS).logits, expected)
    assert fused
    assert not any(fused)


@pytest.mark.parametrize("lora", [{"lora_dropout": 0.5}, {"use_dora": True}, {"lora_bias": True}])
def test_other_layers_are_left_to_peft(lora: dict[str, Any], fused: list[bool]) -> None:
    model = policy(bias=True, **lora)
    for inside in (nullcontext(), fused_lora(model)):
        torch.manual_seed(1)
        with inside:
            logits, gradients = pass_through(model)
        if not fused:
            expected = logits, gradients
    assert fused
    assert not any(fused)
    assert torch.equal(logits, expected[0])
    assert all(torch.equal(g, expected[1][n]) for n, g in gradients.items())


def test_dropout_counts_in_training_only(fused: list[bool]) -> None:
    model = policy(lora_dropout=0.5).eval()
    compare(model)
    assert all(fused)


def test_two_active_adapters_are_left_to_peft(fused: list[bool]) -> None:
    model = policy()
    model.add_adapter("second", peft.LoraConfig(r=2, target_modules="all-linear"))
    model.base_model.set_adapter(["default", "second"])
    expected = model(input_ids=IDS).logits
    with fused_lora(model):
        assert torch.equal(model(input_ids=IDS).logits, expected)
    assert fused
    assert not any(fused)


def test_hooks_and_trained_bases_are_respected(fused: list[bool]) -> None:
    model = policy()
    layers = [m for m in model.modules() if isinstance(m, peft.tuners.lora.Linear)]
    layers[0].base_layer.weight.requires_grad_(True)
    layers[1].base_layer.register_forward_hook(lambda *_: None)
    compare(model)
    assert fused == [False, False] + [True] * 12


def test_leaves_the_model_as_it_was() -> None:
    model = policy()
    with pytest.raises(KeyboardInterrupt), fused_lora(model):
        raise KeyboardInterrupt
    assert not any("forward" in vars(m) for m in model.modules())
