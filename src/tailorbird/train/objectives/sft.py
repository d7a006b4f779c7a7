"""Supervised fine-tuning: predict the answer, given the prompt."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from torch import Tensor, nn

from tailorbird.models.chat import Row
from tailorbird.train.attention import attention_by_row
from tailorbird.train.objectives.base import learned_tokens, summed_cross_entropy
from tailorbird.train.rows import Batch, lay_end_to_end, pad_left


@dataclass(frozen=True)
class SFT:
    """Cross-entropy of the learned tokens, averaged over tokens."""

    pad: int
    """Token id to pad with; never attended to."""
    end_to_end: bool = False
    """Lay the rows of a batch end to end, without padding; for models that `attend_by_row`."""

    def collate(self, rows: Sequence[dict[str, Row]]) -> Batch:
        """All rows as one sequence, or padded on the left to the longest."""
        examples = [r["row"] for r in rows]
        return lay_end_to_end(examples) if self.end_to_end else pad_left(examples, self.pad)

    def weight(self, batch: Batch) -> Tensor:
        """Learned tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Summed cross-entropy."""
        with attention_by_row(model) if self.end_to_end else nullcontext():
            return summed_cross_entropy(model, batch)
