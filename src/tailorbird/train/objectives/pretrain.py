"""(Continued) pre-training: predict the next token of packed rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from tailorbird.train.attention import attention_by_row
from tailorbird.train.objectives.base import learned_tokens, summed_cross_entropy
from tailorbird.train.rows import Batch, PackedRow, lay_end_to_end


@dataclass(frozen=True)
class Pretrain:
    """Cross-entropy of every learned token of packed rows, averaged over tokens."""

    end_to_end = True

    def collate(self, rows: Sequence[dict[str, PackedRow]]) -> Batch:
        """Packed rows as one sequence."""
        return lay_end_to_end([r["row"] for r in rows])

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Summed cross-entropy."""
        with attention_by_row(model):
            return summed_cross_entropy(model, batch)
