"""Rows that are both uncertain and different: BADGE (Ash et al. 2020, arXiv:1906.03671).

Each row stands for the gradient that it would give the last layer if its likeliest label were
right: long where the rung is unsure. k-means++ (Arthur & Vassilvitskii 2007) draws rows whose
gradients are far from those drawn before.
"""

from dataclasses import dataclass

import numpy as np

from tailorbird.learn.strategies._uncertainty import NOTHING, two_likeliest, with_probabilities
from tailorbird.learn.strategies.base import Choice, Floats, Pool


@dataclass(frozen=True)
class Badge:
    """A batch of gradients with a large volume."""

    def missing(self, pool: Pool) -> str | None:
        """Needs probabilities of labels."""
        return None if with_probabilities(pool) else NOTHING

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """The first has the longest gradient; the others are drawn by their squared distance."""
        opinion = with_probabilities(pool)
        assert opinion is not None
        probabilities = opinion.probabilities
        assert probabilities is not None
        drawn = _plus_plus(probabilities, pool.vectors, n, seed)
        return [
            Choice(i, length, f"unsure ({two_likeliest(opinion, i)}) in a way of its own")
            for i, length in drawn
        ]


def _plus_plus(
    probabilities: Floats, vectors: Floats, n: int, seed: int
) -> list[tuple[int, float]]:
    """(row, length of its gradient). A gradient is an outer product of label and vector, and is
    never made: the product of two is the product of their parts'."""
    errors = probabilities.astype(np.float64, copy=True)
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    lengths = (errors**2).sum(axis=1) * (vectors.astype(np.float64) ** 2).sum(axis=1)
    rng = np.random.default_rng(seed)
    free = np.ones(len(lengths), dtype=bool)
    distance = np.full(len(lengths), np.inf)
    drawn = [int(np.argmax(lengths))]
    while True:
        last = drawn[-1]
        free[last] = False
        if len(drawn) == n:
            return [(i, float(np.sqrt(lengths[i]))) for i in drawn]
        product = (errors @ errors[last]) * (vectors @ vectors[last])
        distance = np.minimum(distance, np.maximum(lengths + lengths[last] - 2 * product, 0))
        chances = np.where(free, distance, 0)
        total = chances.sum()
        chances = chances / total if total > 0 else free / free.sum()
        drawn.append(int(rng.choice(len(chances), p=chances)))


STRATEGY = Badge
