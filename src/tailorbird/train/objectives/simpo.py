"""Simple preference optimisation: the better answer is likelier per token, by a margin.

Meng et al. 2024, arXiv:2405.14734, eq. 6. No reference: nothing holds the model where it was, so
train briefly.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from tailorbird.train.objectives._comparisons import Paired, mean_logprobs, watched
from tailorbird.train.objectives.base import Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class SimPO(Paired):
    """-log sigmoid(beta * (log-probability per token of better - worse) - gamma), over pairs."""

    beta: Annotated[float, Field(gt=0)] = 2.0
    """What a nat per token is worth."""
    gamma: Annotated[float, Field(ge=0)] = 1.0
    """The margin, in the same unit as the rewards; the paper tries gamma / beta from 0 to 1."""
    uses_reference: ClassVar[bool] = False

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over pairs."""
        rewards = self.beta * mean_logprobs(model, batch)[0]
        better, worse = rewards.view(-1, 2).unbind(1)
        losses = -logsigmoid(better - worse - self.gamma)
        return losses.sum(), watched(rewards, batch["comparison"])


OBJECTIVE = SimPO
