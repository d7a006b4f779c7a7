"""Every weight of the model is trained."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Full:
    """The whole model, in float32: the most to learn with, and to forget."""

    rate: ClassVar[float] = 1.0

    @property
    def merges(self) -> bool:
        """The weights are those of a model."""
        return True

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """The model itself; in bfloat16 small steps would be rounded away."""
        return model.float().requires_grad_(True)


ADAPTER = Full
