"""Rows side by side after what all of them begin with, which is held once (on a CPU).

Attention has two parts. To the shared keys and values all rows are one long query; to its own a row
is alone; and the two are weighed by their sums of exponentials. (Hydragen: Juravsky et al. 2024,
arXiv:2402.05099.)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from tailorbird.errors import ModelError

PREFIXED = "tailorbird_prefixed"
"""The name under which transformers knows this attention."""
Layers = Sequence[tuple[Tensor, Tensor]]
"""Keys and values of the prefix, float[1, G, P, D], of every layer."""


@contextmanager
def attention_with_prefix(model: Any) -> Iterator[None]:
    """Within it, `model` takes `prefix`: `Layers`, or None where nothing is shared."""
    from transformers import AttentionInterface

    before = model.config._attn_implementation
    AttentionInterface.register(PREFIXED, _prefixed)
    model.set_attn_implementation(PREFIXED)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@torch.inference_mode()
def attends_with_prefix(model: Any) -> bool:
    """Whether a row after a prefix gives what the whole gives: tried out on a few tokens."""
    from transformers import DynamicCache

    if model.device.type != "cpu" or model.dtype != torch.float32:
        return False
    whole = torch.arange(5, 12, device=model.device)[None]
    try:
        alone = model(input_ids=whole, use_cache=False).logits[0, 4:]
        cache = DynamicCache(config=model.config)
        model(input_ids=whole[:, :4], past_key_values=cache, use_cache=True)
        held: Any = cache.layers
        layers = [(layer.keys, layer.values) for layer in held]
        with attention_with_prefix(model):
            after = model(
                input_ids=whole[:, 4:], position_ids=torch.arange(4, 7)[None],
                attention_mask=additive(torch.ones(1, 3, 3, dtype=torch.bool).tril()),
                prefix=layers, use_cache=False,
            ).logits[0]  # fmt: skip
    except (ModelError, ImportError, RuntimeError, TypeError, ValueError, AttributeError):
        return False
    # Another order of sums moves a logit by millionths of the largest; a lost token, by far more.
    return float((alone - after).abs().max()) <= 1e-5 * max(1.0, float(alone.abs().max()))


def additive(see: Tensor) -> Tensor:
    """bool[B, T, S], which places each token sees -> float[B, 1, T, S], 0 there, else -1e30."""
    return torch.zeros(see.shape).masked_fill_(~see, -1e30)[:, None]


def _prefixed(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    *, prefix: Layers | None = None, scaling: float | None = None, softcap: float | None = None,
    sliding_window: int | None = None, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """The signature of transformers: query float[B, H, T, D], key and value float[B, G, S, D].

    Returns float[B, T, H, D].
    """
    if attention_mask is None or softcap or sliding_window or hasattr(module, "sinks"):
        raise ModelError("this model's attention is not the plain one, and takes no prefix")
    rows, heads, length, width = query.shape
    groups = key.shape[1]
    each = heads // groups
    own_keys, own_values = (p.repeat_interleave(each, 1) if each > 1 else p for p in (key, value))
    own, of_own = _attend(query, own_keys, own_values, attention_mask, scaling)
    if not prefix:
        return own.transpose(1, 2), None
    long = query.view(rows, groups, each, length, width).permute(1, 2, 0, 3, 4)
    keys, values = prefix[module.layer_idx]
    shared, of_shared = _attend(long.reshape(1, groups, -1, width), keys, values, None, scaling)
    shared = shared.view(groups, each, rows, length, width).permute(2, 0, 1, 3, 4)
    of_shared = of_shared.view(groups, each, rows, length).permute(2, 0, 1, 3)
    share = torch.sigmoid(of_shared.reshape(rows, heads, length) - of_own)[..., None]
    return torch.lerp(own, shared.reshape(own.shape), share).transpose(1, 2), None


def _attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None
) -> tuple[Tensor, Tensor]:
    """Attention float[B, H, T, D], and the logarithm of the sum of exponentials float[B, H, T]."""
    seen: tuple[Tensor, Tensor] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, False, attn_mask=mask, scale=scaling
    )
    return seen
