"""(Continued) pre-training: predict the next token of running text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import (
    END_TO_END,
    Layout,
    Metrics,
    learned_tokens,
    summed_cross_entropy,
)
from tailorbird.train.rows import Batch, PackedRow


@dataclass(frozen=True)
class Pretrain:
    """Cross-entropy of every learned token of rows of running text, averaged over tokens."""

    layout: Layout = END_TO_END
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def rows(self, material: Material) -> Sequence[Row]:
        """The raw texts of the task, once per epoch."""
        return material.running_text()

    def collate(self, rows: Sequence[dict[str, Row | PackedRow]]) -> Batch:
        """Rows, packed or not, as one batch."""
        return self.layout([r["row"] for r in rows])

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed cross-entropy."""
        return summed_cross_entropy(model, batch), {}


OBJECTIVE = Pretrain
