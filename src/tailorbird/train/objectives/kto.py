"""Learning from answers that were judged one by one, as wanted or not: no pairs are needed.

Ethayarajh et al. 2024, arXiv:2402.01306, eq. 7 and 8. An answer is worth its log-ratio above a
point of comparison, which is how far the policy has moved from the reference (a KL divergence):
estimated, as in the paper's section 4.1, from answers put behind prompts that they do not belong
to, and not learned from.

The paper and TRL estimate it from all rows that happen to share a batch. Here a row is a small
group of comparisons that estimates it for itself: then the loss does not depend on how groups are
cut into batches and processes, and equals TRL's where its batch is such a group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.task.types import Comparison
from tailorbird.train.material import Material
from tailorbird.train.objectives._comparisons import fitting, nothing_left, references
from tailorbird.train.objectives.base import PADDED, Layout, Mean, Metrics, row_logprobs
from tailorbird.train.rows import Answers, Batch

_OTHER = "other_"
"""In a batch, what belongs to answers behind other prompts."""


@dataclass(frozen=True, kw_only=True)
class KTO:
    """sigmoid(beta * (KL - log-ratio)) of wanted answers, sigmoid(beta * (log-ratio - KL)) of
    the others, averaged over answers. Of ranked answers the best is wanted, the worst is not."""

    beta: Annotated[float, Field(gt=0)] = 0.1
    """How much a step away from the reference costs."""
    wanted: Annotated[float, Field(gt=0)] = 1.0
    """What a wanted answer counts; with it and `unwanted`, make up for unequal numbers."""
    unwanted: Annotated[float, Field(gt=0)] = 1.0
    """What an answer that is not wanted counts."""
    group: Annotated[int, Field(ge=2)] = 4
    """Comparisons in a row, which estimate the KL together; the batch size counts such rows."""
    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = True
    rate: ClassVar[float] = 0.1

    def rows(self, material: Material) -> Sequence[Answers]:
        """Groups of judged answers, followed by as many behind other prompts of the group."""
        found = [_judged(comparison) for comparison, _ in fitting(material)]
        if len(found) < 2:
            raise nothing_left(material, "kto needs two or more, to compare prompts")
        groups = max(1, len(found) // self.group)
        cuts = [len(found) * i // groups for i in range(groups + 1)]
        return [_group(material, found[a:b]) for a, b in pairwise(cuts)]

    def collate(self, rows: Sequence[dict[str, Answers]]) -> Batch:
        """Judged answers int64[N, T] with `group`, `good` and `reference` [N]; the same, under
        `other_`, of answers behind other prompts."""
        found = [r["row"] for r in rows]
        judged, others = zip(*(_halves(row) for row in found))
        sizes = torch.tensor([len(row.good) for row in found])
        return {
            **self._laid_out(judged),
            **{_OTHER + name: value for name, value in self._laid_out(others).items()},
            "group": torch.arange(len(found)).repeat_interleave(sizes),
            "good": torch.tensor([good for row in found for good in row.good]),
        }

    def _laid_out(self, rows: Sequence[Answers]) -> Batch:
        batch = self.layout([answer for row in rows for answer in row.answers])
        return batch | {"reference": references(rows)}

    def weight(self, batch: Batch) -> Tensor:
        """Judged answers."""
        return torch.tensor(len(batch["good"]))

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over judged answers."""
        moved = _moved(model, batch)
        ratios = row_logprobs(model, batch) - batch["reference"]
        good = batch["good"]
        above = torch.where(good, ratios - moved, moved - ratios)
        losses = torch.where(good, self.wanted, self.unwanted) * torch.sigmoid(-self.beta * above)
        rewards = self.beta * ratios
        return losses.sum(), {
            "accuracy": Mean.of(above > 0),
            "chosen_reward": Mean.of(rewards[good]),
            "rejected_reward": Mean.of(rewards[~good]),
            "kl": Mean.of(moved),
        }


def _judged(comparison: Comparison) -> Comparison:
    """Of ranked answers, the ends."""
    best, worst = comparison.answers[0], comparison.answers[-1]
    return comparison if comparison.good is not None else replace(comparison, answers=(best, worst))


def _group(material: Material, part: Sequence[Comparison]) -> Answers:
    """The answers of `part`, and those of each comparison behind the prompt of the next one."""
    good = [g for c in part for g in ((True, False) if c.good is None else (c.good,))]
    before = (part[-1], *part[:-1])
    moved = (replace(c, answers=b.answers) for b, c in zip(before, part))
    own = (row for c in part for row in material.compared(c))
    others = (_cut(row, material.context) for c in moved for row in material.compared(c))
    return Answers((*own, *others), tuple(good))


def _cut(row: Row, length: int) -> Row:
    """Answers behind other prompts may be too long together; their beginning serves as well."""
    return Row(row.tokens[:length], row.learned[:length])


def _halves(row: Answers) -> tuple[Answers, Answers]:
    """The judged answers, and those behind other prompts."""
    n = len(row.good)
    return (
        Answers(row.answers[:n], row.good, row.reference[:n]),
        Answers(row.answers[n:], row.good, row.reference[n:]),
    )


@torch.no_grad()
def _moved(model: nn.Module, batch: Batch) -> Tensor:
    """The KL that each answer is compared with, nats float[N]: at least 0, one per group."""
    other = {name.removeprefix(_OTHER): v for name, v in batch.items() if name.startswith(_OTHER)}
    ratios = row_logprobs(model, other) - other["reference"]
    group = batch["group"]
    sizes = torch.bincount(group)
    sums = ratios.new_zeros(len(sizes)).index_add(0, group, ratios)
    return (sums / sizes).clamp(min=0)[group]


OBJECTIVE = KTO
