"""Odds ratio preference optimisation: learn the better answer, and make its odds the higher ones.

Hong et al. 2024, arXiv:2403.07691, eq. 6 and 7. One pass from a base to an aligned model: no
reference, and no supervised training before it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from tailorbird.train.objectives._comparisons import Paired, mean_logprobs, watched
from tailorbird.train.objectives.base import Mean, Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class ORPO(Paired):
    """Cross-entropy per token of the better answer, minus `weight_of_odds` times log sigmoid of
    the log-odds of better - worse, over pairs."""

    weight_of_odds: Annotated[float, Field(ge=0)] = 0.1
    """lambda in the paper: what the comparison counts beside the better answer."""
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 0.5

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over pairs."""
        means, _ = mean_logprobs(model, batch)
        # An answer that is certain has infinite odds.
        means = means.clamp(max=-1e-6)
        odds = means - torch.log(-torch.expm1(means))
        learned = means.view(-1, 2)[:, 0]
        better, worse = odds.view(-1, 2).unbind(1)
        losses = -learned - self.weight_of_odds * logsigmoid(better - worse)
        more = {"cross_entropy": Mean.of(-learned)}
        return losses.sum(), {**watched(odds, batch["comparison"]), **more}


OBJECTIVE = ORPO
