"""Supervised fine-tuning: predict the answer, given the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import (
    PADDED,
    Layout,
    Metrics,
    learned_tokens,
    summed_cross_entropy,
)
from tailorbird.train.rows import Batch


@dataclass(frozen=True)
class SFT:
    """Cross-entropy of the learned tokens, averaged over tokens."""

    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def rows(self, material: Material) -> Sequence[Row]:
        """Every training example, once per epoch."""
        return material.answered()

    def collate(self, rows: Sequence[dict[str, Row]]) -> Batch:
        """The rows as one batch."""
        return self.layout([r["row"] for r in rows])

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed cross-entropy."""
        return summed_cross_entropy(model, batch), {}


OBJECTIVE = SFT
