"""Uncertain rows that are like many others: information density (Settles & Craven 2008, 4.3)."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tailorbird.learn.strategies._uncertainty import said, uncertainty
from tailorbird.learn.strategies.base import Choice, Pool, best


@dataclass(frozen=True)
class Density:
    """Uncertainty times the mean likeness to the pool, so that no outlier is chosen."""

    power: Annotated[float, Field(ge=0)] = 1.0
    """Of the mean likeness."""

    def missing(self, pool: Pool) -> str | None:
        """Needs a rung that says how sure it is."""
        return None if uncertainty(pool) is not None else "no rung says how sure it is"

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Largest product first."""
        unsure = uncertainty(pool)
        assert unsure is not None
        # The mean of cosines with all rows is the product with the mean vector.
        likeness = np.maximum(pool.vectors @ pool.vectors.mean(axis=0), 0)
        scores = unsure * likeness**self.power
        return best(scores, n, seed, lambda i: f"unsure ({said(pool, i)}) and like many others")


STRATEGY = Density
