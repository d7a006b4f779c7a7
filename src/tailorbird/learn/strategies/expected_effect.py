"""Rows that stand for those which the best rung will get wrong, as far as dev tells.

The chance of an error at a row is the mean over its nearest dev items, drawn towards that of all of
dev; the rows chosen cover as much of it as possible. A pool is sampled as people write in, so that
each unit of it is one error expected.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tailorbird.learn.strategies._cover import cover
from tailorbird.learn.strategies.base import Choice, Floats, Pool


@dataclass(frozen=True)
class ExpectedEffect:
    """Facility location in which a row counts as much as it is likely to be answered wrong."""

    neighbours: Annotated[int, Field(ge=1)] = 10
    """Dev items that tell the chance of an error."""
    prior: Annotated[float, Field(ge=0)] = 2.0
    """Items' worth of the mean over all of dev."""
    limit: Annotated[int, Field(ge=1)] = 4000
    """As in facility_location."""

    def missing(self, pool: Pool) -> str | None:
        """Needs marks on dev."""
        return None if pool.dev else "expected_effect needs marks on dev, and there are none"

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Most errors covered first."""
        chances = self.chances(pool)
        found = cover(pool, chances, n, self.limit, seed)
        return [
            Choice(i, gain, f"wrong {100 * chances[i]:.0f} % of the time hereabouts")
            for i, gain in found
        ]

    def chances(self, pool: Pool) -> Floats:
        """float64[N]: of an error at each row of the pool."""
        dev, wrong = pool.embed(pool.dev), np.asarray(pool.wrong, dtype=np.float64)
        k = min(self.neighbours, len(wrong))
        found = np.empty(len(pool))
        for start in range(0, len(pool), 1024):
            likeness = pool.vectors[start : start + 1024] @ dev.T
            near = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
            weights = np.maximum(np.take_along_axis(likeness, near, axis=1), 0)
            total = (weights * wrong[near]).sum(axis=1) + self.prior * wrong.mean()
            found[start : start + 1024] = total / np.maximum(weights.sum(axis=1) + self.prior, 1e-9)
        return found


STRATEGY = ExpectedEffect
