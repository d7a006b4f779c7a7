"""Rows at random: what every other strategy is measured against."""

from dataclasses import dataclass

import numpy as np

from tailorbird.learn.strategies.base import Choice, Pool


@dataclass(frozen=True)
class Random:
    """Every row is as likely as another."""

    def missing(self, pool: Pool) -> str | None:
        """Nothing is needed."""
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Seeded."""
        order = np.random.default_rng(seed).permutation(len(pool))[:n]
        return [Choice(int(i), 0.0, "drawn at random") for i in order]


STRATEGY = Random
