"""Supervised fine-tuning: predict the answer, given the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.train.objectives.base import learned_tokens, summed_cross_entropy
from tailorbird.train.rows import Batch, pad_left


@dataclass(frozen=True)
class SFT:
    """Cross-entropy of the learned tokens, averaged over tokens."""

    pad: int
    """Token id to pad with; never attended to."""

    def collate(self, rows: Sequence[dict[str, Row]]) -> Batch:
        """Rows padded on the left to the longest."""
        return pad_left([r["row"] for r in rows], self.pad)

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Summed cross-entropy."""
        return summed_cross_entropy(model, batch)
