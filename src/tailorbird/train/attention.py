"""Attention for rows laid end to end in one sequence: each sees itself alone, nothing is padded.

No mask is built and no pair of tokens of different rows is computed, so the cost of attention is
that of the rows, however many share a sequence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from tailorbird.errors import TrainingError
from tailorbird.train.policy import has_virtual_tokens

BY_ROW = "tailorbird_by_row"
"""The name under which transformers knows this attention."""


@contextmanager
def attention_by_row(model: Any) -> Iterator[None]:
    """Within it, `model` takes `row_lengths` (int64[R], adding up to the sequence's length)."""
    from transformers import AttentionInterface

    inside = getattr(model, "module", model)  # of DistributedDataParallel
    before = inside.config._attn_implementation
    AttentionInterface.register(BY_ROW, _by_row)
    inside.set_attn_implementation(BY_ROW)
    try:
        yield
    finally:
        inside.set_attn_implementation(before)


@torch.no_grad()
def attends_by_row(model: Any) -> bool:
    """Whether two rows end to end give what each gives alone: tried out on a few tokens."""
    if getattr(model.config, "attention_chunk_size", None):
        return False  # told by a mask that is not built here
    if has_virtual_tokens(model):
        return False  # they stand before the first row only
    device, training = model.device, model.training
    model.eval()  # dropout would make any two passes differ
    one, two = (torch.arange(a, b, device=device)[None] for a, b in ((5, 9), (7, 10)))
    alone = torch.cat([model(input_ids=row, use_cache=False).logits for row in (one, two)], dim=1)
    positions = torch.cat([torch.arange(row.shape[1], device=device) for row in (one, two)])
    lengths = torch.tensor([one.shape[1], two.shape[1]], device=device)
    try:
        with attention_by_row(model):
            together = model(
                input_ids=torch.cat([one, two], dim=1), position_ids=positions[None],
                row_lengths=lengths, use_cache=False,
            ).logits  # fmt: skip
    except (TrainingError, ImportError, RuntimeError, TypeError, ValueError):
        return False
    finally:
        model.train(training)
    # Another order of sums moves a logit by millionths of the largest; a neighbour, by far more.
    rounding = max(8 * torch.finfo(alone.dtype).eps, 1e-5) * float(alone.abs().max())
    return float((alone - together).abs().max()) <= rounding


def _by_row(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    *, row_lengths: Tensor | None = None, dropout: float = 0.0, scaling: float | None = None,
    sliding_window: int | None = None, softcap: float | None = None, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """The signature of transformers: query float[1, H, T, D], key and value float[1, G, T, D].

    Returns float[1, T, H, D].
    """
    if row_lengths is None or attention_mask is not None or softcap:
        raise TrainingError(
            "this model's attention cannot be computed row by row: it is told no row lengths, or "
            "its scores are masked or soft-capped"
        )
    if query.is_cuda and torch.is_autocast_enabled("cuda"):
        half = torch.get_autocast_dtype("cuda")  # rotary embeddings come back in float32
        query, key, value = (part.to(half) for part in (query, key, value))
    if query.is_cuda and query.dtype != torch.float32 and not dropout:
        return _by_row_on_gpu(query, key, value, row_lengths, scaling, sliding_window), None
    lengths = row_lengths.tolist()
    # split, not slices: the gradient of every slice would be as large as the whole sequence.
    parts = zip(*(torch.split(p, lengths, dim=2) for p in (query, key, value)), strict=True)
    seen = [_attend(q, k, v, dropout, scaling, sliding_window) for q, k, v in parts]
    return torch.cat(seen, dim=2).transpose(1, 2), None


def _attend(
    query: Tensor, key: Tensor, value: Tensor, dropout: float, scaling: float | None,
    window: int | None,
) -> Tensor:  # fmt: skip
    """Causal attention within one row, of the last `window` tokens if there is a window."""
    length = query.shape[2]
    mask = None
    if window is not None and window < length:
        mask = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
        mask = mask.triu(1 - window)
    return scaled_dot_product_attention(
        query, key, value, mask, dropout, is_causal=mask is None, scale=scaling,
        enable_gqa=key.shape[1] != query.shape[1],
    )  # fmt: skip


def _by_row_on_gpu(
    query: Tensor, key: Tensor, value: Tensor, row_lengths: Tensor, scaling: float | None,
    window: int | None,
) -> Tensor:  # fmt: skip
    """The same by one kernel (FlashAttention for rows of several lengths)."""
    from torch.nn.attention.varlen import varlen_attn

    ends = nn.functional.pad(row_lengths.cumsum(0), (1, 0)).to(torch.int32)
    longest = int(row_lengths.max())
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    seen = varlen_attn(
        q, k, v, ends, ends, longest, longest, scale=scaling,
        window_size=(window - 1 if window else -1, 0),
        enable_gqa=key.shape[1] != query.shape[1],
    )  # fmt: skip
    assert isinstance(seen, Tensor)
    return seen[None]
