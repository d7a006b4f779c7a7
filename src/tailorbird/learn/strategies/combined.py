"""The default: rows that stand for as much as possible of what the best rung is unsure of.

Facility location in which a row of the pool counts as much as the rung is unsure of it, so that
uncertain regions are covered, and no region twice. While no rung says anything, all rows count the
same. Nearest to it is filtering by uncertainty first (Wei, Iyer & Bilmes 2015, ICML); on the
intents of benchmarks/active_learning.py weights do as well, and need no size of the filter.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tailorbird.learn.strategies._cover import cover
from tailorbird.learn.strategies._uncertainty import said, uncertainty
from tailorbird.learn.strategies.base import Choice, Pool


@dataclass(frozen=True)
class Combined:
    """Uncertainty, diversity and density in one."""

    limit: Annotated[int, Field(ge=1)] = 4000
    """As in facility_location."""

    def missing(self, pool: Pool) -> str | None:
        """Nothing is needed."""
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Most uncertainty covered first."""
        unsure = uncertainty(pool)
        if unsure is None:
            found = cover(pool, np.ones(len(pool)), n, self.limit, seed)
            return [Choice(i, g, f"stands for about {g:.0f} rows of the pool") for i, g in found]
        found = cover(pool, unsure, n, self.limit, seed)
        return [Choice(i, g, f"like much that is unsure; here {said(pool, i)}") for i, g in found]


STRATEGY = Combined
