"""Whole rankings: the model of Plackett and Luce on the rewards that a policy implies.

Rafailov et al. 2023, arXiv:2305.18290, appendix A.3, eq. 20. Of two answers it is DPO.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from tailorbird.train.objectives._comparisons import Ranked, log_ratios, plackett_luce, watched
from tailorbird.train.objectives.base import Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class Ranking(Ranked):
    """-log-likelihood of each ranking where an answer is worth beta * its log-ratio."""

    beta: Annotated[float, Field(gt=0)] = 0.1
    """How much a step away from the reference costs."""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over rankings."""
        rewards = self.beta * log_ratios(model, batch)
        return plackett_luce(rewards, batch["comparison"]), watched(rewards, batch["comparison"])


OBJECTIVE = Ranking
