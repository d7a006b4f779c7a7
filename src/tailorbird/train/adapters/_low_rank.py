"""What LoRA and its relatives share: a trained matrix of low rank beside each frozen one."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.extras import need
from tailorbird.train.adapters.base import peft_task


@dataclass(frozen=True)
class LowRank:
    """W becomes W + scale * B A, with A of `rank` rows and B of `rank` columns."""

    rate: ClassVar[float] = 10.0
    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[float, Field(gt=0)] | None = None
    """The scale times the rank; none: twice the rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a layer's inputs that the low-rank path does not see in training."""
    targets: tuple[str, ...] = ()
    """How the names of the adapted layers end; none: every linear layer but the output layer."""

    @property
    def merges(self) -> bool:
        """B A is added to W."""
        return True

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def options(self) -> dict[str, Any]:
        """What PEFT's `LoraConfig` is told beside the fields above."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """A trained pair of matrices beside every adapted layer."""
        peft = need("peft")
        settings = {
            "r": self.rank,
            "lora_alpha": 2 * self.rank if self.alpha is None else self.alpha,
            "lora_dropout": self.dropout,
            "target_modules": list(self.targets) or "all-linear",
            "task_type": peft_task(model),
        }
        return peft.get_peft_model(model, peft.LoraConfig(**(settings | self.options())))
