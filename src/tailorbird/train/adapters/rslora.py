"""Rank-stabilised LoRA (Kalajdzievski 2023, arXiv:2312.03732)."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from tailorbird.train.adapters._low_rank import LowRank


@dataclass(frozen=True)
class RsLoRA(LowRank):
    """W becomes W + alpha / sqrt(rank) * B A: a larger rank does not learn more slowly."""

    rank: Annotated[int, Field(ge=1)] = 64
    alpha: Annotated[float, Field(gt=0)] | None = 16.0
    """The scale times the root of the rank; none: twice the rank."""

    def options(self) -> dict[str, Any]:
        """The other scale."""
        return {"use_rslora": True}


ADAPTER = RsLoRA
