"""The knobs that we vouch for. Any other argument of transformers passes through by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults suit LoRA on hundreds to thousands of short examples."""

    learning_rate: float = 3e-3
    epochs: float = 3.0
    max_steps: int = -1
    """Optimiser steps; -1: as many as the epochs take."""
    batch_size: int = 8
    """Rows per batch; on a CPU a batch takes several passes (see `train/passes.py`)."""
    accumulation: int = 1
    """Batches per optimiser step."""
    warmup_steps: int = 10
    schedule: Literal["linear", "constant", "cosine", "decay"] = "linear"
    """decay: constant, then linear to zero over the last 40 % (warm-up, stable, decay)."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    save_every: int = 50
    """Steps between checkpoints: the most that a kill can cost."""
    group_by_length: bool = True
    """Batch rows of like length together: less padding."""
    bf16: bool = False
    seed: int = 0
    trainer: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of transformers.TrainingArguments, by name."""


def usual_rate(width: int) -> float:
    """Learning rate that suits AdamW on all weights of a model that is `width` wide.

    Fitted on Llama models by the authors of tinker-cookbook (`hyperparam_utils.get_lr`), who take
    ten times as much for LoRA. At fledgling's width that gives 0.003, which suits it.
    """
    return float(5e-5 * (2000 / width) ** 0.781)


def suited_epochs(examples: int) -> int:
    """How many epochs suit so many examples; rank and rate stay the usual ones.

    Three epochs of 40 examples are 15 steps, and end before anything is learned. The figures
    behind it stand in docs/self-supervised.md (benchmarks/few_examples.py).
    """
    return min(_MOST_EPOCHS, max(3, round(_LOOKS / max(1, examples))))


_LOOKS = 1200
"""Examples seen in all epochs together, at least."""
_MOST_EPOCHS = 20
