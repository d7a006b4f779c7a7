"""PEFT's LoRA layers, each as one step of the gradient: the same numbers in less time and memory.

PEFT writes y = x W' + s (x A') B' as five operations, of which four make an array as large as y;
their gradients make some more. As one function, s (x A') B' is added by the matrix product that
computes it, and so are its gradients. With g the gradient of y, they are

    of B: s g' (x A')      of A: (s g B)' x      of x: g W + (s g B) A      of W, frozen: none

(Hu et al. 2021, arXiv:2106.09685, equation 3, and its derivatives).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear


@contextmanager
def fused_lora(model: nn.Module) -> Iterator[None]:
    """Within it, the LoRA layers of `model` are computed so, wherever that changes no number.

    Layers with dropout, with several active adapters, of another variant (DoRA, say), quantised or
    hooked, and adapters that are merged or disabled for a while, are left to PEFT.
    """
    # Nobody has a layer of PEFT who has not imported it, and importing it takes a while.
    peft = sys.modules.get("peft.tuners.lora.layer")
    layers = [m for m in model.modules() if peft and type(m) is peft.Linear]
    layers = [layer for layer in layers if "forward" not in vars(layer)]
    for layer in layers:
        layer.forward = partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _forward(layer: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    name = None if args or kwargs or x.is_meta else _plain_adapter(layer)
    if name is None:
        return type(layer).forward(layer, x, *args, **kwargs)
    base, a, b = layer.base_layer, layer.lora_A[name], layer.lora_B[name]
    scaling = layer.scaling[name]
    return _LoRALinear.apply(x, base.weight, base.bias, a.weight, b.weight, scaling)  # type: ignore[no-untyped-call]


def _plain_adapter(layer: Any) -> str | None:
    """The name of the one adapter that acts now, if it is nothing but s (x A') B'."""
    if layer.disable_adapters or layer.merged:
        return None
    active = [name for name in layer.active_adapters if name in layer.lora_A]
    if len(active) != 1 or active[0] in layer.lora_variant:
        return None
    base, a, b = layer.base_layer, layer.lora_A[active[0]], layer.lora_B[active[0]]
    dropout = layer.lora_dropout[active[0]]
    drops = getattr(dropout, "p", 0.0) > 0 and dropout.training
    frozen = not any(p.requires_grad for p in base.parameters())
    plain = frozen and not drops and b.bias is None and all(map(_plain, (base, a, b)))
    return active[0] if plain else None


def _plain(layer: nn.Module) -> bool:
    """Whether calling it would do no more than multiply by its weight."""
    # Quantised and distributed weights are parameters of other types.
    product = type(layer) is nn.Linear and type(layer.weight) is nn.Parameter
    return product and not (
        "forward" in vars(layer) or layer._forward_hooks or layer._forward_pre_hooks
        or layer._backward_hooks or layer._backward_pre_hooks
    )  # fmt: skip


class _LoRALinear(torch.autograd.Function):
    """x float[..., I], weight float[O, I], a float[R, I], b float[O, R] -> float[..., O]."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor,
        scaling: float,
    ) -> Tensor:  # fmt: skip
        device = x.device.type
        # As in PEFT: the base in its own precision, the adapter in its own, the sum in the base's.
        half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        ctx.types = half or weight.dtype, half or a.dtype
        ctx.scaling = scaling
        of_base, of_adapter = ctx.types
        with torch.autocast(device, enabled=False):
            rows = x.reshape(-1, x.shape[-1])
            shift = None if bias is None else bias.to(of_base)
            y = linear(rows.to(of_base), weight.to(of_base), shift)
            low = linear(rows.to(of_adapter), a.to(of_adapter))
            y = _add(y, low, b.to(of_adapter).t(), scaling)
        ctx.save_for_backward(x, weight, a, b, low)
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, a, b, low = ctx.saved_tensors
        of_base, of_adapter = ctx.types
        of_x = of_a = of_b = None
        with torch.autocast(x.device.type, enabled=False):
            g = gradient.reshape(-1, gradient.shape[-1])
            wide = g.to(of_adapter)
            of_low = (wide @ b.to(of_adapter)).mul_(ctx.scaling)
            if ctx.needs_input_grad[0]:
                of_x = _add(g.to(of_base) @ weight.to(of_base), of_low, a.to(of_adapter))
                of_x = of_x.view(x.shape).to(x.dtype)
            if ctx.needs_input_grad[3]:
                rows = x.reshape(-1, x.shape[-1])
                of_a = (of_low.t() @ rows.to(of_adapter)).to(a.dtype)
            if ctx.needs_input_grad[4]:
                # The other way round, wide.t() @ low, is slower on a CPU for wide layers.
                of_b = (low.t() @ wide).mul_(ctx.scaling).t().to(b.dtype).contiguous()
        return of_x, None, None, of_a, of_b, None


def _add(to: Tensor, left: Tensor, right: Tensor, scale: float = 1.0) -> Tensor:
    """`to` + scale left right, in place if they are of one precision; in the precision of `to`."""
    if to.dtype == left.dtype:
        return to.addmm_(left, right, alpha=scale)
    return torch.addmm(to.to(left.dtype), left, right, alpha=scale).to(to.dtype)
