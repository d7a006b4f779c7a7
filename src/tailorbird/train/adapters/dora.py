"""Weight-decomposed LoRA (Liu et al. 2024, arXiv:2402.09353)."""

from dataclasses import dataclass
from typing import Any

from tailorbird.errors import ModelError
from tailorbird.train.adapters._low_rank import LowRank


@dataclass(frozen=True)
class DoRA(LowRank):
    """The length of every column of W is learned apart from its direction; LoRA turns the latter.

    Nearer to full tuning at low ranks, and slower to train.
    """

    def options(self) -> dict[str, Any]:
        """Lengths apart."""
        return {"use_dora": True}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """Raises `ModelError` for a layer with an output of no weights at all: it has no
        direction, and dividing by its length gives no number."""
        policy = super().attach(model, tokenizer, instruction)
        for name, module in policy.named_modules():
            if name.endswith("base_layer") and (module.weight.norm(dim=1) == 0).any():
                raise ModelError(
                    f"DoRA divides by the lengths of weights, and {name} has some of length zero",
                    hint="use the adapter lora",
                )
        return policy


ADAPTER = DoRA
