"""Identity preference optimisation: the better answer is to gain a fixed lead, and no more.

Azar et al. 2023, arXiv:2310.12036, eq. 17. Log-ratios are averages over the tokens of an answer,
which the paper does not say; without it the lead to gain would be shared by few tokens in short
answers and by many in long ones. TRL averages too, and reports that the authors did.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from tailorbird.train.objectives._comparisons import Paired, mean_logprobs, watched
from tailorbird.train.objectives.base import Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class IPO(Paired):
    """(log-ratio of the better answer - that of the worse - 1 / (2 tau)) squared, over pairs."""

    tau: Annotated[float, Field(gt=0)] = 0.1
    """How much a step away from the reference costs; the lead is 1 / (2 tau) nats per token."""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over pairs."""
        means, lengths = mean_logprobs(model, batch)
        ratios = means - batch["reference"] / lengths
        better, worse = ratios.view(-1, 2).unbind(1)
        losses = (better - worse - 1 / (2 * self.tau)) ** 2
        return losses.sum(), watched(self.tau * ratios, batch["comparison"])


OBJECTIVE = IPO
