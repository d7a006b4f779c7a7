"""Supervised fine-tuning: predict the answer, given the prompt.

Two settings are against forgetting: `replay` lets the model go on reading general text, and
`anchor` holds what it says near to what it said before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field
from torch import Tensor, nn

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import (
    PADDED,
    Layout,
    Mean,
    Metrics,
    learned_tokens,
    summed_cross_entropy,
    token_logits,
)
from tailorbird.train.reference import Reference
from tailorbird.train.rows import Batch


@dataclass(frozen=True)
class SFT:
    """Cross-entropy + anchor * KL(model || model as it was), averaged over learned tokens."""

    layout: Layout = PADDED
    replay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the learned tokens that is general text."""
    general: str | None = None
    """Where that text is, as in `data.texts`; none: drawn from the mix that fledgling was trained
    on, for models that are fledgling."""
    anchor: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the divergence. The model as it was is asked at every step."""
    reference: Any = None
    """A `Reference`, put there by `anchored_at`."""
    uses_reference: ClassVar[bool] = False
    """What the rows hold of it would be one number an answer; a divergence needs all logits."""
    rate: ClassVar[float] = 1.0

    def anchored_at(self, model: nn.Module) -> Self:
        """The same, with `model` as it is now to stay near to."""
        return replace(self, reference=Reference(model)) if self.anchor else self

    def rows(self, material: Material) -> Sequence[Row]:
        """Every training example, once per epoch; then as much general text as `replay` says."""
        rows = material.answered()
        if not self.replay:
            return rows
        learned = sum(sum(row.learned) for row in rows)
        return [
            *rows, *material.general(self.general, learned * self.replay / (1 - self.replay)),
        ]  # fmt: skip

    def collate(self, rows: Sequence[dict[str, Row]]) -> Batch:
        """The rows as one batch."""
        return self.layout([r["row"] for r in rows])

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """The sum over learned tokens; with an anchor, both of its parts are watched."""
        if not self.anchor:
            return summed_cross_entropy(model, batch), {}
        if self.reference is None:
            raise TrainingError("an anchor needs the model as it was: call anchored_at first")
        with self.reference.of(model):
            before = token_logits(model, batch).logits.log_softmax(1)
        logits, targets, _ = token_logits(model, batch)
        now = logits.log_softmax(1)
        answer = -now.gather(1, targets[:, None])[:, 0]
        away = (now.exp() * (now - before)).sum(1)
        watched = {"cross_entropy": Mean.of(answer), "kl": Mean.of(away)}
        return answer.sum() + self.anchor * away.sum(), watched


OBJECTIVE = SFT
