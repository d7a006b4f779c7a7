"""Log-probabilities by chunks are those of all logits at once, and so are their gradients."""

import pytest
import torch
from torch import Tensor, nn

from tailorbird.train import output_layer
from tailorbird.train.output_layer import is_frozen_layer, logprobs


def plain(hidden: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
    logits = head(hidden).float()
    return logits.log_softmax(dim=1).gather(1, targets[:, None])[:, 0]


def with_gradient(function: object, hidden: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    leaf = hidden.clone().requires_grad_()
    found = function(leaf, *rest)  # type: ignore[operator]
    (found * torch.linspace(-1, 2, len(found))).sum().backward()
    assert leaf.grad is not None
    return found.detach(), leaf.grad


@pytest.mark.parametrize("chunk", [1, 3 * 50, 1 << 22])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_is_the_softmax_of_all_logits(
    chunk: int, bias: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layer, "CHUNK", chunk)
    torch.manual_seed(0)
    head = nn.Linear(12, 50, bias=bias).to(dtype).requires_grad_(False)
    hidden = (torch.randn(7, 12) * 4).to(dtype)
    targets = torch.randint(50, (7,))
    expected, slope = with_gradient(plain, hidden, head, targets)
    found, fused_slope = with_gradient(logprobs, hidden, head, targets)
    assert found.dtype == torch.float32
    assert fused_slope.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.02
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(fused_slope, slope, rtol=tolerance, atol=tolerance)


def test_autocast() -> None:
    torch.manual_seed(0)
    head = nn.Linear(12, 50).requires_grad_(False)
    hidden, targets = torch.randn(7, 12), torch.randint(50, (7,))
    with torch.autocast("cpu", torch.bfloat16):
        expected, slope = with_gradient(plain, hidden, head, targets)
        found, fused_slope = with_gradient(logprobs, hidden, head, targets)
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(fused_slope, slope, atol=0.02)


def test_nothing_to_learn_is_nothing() -> None:
    head = nn.Linear(12, 50).requires_grad_(False)
    hidden = torch.zeros(0, 12, requires_grad=True)
    found = logprobs(hidden, head, torch.zeros(0, dtype=torch.long))
    found.sum().backward()
    assert found.shape == (0,)
    assert hidden.grad is not None


def test_huge_logits_stay_numbers() -> None:
    head = nn.Linear(1, 2, bias=False).requires_grad_(False)
    head.weight.copy_(torch.tensor([[1e4], [-1e4]]))
    found = logprobs(torch.ones(2, 1), head, torch.tensor([0, 1]))
    assert found.tolist() == [0.0, -20000.0]


def test_other_layers_are_not_known() -> None:
    frozen = nn.Linear(2, 3).requires_grad_(False)
    assert is_frozen_layer(frozen)
    assert not is_frozen_layer(nn.Linear(2, 3))
    assert not is_frozen_layer(nn.Sequential(frozen))
    frozen.register_forward_hook(lambda *_: None)
    assert not is_frozen_layer(frozen)
