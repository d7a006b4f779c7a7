"""Rows that stand for as much of the pool as possible (Wei, Iyer & Bilmes 2015, ICML)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tailorbird.learn.strategies._cover import cover
from tailorbird.learn.strategies.base import Choice, Pool


@dataclass(frozen=True)
class FacilityLocation:
    """Every row of the pool should have a known row that is like it."""

    limit: Annotated[int, Field(ge=1)] = 4000
    """Rows that stand for a larger pool; memory grows with its square."""

    def missing(self, pool: Pool) -> str | None:
        """Nothing is needed."""
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Largest gain in likeness, summed over the pool, first."""
        found = cover(pool, np.ones(len(pool)), n, self.limit, seed)
        return [
            Choice(i, gain, f"stands for about {gain:.0f} rows of the pool") for i, gain in found
        ]


STRATEGY = FacilityLocation
