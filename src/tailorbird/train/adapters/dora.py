"""Weight-decomposed LoRA (Liu et al. 2024, arXiv:2402.09353)."""

from dataclasses import dataclass
from typing import Any

from tailorbird.train.adapters._low_rank import LowRank


@dataclass(frozen=True)
class DoRA(LowRank):
    """The length of every column of W is learned apart from its direction; LoRA turns the latter.

    Nearer to full tuning at low ranks, and slower to train.
    """

    def options(self) -> dict[str, Any]:
        """Lengths apart."""
        return {"use_dora": True}


ADAPTER = DoRA
