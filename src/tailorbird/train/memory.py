"""How much memory a training step takes, by formula; and the batch that fits.

The way to count activations is that of Korthikanti et al. 2022 (arXiv:2205.05198, section 4.1):
what each operation of a block keeps for the backward pass, per token. The block here is the gated
one of Llama with attention that keeps no matrix of scores (Dao et al. 2022, arXiv:2205.14135), as
rows laid end to end are computed (see `train/attention.py`).
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tailorbird.errors import TrainingError
from tailorbird.train.output_layer import CHUNK, is_frozen_layer
from tailorbird.train.passes import CPU_TOKENS

_FLOAT = 4
"""Bytes of a float32, in which losses and the states of optimisers are kept."""
ROOM = 0.9
"""Share of the free memory that may be planned with."""


class Range(NamedTuple):
    """A number that is not known exactly: low, expected, high."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Any) -> "Range":
        """Ends added to ends: what is uncertain is uncertain for one reason."""
        return Range(*(a + b for a, b in zip(self, other)))

    def times(self, factor: "float | Range") -> "Range":
        """Scaled; low by low, high by high."""
        by = factor if isinstance(factor, Range) else Range(factor, factor, factor)
        return Range(*(a * b for a, b in zip(self, by)))

    @classmethod
    def exactly(cls, number: float) -> "Range":
        """A number that is known."""
        return cls(number, number, number)


class Load(NamedTuple):
    """What one forward and backward pass has to hold at once."""

    tokens: float
    """Tokens of the batch, padding included."""
    learned: float
    """Those that pass the output layer."""


@dataclass(frozen=True)
class Footprint:
    """What the memory of a training step depends on. Sizes in bytes unless said otherwise."""

    weights: float
    trained: int
    """Parameters that are trained."""
    gradients: float
    states: float
    """Of the optimiser."""
    blocks: int
    """Blocks that gradients pass through."""
    block: float
    """Kept for the backward pass, per token and block."""
    between: float
    """Kept per token and block when blocks are computed again (gradient checkpointing)."""
    logits: float
    """At the peak, per learned token."""
    logits_most: float
    """However many tokens are learned: infinite where all their logits are held at once."""
    checkpointing: bool = False

    @classmethod
    def of(cls, policy: Any, optimizer: str = "adamw", checkpointing: bool = False) -> "Footprint":
        """Of a model with what is trained attached; one on the meta device will do.

        Weights keep their type; gradients and states have that of the trained parameters. AdamW
        keeps two states per parameter (Kingma & Ba 2015), Muon one (Jordan et al. 2024).
        """
        every = [(p.numel(), p.element_size(), p.requires_grad) for p in policy.parameters()]
        trained = [(n, size) for n, size, train in every if train]
        gradients = float(sum(n * size for n, size in trained))
        config = policy.config.get_text_config()
        head = policy.get_output_embeddings()
        in_chunks = head is not None and is_frozen_layer(head)
        width = next(iter(policy.parameters())).element_size()
        return cls(
            weights=float(sum(n * size for n, size, _ in every)),
            trained=sum(n for n, _ in trained),
            gradients=gradients,
            states=gradients * (2 if optimizer == "adamw" else 1),
            blocks=_blocks_with_gradient(policy, config),
            block=_kept(config, width, _rank(policy), _norms_trained(policy)),
            between=float(width * config.hidden_size),
            logits=_logits(head, config, width),
            logits_most=2 * _FLOAT * CHUNK if in_chunks else math.inf,
            checkpointing=checkpointing,
        )

    def at(self, load: Load, accumulated: bool = False) -> float:
        """Bytes at the peak of a step with `load`: weights, states, activations, gradients.

        Gradients are there in the forward pass only when they are `accumulated` from earlier ones;
        else they grow as activations shrink.
        """
        parts, one = self.parts(load), load.tokens * self.block
        # Behind the last block: its logits, then the gradients inside one block.
        top = parts["activations"] + max(parts["logits"], one)
        moving = top + self.gradients if accumulated else max(top, self.gradients + one)
        return self.weights + self.states + moving

    def parts(self, load: Load) -> dict[str, float]:
        """The same by what it is for, in bytes; the peak is at most their sum."""
        one = load.tokens * self.block
        kept = self.blocks * one
        if self.checkpointing:
            kept = self.blocks * load.tokens * self.between + one
        return {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimiser": self.states,
            "activations": kept,
            "logits": min(load.learned * self.logits, self.logits_most),
        }


def _kept(config: Any, width: int, rank: int, norms: bool) -> float:
    """Bytes per token that one block keeps for the backward pass.

    With hidden size h, widths q of queries and k of keys, feed-forward size f and rank r:

    - two norms: their input and output, 4 h (2 h more where their weights are trained); in half
      precision the input is kept in float32;
    - attention: q, k and v after rotation, its output, and that output as the next layer reads
      it, 3 q + 2 k;
    - feed-forward: gate, activated gate, the other half and their product, 4 f;
    - adapters: the narrow vector inside each of seven layers, 7 r; in half precision they are
      float32, and so are copies of what they read, 5 h + q + f.
    """
    h, heads = config.hidden_size, getattr(config, "num_attention_heads", None) or 1
    head = getattr(config, "head_dim", None) or h // heads
    q = heads * head
    k = (getattr(config, "num_key_value_heads", None) or heads) * head
    f = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None) or 4 * h
    norm = 2 * h * (max(width, _FLOAT) + width) + 2 * h * width * norms
    kept = norm + width * (3 * q + 2 * k + 4 * f)
    if rank:
        copies = 0 if width >= _FLOAT else 5 * h + q + f
        kept += _FLOAT * (7 * rank + copies)
    return float(kept)


def _logits(head: Any, config: Any, width: int) -> float:
    """Per learned token: float32 logits, their log-probabilities and the gradient, V each; in half
    precision the logits as they come, too. A frozen output layer holds a chunk of them at most (see
    `train/output_layer.py`)."""
    vocabulary = head.weight.shape[0] if head is not None else config.vocab_size
    return float(vocabulary * (3 * _FLOAT + (width if width < _FLOAT else 0)))


def _rank(policy: Any) -> int:
    """Of the low-rank adapters; 0 without any."""
    configs = getattr(policy, "peft_config", {}).values()
    return max((int(getattr(c, "r", 0) or 0) for c in configs), default=0)


def _norms_trained(policy: Any) -> bool:
    return any(
        p.requires_grad and p.ndim == 1 and "norm" in n for n, p in policy.named_parameters()
    )


def _blocks_with_gradient(policy: Any, config: Any) -> int:
    """All above the lowest trained block."""
    layers = int(config.num_hidden_layers)
    names = [n for n, p in policy.named_parameters() if p.requires_grad]
    numbers = [[int(part) for part in n.split(".") if part.isdigit()] for n in names]
    if any(not found for found in numbers):
        return layers  # embeddings or virtual tokens lie below them all
    return layers - min((found[0] for found in numbers), default=0)


# ---- batches -----------------------------------------------------------------------------------


def largest(rows: Sequence[Any], batch_size: int, pass_tokens: int | None = None) -> Load:
    """The load of a batch of the longest rows: the most that an order of rows can bring.

    Of a batch that takes several passes (see `train/passes.py`) the load of one of them.
    """
    lengths = sorted((len(r.tokens) for r in rows), reverse=True)[:batch_size]
    learned = sum(sorted((sum(r.learned) for r in rows), reverse=True)[:batch_size])
    tokens = sum(lengths)
    if pass_tokens is not None:
        tokens = max(lengths[0], min(tokens, pass_tokens))
    return Load(tokens, min(tokens, learned))


def choose_batch(
    policy: Any,
    rows: Sequence[Any],
    wanted: int,
    memory: float | None = None,
    optimizer: str = "adamw",
    checkpointing: bool = False,
) -> tuple[int, int]:
    """(batch size, accumulation), whose product is `wanted`: the largest batch that fits.

    `policy` is the model with what is trained attached, in place; `rows` have `tokens` and
    `learned`; `memory` is in bytes, by default what is free where the model is, and the model.
    Raises `TrainingError` when not even one row fits.
    """
    if not rows:
        return wanted, 1
    footprint = Footprint.of(policy, optimizer, checkpointing)
    if memory is None:
        memory = free_memory(policy.device) + footprint.weights
    pass_tokens = CPU_TOKENS if policy.device.type == "cpu" else None
    if chosen := fitting(footprint, rows, wanted, memory, pass_tokens):
        return chosen
    needed = footprint.at(largest(rows, 1, pass_tokens), accumulated=wanted > 1)
    if needed <= memory:  # it may fit, and whoever asks has nothing smaller to try
        return 1, wanted
    longest = max(len(r.tokens) for r in rows)
    raise TrainingError(
        f"training on one row of {longest:,} tokens needs about {needed / 2**30:.1f} GiB, and "
        f"{memory / 2**30:.1f} GiB are there",
        hint="tailorbird plan says what to change",
    )


def fitting(
    footprint: Footprint, rows: Sequence[Any], wanted: int, memory: float, pass_tokens: int | None
) -> tuple[int, int] | None:
    """The largest batch that divides `wanted` and surely fits, and how many make a step."""
    for batches in (n for n in range(1, wanted + 1) if wanted % n == 0):
        size = wanted // batches
        accumulated = batches > 1 or pass_tokens is not None
        needed = footprint.at(largest(rows, size, pass_tokens), accumulated)
        if footprint.weights + CAUTION * (needed - footprint.weights) <= ROOM * memory:
            return size, batches
    return None


CAUTION = 1.25
"""By so much what is not weights may exceed the formula (docs/plan.md has the measurements)."""


def free_memory(device: Any = None) -> float:
    """Bytes that are free on a GPU, or else in this machine or the container that we are in."""
    import torch

    if device is not None and torch.device(device).type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return min(_machine(), _container())


def _machine() -> float:
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:  # not Linux: nobody tells what is free, so half of all
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    values = dict(line.split(":", 1) for line in text.splitlines())
    return 1024.0 * int(values["MemAvailable"].split()[0])


def _container() -> float:
    """What a control group leaves (cgroup v2); infinite where there is none."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="utf-8").strip()
        used = (folder / "memory.current").read_text(encoding="utf-8")
    except OSError:
        return float("inf")
    return float("inf") if limit == "max" else float(limit) - float(used)
