"""Direct preference optimisation: the better answer gains on the worse, measured from a reference.

Rafailov et al. 2023, arXiv:2305.18290, eq. 7. With `label_smoothing` the conservative form of
Mitchell (2023), which takes that share of the preferences to be the wrong way round.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from tailorbird.train.objectives._comparisons import Paired, log_ratios, watched
from tailorbird.train.objectives.base import Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class DPO(Paired):
    """-log sigmoid(beta * (log-ratio of the better answer - that of the worse)), over pairs."""

    beta: Annotated[float, Field(gt=0)] = 0.1
    """How much a step away from the reference costs."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Share of the preferences that are taken to be the wrong way round."""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over pairs."""
        rewards = self.beta * log_ratios(model, batch)
        better, worse = rewards.view(-1, 2).unbind(1)
        right, wrong = logsigmoid(better - worse), logsigmoid(worse - better)
        losses = -(1 - self.label_smoothing) * right - self.label_smoothing * wrong
        return losses.sum(), watched(rewards, batch["comparison"])


OBJECTIVE = DPO
