"""Log-probabilities of tokens without all their logits: those of a large vocabulary are the largest
array of a training step, three times over with their gradient.

The output layer is frozen, so a token's log-probability leans on its hidden state alone, and its
gradient with respect to that is known as soon as the logits are: W[target] - softmax(logits) W.
It is kept in their place, a thousandth of their size, and the logits of a few tokens at a time are
forgotten. (Fusing the output layer with the loss by chunks is the idea of Hsu et al. 2024,
arXiv:2410.10989, section 3.2.)
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

CHUNK = 1 << 22
"""Logits held at a time."""


def is_frozen_layer(head: Any) -> bool:
    """Whether `logprobs` knows this output layer: a plain linear one, without gradient or hooks."""
    return (
        type(head) is nn.Linear
        and type(head.weight) is nn.Parameter
        and not any(p.requires_grad for p in head.parameters())
        and not (head._forward_hooks or head._forward_pre_hooks or "forward" in vars(head))
    )


def logprobs(hidden: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
    """Log-probabilities (nats) float32[L] of `targets` int64[L], of hidden states float[L, D]."""
    device = hidden.device.type
    half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    found: Tensor = _Logprobs.apply(hidden, head.weight, head.bias, targets, half)  # type: ignore[no-untyped-call]
    return found


class _Logprobs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor,
        half: torch.dtype | None,
    ) -> Tensor:  # fmt: skip
        dtype = half or weight.dtype
        with torch.autocast(hidden.device.type, enabled=False):
            weight = weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
            found = hidden.new_empty(len(hidden), dtype=torch.float32)
            slopes = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
            size = max(1, CHUNK // len(weight))
            for start in range(0, len(hidden), size):
                chunk = slice(start, start + size)
                logits = linear(hidden[chunk].to(dtype), weight, bias).float()
                targeted = targets[chunk, None]
                # In place: these are the largest arrays there are.
                logits -= logits.amax(dim=1, keepdim=True)
                found[chunk] = logits.gather(1, targeted)[:, 0]
                total = logits.exp_().sum(dim=1, keepdim=True)
                found[chunk] -= total[:, 0].log()
                if slopes is not None:
                    below = logits.div_(-total)
                    below.scatter_add_(1, targeted, torch.ones_like(total))
                    slopes[chunk] = below.to(dtype) @ weight
        if slopes is not None:
            ctx.save_for_backward(slopes)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (slopes,) = ctx.saved_tensors
        return (slopes * gradient[:, None]).to(slopes.dtype), None, None, None, None
