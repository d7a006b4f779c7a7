"""Rows that together are like as much of the pool as possible."""

import heapq

import numpy as np

from tailorbird.learn.strategies.base import Floats, Pool
from tailorbird.learn.strategies.k_center import nearest_known


def cover(pool: Pool, weights: Floats, n: int, limit: int, seed: int) -> list[tuple[int, float]]:
    """(index, gain) of `n` rows that greedily make F(S) = sum_i w_i max_{j in S} s_ij largest.

    s is cosine likeness cut at 0, and S holds what is known. F is submodular, so that the greedy
    choice comes within 1 - 1/e of the best (Nemhauser, Wolsey & Fisher 1978), and a gain only
    falls: a row whose old gain is not the largest is not looked at again (Minoux 1978).

    Args:
        pool: with vectors.
        weights: float[N], what a row that is covered counts.
        n: at most the size of the pool.
        limit: of a larger pool, so many seeded rows stand for all; at least `n`.
        seed: of that choice, and of ties.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(pool))[: max(limit, n)]
    vectors = pool.vectors[rows]
    likeness = np.maximum(vectors @ vectors.T, 0)
    reached = np.maximum(nearest_known(pool)[rows], 0)
    weighed = np.asarray(weights, dtype=likeness.dtype)[rows]
    gains = np.maximum(likeness - reached[:, None], 0).T @ weighed
    heap = [(-float(gain), place) for place, gain in enumerate(gains)]
    heapq.heapify(heap)
    chosen: list[tuple[int, float]] = []
    while len(chosen) < n:
        _, place = heapq.heappop(heap)
        gain = float(np.maximum(likeness[place] - reached, 0) @ weighed)
        if heap and gain < -heap[0][0] - 1e-6:
            heapq.heappush(heap, (-gain, place))
            continue
        chosen.append((int(rows[place]), gain))
        reached = np.maximum(reached, likeness[place])
    return chosen
