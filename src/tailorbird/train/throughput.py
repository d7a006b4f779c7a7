"""How fast training goes, against what the machine could do at best.

Utilisation is the share of the machine's matrix-product rate that useful work takes up (model
FLOPs utilisation: Chowdhery et al. 2022, arXiv:2204.02311, appendix B). Useful are the matrix
products that the loss needs: nothing for padding, the output layer at learned tokens only, no
gradients of frozen weights.
"""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tailorbird.train.rows import Batch


@dataclass
class Work:
    """What one process has done so far."""

    tokens: int = 0
    """Tokens read, learned or not; padding does not count."""
    flops: float = 0.0
    """Useful ones; 0 where they cannot be counted."""
    seconds: float = 0.0
    """Wall time of the steps."""
    cpu_seconds: float = 0.0
    """Processor time of the steps, all threads."""


class Meter:
    """Counts the work of the batches that pass through a transformer."""

    def __init__(self, model: Any) -> None:
        inside = getattr(model, "module", model)
        head = inside.get_output_embeddings()
        apart = {id(m.weight) for m in inside.modules() if isinstance(m, nn.Embedding)}
        self.per_learned = 0
        if head is not None:
            apart.add(id(head.weight))
            self.per_learned = _product_flops(head.weight)
        # Matrices of any kind of layer; GPT-2 has layers of its own.
        matrices = [p for p in inside.parameters() if p.ndim == 2 and id(p) not in apart]
        self.per_token = sum(map(_product_flops, matrices))
        self.per_pair = _pair_flops(inside.config.get_text_config())

    def count(self, batch: Batch) -> tuple[int, float]:
        """Tokens and useful FLOPs of one forward and backward pass; 0 what cannot be counted."""
        lengths = _row_lengths(batch)
        if lengths is None:
            return 0, 0.0
        tokens = int(lengths.sum())
        if self.per_pair is None or "labels" not in batch:
            return tokens, 0.0
        learned = int((batch["labels"] != -100).sum())
        pairs = float((lengths.double() ** 2).sum())
        return tokens, tokens * self.per_token + learned * self.per_learned + pairs * self.per_pair


def _product_flops(weight: Tensor) -> int:
    """Of one token: forward, gradient of the input, gradient of the weight if it is trained."""
    return weight.numel() * (6 if weight.requires_grad else 4)


def _pair_flops(config: Any) -> int | None:
    """Of attention per squared length: scores and sums, 2 n^2 d each, half of it causal, and twice
    that again for the gradients. None for models without attention."""
    heads = getattr(config, "num_attention_heads", None)
    if not heads:
        return None
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return int(6 * config.num_hidden_layers * heads * width)


def _row_lengths(batch: Batch) -> Tensor | None:
    if "row_lengths" in batch:
        return batch["row_lengths"]
    mask = batch.get("attention_mask")
    return mask.sum(dim=1) if mask is not None and mask.ndim == 2 else None


def matrix_product_ceiling(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """FLOPs per second of a large matrix product, here and now: the best of a few."""
    size = 1024 if device.type == "cpu" else 8192
    a = torch.randn(size, size, device=device, dtype=dtype)
    best = 0.0
    for _ in range(6):  # the first warms up
        started = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best
