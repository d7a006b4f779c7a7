"""No capitals."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LowerCase:
    """As typed on a telephone."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """None where there is no capital."""
        return [text.lower() if text != text.lower() else None for text in texts]


PERTURBATION = LowerCase
