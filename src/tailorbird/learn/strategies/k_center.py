"""Rows far from everything that is known: greedy k-center (Sener & Savarese 2018, 1708.00489)."""

from dataclasses import dataclass

import numpy as np

from tailorbird.learn.strategies.base import Choice, Floats, Pool


@dataclass(frozen=True)
class KCenter:
    """The row farthest from its nearest known or chosen one, again and again."""

    def missing(self, pool: Pool) -> str | None:
        """Nothing is needed."""
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """The first is drawn at random where nothing is known."""
        vectors = pool.vectors
        nearest = nearest_known(pool)
        rng = np.random.default_rng(seed)
        jitter = rng.random(len(pool)) * 1e-7  # breaks ties of copies and of an empty start
        chosen: list[Choice] = []
        for _ in range(n):
            index = int(np.argmin(nearest + jitter))
            distance = float(1 - max(nearest[index], -1.0))
            chosen.append(Choice(index, distance, _why(nearest[index])))
            nearest = np.maximum(nearest, vectors @ vectors[index])
            nearest[[c.index for c in chosen]] = np.inf
        return chosen


def nearest_known(pool: Pool) -> Floats:
    """float32[N]: the likeness of each row to the nearest known one; -1 where nothing is known."""
    nearest = np.full(len(pool), -1.0, dtype=np.float32)
    if pool.known:
        for start in range(0, len(pool.known), 1024):  # the whole matrix may be gigabytes
            block = pool.known_vectors[start : start + 1024]
            np.maximum(nearest, (pool.vectors @ block.T).max(axis=1), out=nearest)
    return nearest


def _why(likeness: float) -> str:
    if likeness <= -1:
        return "nothing is known yet"
    return f"unlike all that is known: the nearest has a likeness of {likeness:.2f}"


STRATEGY = KCenter
