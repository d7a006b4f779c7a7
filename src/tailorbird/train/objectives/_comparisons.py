"""What objectives over ranked answers share: their rows, their batches, and what to watch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor, nn

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.task.types import Comparison
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import (
    PADDED,
    Layout,
    Mean,
    Metrics,
    row_logprobs,
    sum_by_row,
    token_logprobs,
)
from tailorbird.train.rows import Answers, Batch


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A row is one comparison with all its answers; a batch holds them one after the other."""

    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = True
    rate: ClassVar[float] = 0.1

    def rows(self, material: Material) -> Sequence[Answers]:
        """Every comparison of two or more answers, once per epoch."""
        return ranked(material)

    def collate(self, rows: Sequence[dict[str, Answers]]) -> Batch:
        """All answers int64[N, T]; `comparison` int64[N] tells which belong together, best first;
        `reference` float[N] in nats, for objectives that use one."""
        found = [r["row"] for r in rows]
        batch = self.layout([answer for row in found for answer in row.answers])
        sizes = torch.tensor([len(row.answers) for row in found])
        batch["comparison"] = torch.arange(len(found)).repeat_interleave(sizes)
        if self.uses_reference:
            batch["reference"] = references(found)
        return batch

    def weight(self, batch: Batch) -> Tensor:
        """Comparisons."""
        return batch["comparison"][-1] + 1


@dataclass(frozen=True, kw_only=True)
class Paired(Ranked):
    """A row is a better answer and a worse one.

    A ranking of more answers is all its pairs (Ouyang et al. 2022, arXiv:2203.02155, 3.5).
    """

    def rows(self, material: Material) -> Sequence[Answers]:
        """Every pair of every comparison, once per epoch."""
        return [Answers(pair) for row in ranked(material) for pair in combinations(row.answers, 2)]


def ranked(material: Material) -> list[Answers]:
    """The ranked answers of the task. Raises `TrainingError` where none can be learned from."""
    rows = []
    for comparison, answers in fitting(material):
        if comparison.good is None:
            rows.append(Answers(answers))
        else:
            material.leave_out("one judged answer, nothing to compare it with", 1)
    if not rows:
        raise nothing_left(material, "for answers that were judged one by one, use kto")
    return rows


def fitting(material: Material) -> Iterator[tuple[Comparison, tuple[Row, ...]]]:
    """Comparisons with their answers, where all of these fit in the context."""
    for comparison in material.comparisons():
        answers = material.compared(comparison)
        if max(len(row.tokens) for row in answers) <= material.context:
            yield comparison, answers
        else:
            material.leave_out("longer than the context", 1)


def nothing_left(material: Material, hint: str) -> TrainingError:
    """Says why every comparison was left out."""
    said = "; ".join(f"{n:,} {reason}" for reason, n in material.dropped.items())
    return TrainingError(f"there are too few comparisons to learn from: {said or 'one'}", hint)


def references(rows: Sequence[Answers]) -> Tensor:
    """What the reference says of all answers, one after the other: float[N], in nats."""
    if any(len(row.reference) != len(row.answers) for row in rows):
        raise TrainingError(
            "rows do not know what the reference says of their answers",
            hint="pass them through train.reference.with_reference first",
        )
    return torch.tensor([value for row in rows for value in row.reference])


def log_ratios(model: nn.Module, batch: Batch) -> Tensor:
    """log(policy / reference) of every answer: float[N], in nats."""
    return row_logprobs(model, batch) - batch["reference"]


def mean_logprobs(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Log-probability per learned token (nats), and how many there are: both float[N]."""
    logprobs, row = token_logprobs(model, batch)
    lengths = sum_by_row(torch.ones_like(logprobs), row, batch).clamp(min=1)
    return sum_by_row(logprobs, row, batch) / lengths, lengths


def in_order(comparison: Tensor) -> Tensor:
    """bool[N, N]: whether answers i and j are of one comparison, and i is not behind j."""
    place = torch.arange(len(comparison), device=comparison.device)
    return (comparison[:, None] == comparison) & (place[:, None] <= place)


def watched(rewards: Tensor, comparison: Tensor) -> Metrics:
    """Over all pairs of a comparison: how far apart, and how often in the right order.

    `chosen_reward` and `rejected_reward` are those of the best and the worst answer.
    """
    rewards = rewards.detach()
    better = in_order(comparison).triu(1)
    margins = (rewards[:, None] - rewards)[better]
    return {
        "margin": Mean.of(margins),
        "accuracy": Mean.of(margins > 0),
        "chosen_reward": Mean.of(rewards[~better.any(0)]),
        "rejected_reward": Mean.of(rewards[~better.any(1)]),
    }


def plackett_luce(rewards: Tensor, comparison: Tensor) -> Tensor:
    """Negative log-likelihood of every ranking, summed: the best answer is chosen among all, the
    next among those left, and so on, each in proportion to exp(reward). Of two answers it is
    -log sigmoid(better - worse), the model of Bradley and Terry (1952).

    Luce (1959), Individual Choice Behavior; Plackett (1975), The Analysis of Permutations.
    """
    left = rewards.expand(len(rewards), -1).masked_fill(~in_order(comparison), -torch.inf)
    return (left.logsumexp(1) - rewards).sum()
