"""A reward model: one number for an answer, such that better answers get higher ones.

Of two answers the model of Bradley and Terry (1952), as in Stiennon et al. 2020,
arXiv:2009.01325, section 3.4; of more the one of Plackett and Luce, which holds it as a case.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn

from tailorbird.train.objectives._comparisons import Ranked, in_order, plackett_luce, watched
from tailorbird.train.objectives.base import Metrics
from tailorbird.train.reward_head import rewards_of
from tailorbird.train.rows import Batch


@dataclass(frozen=True, kw_only=True)
class Reward(Ranked):
    """-log-likelihood of each ranking under the rewards; for models with a reward head."""

    margin: Annotated[float, Field(ge=0)] = 0.0
    """By how much a better answer is to lead the next one (Touvron et al. 2023, arXiv:2307.09288,
    eq. 2)."""
    center: Annotated[float, Field(ge=0)] = 0.0
    """What the squared sum of a comparison's rewards costs; it keeps them around 0 (Eisenstein et
    al. 2023, arXiv:2312.09244, eq. 2). 0.01 is usual."""
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over rankings."""
        rewards, comparison = rewards_of(model, batch), batch["comparison"]
        place = in_order(comparison).sum(0) - 1
        loss = plackett_luce(rewards + self.margin * place, comparison)
        sums = rewards.new_zeros(int(self.weight(batch))).index_add(0, comparison, rewards)
        return loss + self.center * (sums**2).sum(), watched(rewards, comparison)


OBJECTIVE = Reward
