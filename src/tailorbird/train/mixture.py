"""Several tasks in one training run: how much of each, in which order, and the loss of each.

An epoch has as many rows as all tasks together. Of a task it holds every row once before any a
second time, so that a task whose share is larger than its size is seen more often, and one whose
share is smaller is seen in part, another part in every epoch.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import torch
from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import (
    PADDED,
    Layout,
    Mean,
    Metrics,
    learned_tokens,
    token_logprobs,
)
from tailorbird.train.rows import Batch


def shares(
    sizes: Mapping[str, int], weights: Mapping[str, float] | None, temperature: float = 1.0
) -> dict[str, float]:
    """Share of each task, summing to 1: as `weights` say, or else size to the power of 1 / T.

    T = 1 is in proportion to size, and a large T makes tasks equal (Raffel et al. 2020,
    arXiv:1910.10683, section 3.5.2).
    """
    raw = weights or {name: size ** (1 / temperature) for name, size in sizes.items()}
    total = sum(raw.values())
    return {name: raw[name] / total for name in sizes}


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row, and the task that it is from."""

    tokens: tuple[int, ...]
    learned: tuple[int, ...]
    task: int


def mixed(
    rows: Sequence[Sequence[Row]], share: Sequence[float], epochs: int, seed: int
) -> list[TaskRow]:
    """Rows of several tasks, spread evenly: every stretch of them holds all tasks by their shares.

    `rows` and `share`: one of each per task. Learn from them in this order.
    """
    size = sum(map(len, rows))
    counts = [max(1, round(part * size)) for part in share]
    decks = [_Deck(own, random.Random(f"{seed}-{task}")) for task, own in enumerate(rows)]
    order: list[TaskRow] = []
    for _ in range(epochs):
        epoch: list[tuple[float, TaskRow]] = []
        for task, (deck, count) in enumerate(zip(decks, counts)):
            start = deck.rng.random()
            for place, row in enumerate(deck.draw(count)):
                epoch.append(((place + start) / count, TaskRow(row.tokens, row.learned, task)))
        order += [row for _, row in sorted(epoch, key=lambda placed: placed[0])]
    return order


class _Deck:
    """Rows that are dealt, each once before any is dealt again; then shuffled anew."""

    def __init__(self, rows: Sequence[Row], rng: random.Random) -> None:
        self.rows, self.rng = rows, rng
        self.left: list[Row] = []

    def draw(self, count: int) -> list[Row]:
        """The next `count` rows."""
        for _ in range(ceil(max(0, count - len(self.left)) / len(self.rows))):
            self.left += self.rng.sample(self.rows, len(self.rows))
        drawn, self.left = self.left[:count], self.left[count:]
        return drawn


@dataclass(frozen=True)
class Mixture:
    """Supervised fine-tuning on rows of several tasks; the loss of each task is watched."""

    tasks: tuple[str, ...]
    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def rows(self, material: Material) -> Sequence[TaskRow]:
        """Those of the first task alone; `mixed` puts several together."""
        return [TaskRow(r.tokens, r.learned, 0) for r in material.answered()]

    def collate(self, rows: Sequence[dict[str, TaskRow]]) -> Batch:
        """The rows as one batch, with `task` int64[R]."""
        plain = [Row(r["row"].tokens, r["row"].learned) for r in rows]
        return self.layout(plain) | {"task": torch.tensor([r["row"].task for r in rows])}

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed cross-entropy, and its mean over the learned tokens of each task."""
        logprobs, row = token_logprobs(model, batch)
        of = batch["task"][row]
        seen = ((number, -logprobs[of == number]) for number in set(of.tolist()))
        return -logprobs.sum(), {f"loss/{self.tasks[n]}": Mean.of(v) for n, v in seen}
