"""How fast training goes, against what the machine could do at best.

Utilisation is the share of the machine's matrix-product rate that useful work takes up (model
FLOPs utilisation: Chowdhery et al. 2022, arXiv:2204.02311, appendix B). Useful are the matrix
products that the loss needs: nothing for padding, the output layer at learned tokens only, no
gradients of frozen weights.
"""

import time
from dataclasses import dataclass

import torch
from torch import nn

from tailorbird.train.rows import Batch


@dataclass
class Work:
    """What has been done so far."""

    tokens: int = 0
    """Real tokens, learned or not."""
    flops: float = 0.0
    seconds: float = 0.0
    """Wall time of the steps."""


class Meter:
    """Counts the work of batches that pass through `model`."""

    def __init__(self, model: nn.Module) -> None:
        inside = getattr(model, "module", model)
        head = inside.get_output_embeddings()  # type: ignore[operator]
        body = [m for m in inside.modules() if isinstance(m, nn.Linear) and m is not head]
        self.per_token = sum(_matrix_flops(m) for m in body)
        self.per_learned = _matrix_flops(head) if isinstance(head, nn.Linear) else 0
        config = inside.config.get_text_config()  # type: ignore[operator, union-attr]
        width = getattr(config, "head_dim", None) or (
            config.hidden_size // config.num_attention_heads
        )
        # Scores and sums, 2 n^2 d each, half of them causal; twice that again for the gradients.
        self.per_pair = 6 * config.num_hidden_layers * config.num_attention_heads * width

    def count(self, batch: Batch) -> tuple[int, float]:
        """Real tokens and useful FLOPs of one forward and backward pass."""
        lengths = _row_lengths(batch)
        tokens = int(lengths.sum())
        learned = int((batch["labels"] != -100).sum())
        pairs = float((lengths.double() ** 2).sum())
        flops = tokens * self.per_token + learned * self.per_learned + pairs * self.per_pair
        return tokens, flops


def _matrix_flops(layer: nn.Linear) -> int:
    """Of one token through a layer: forward, gradient of the input, gradient of the weight."""
    return layer.weight.numel() * (6 if layer.weight.requires_grad else 4)


def _row_lengths(batch: Batch) -> torch.Tensor:
    if "row_lengths" in batch:
        return batch["row_lengths"]
    return batch["attention_mask"].sum(dim=1)


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
