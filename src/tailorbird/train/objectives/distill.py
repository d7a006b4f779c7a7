"""Distillation: a small model learns what a larger one says.

By tokens (Hinton et al. 2015, arXiv:1503.02531): the whole distribution that the teacher has at
every token of the gold answers. It needs a teacher on this machine with the same tokenizer. By
sequences (Kim & Rush 2016, arXiv:1606.07947): the answers that the teacher writes, as if they were
gold ones, for teachers of any kind, endpoints among them; answers that the task's own scorer marks
wrong are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.models.files import is_endpoint
from tailorbird.train.objectives.base import (
    PADDED,
    Layout,
    Mean,
    Metrics,
    learned_tokens,
    token_logits,
)
from tailorbird.train.rows import Batch
from tailorbird.train.teacher import Taught, answers_of, load_teacher, remembered

if TYPE_CHECKING:
    from tailorbird.train.material import Material

_LEAST = 1e-6
"""Probability of all other tokens together, at least: float32 tells no smaller one from none."""


@dataclass(frozen=True, kw_only=True)
class Distill:
    """(1 - gold) T^2 KL(teacher, student) + gold * cross-entropy, averaged over tokens.

    KL is forward (it covers all that the teacher might say), reverse (it keeps to what the teacher
    would say; Gu et al. 2023, arXiv:2306.08543, section 2.1), or a mix. By sequences only the
    cross-entropy with the teacher's answers is left.
    """

    teacher: str
    """A hub id, a folder or an endpoint."""
    level: Literal["tokens", "sequences"] | None = None
    """By default tokens for a model on this machine, and sequences for an endpoint."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """T: divides the logits of both; above 1 small probabilities weigh more."""
    reverse: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the reverse KL."""
    gold: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the cross-entropy with the gold answer."""
    top_k: Annotated[int, Field(ge=1)] | None = None
    """Ask the teacher once, before training, and keep its likeliest tokens on the disk; the others
    count as one. None: it is asked at every step, and stays in memory."""
    keep: Annotated[float, Field(ge=0, le=1)] = 1.0
    """By sequences: the mark on the primary metric from which on an answer is learned."""
    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    @property
    def by_tokens(self) -> bool:
        """Whether distributions are learned, and not answers."""
        return (self.level or ("sequences" if is_endpoint(self.teacher) else "tokens")) == "tokens"

    def rows(self, material: "Material") -> Sequence[Row | Taught]:
        """The gold answers, with what the teacher says of them; or its own answers."""
        if not self.by_tokens:
            examples = answers_of(self.teacher, material, self.keep)
            return replace(material, examples=examples).answered()
        teacher = load_teacher(self.teacher, material.chat)
        rows = material.answered()
        if self.top_k is None:
            return rows
        return remembered(
            teacher, self.teacher, rows, self.top_k, self.temperature, material.folder,
            material.quiet,
        )  # fmt: skip

    def collate(self, rows: Sequence[dict[str, Row | Taught]]) -> Batch:
        """The rows as one batch; with `teacher_ids` and `teacher_logprobs` [L, K] where kept."""
        given = [r["row"] for r in rows]
        batch = self.layout([Row(r.tokens, r.learned) for r in given])
        known = [r for r in given if isinstance(r, Taught)]
        if known:
            batch["teacher_ids"] = torch.cat([torch.from_numpy(r.ids).long() for r in known])
            batch["teacher_logprobs"] = torch.cat([torch.from_numpy(r.logprobs) for r in known])
        return batch

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """The sum over learned tokens; the forward KL and the cross-entropy are watched."""
        logits, targets, _ = token_logits(model, batch)
        gold = nn.functional.cross_entropy(logits, targets, reduction="none")
        if not self.by_tokens:
            return gold.sum(), {}
        theirs, ours = self._views(logits, batch)
        forward = (theirs.exp() * (theirs - ours)).sum(dim=1)
        backward = (ours.exp() * (ours - theirs)).sum(dim=1)
        distance = self.temperature**2 * ((1 - self.reverse) * forward + self.reverse * backward)
        total = (1 - self.gold) * distance.sum() + self.gold * gold.sum()
        return total, {"kl": Mean.of(forward), "cross_entropy": Mean.of(gold)}

    def _views(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities of teacher and student over the same outcomes, each [L, outcomes]."""
        if "teacher_ids" in batch:
            ours = (logits / self.temperature).log_softmax(dim=1)
            chosen = ours.gather(1, batch["teacher_ids"])
            return _with_rest(batch["teacher_logprobs"]), _with_rest(chosen)
        theirs = _asked(self.teacher, batch).to(logits.device)
        # Vocabularies of one family are filled up to different sizes.
        size = min(theirs.shape[1], logits.shape[1])
        both = (theirs[:, :size], logits[:, :size])
        theirs, ours = ((each / self.temperature).log_softmax(dim=1) for each in both)
        return theirs, ours


def _with_rest(logprobs: Tensor) -> Tensor:
    """The same [L, K], and the log-probability of everything else as one more outcome."""
    rest = (1 - logprobs.exp().sum(dim=1, keepdim=True)).clamp(min=_LEAST)
    return torch.cat([logprobs, rest.log()], dim=1)


@torch.no_grad()
def _asked(spec: str, batch: Batch) -> Tensor:
    """The teacher's logits float32[L, V] before every learned token."""
    teacher = load_teacher(spec)
    device = next(teacher.parameters()).device
    return token_logits(teacher, {k: v.to(device) for k, v in batch.items()}).logits


OBJECTIVE = Distill
