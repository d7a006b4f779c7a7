"""Capitals alone."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class UpperCase:
    """As shouted."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """None where there is no small letter."""
        return [text.upper() if text != text.upper() else None for text in texts]


PERTURBATION = UpperCase
