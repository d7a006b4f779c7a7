"""One typical row of each region that has no label: TypiClust (Hacohen et al. 2022, 2202.02794).

For the cold start: with few labels, typical rows teach more than uncertain ones.
"""

import warnings
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from tailorbird.extras import need
from tailorbird.learn.strategies.base import Choice, Floats, Pool
from tailorbird.words import counted

_PRODUCTS = 3_000_000
"""Distances that are measured in each round of k-means: more take too long."""


@dataclass(frozen=True)
class Typical:
    """As many clusters as there will be labels; the densest row of each that has none."""

    clusters: Annotated[int, Field(ge=1)] = 500
    """At most."""
    neighbours: Annotated[int, Field(ge=1)] = 20
    """A row is typical that lies near to so many others of its cluster."""
    smallest: Annotated[int, Field(ge=1)] = 5
    """Smaller clusters are left to the end."""

    def missing(self, pool: Pool) -> str | None:
        """Nothing is needed."""
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Of the clusters with fewest labels, the largest first; round after round."""
        members, labelled = self._clusters(pool, n, seed)
        typical = {c: self._most_typical(pool.vectors, rows) for c, rows in members.items()}
        chosen: list[Choice] = []
        while len(chosen) < n:
            left = [c for c in typical if typical[c]]
            cluster = min(
                left,
                key=lambda c: (len(members[c]) < self.smallest, labelled[c], -len(members[c]), c),
            )
            index = typical[cluster].pop(0)
            labelled[cluster] += 1
            why = f"typical of {counted(len(members[cluster]), 'row')} of the pool"
            chosen.append(Choice(index, float(len(members[cluster])), why))
        return chosen

    def _clusters(self, pool: Pool, n: int, seed: int) -> tuple[dict[int, Any], dict[int, int]]:
        """Rows of the pool, and the number of labels, by cluster that has any row of the pool."""
        everything = (
            np.concatenate([pool.vectors, pool.known_vectors]) if pool.known else pool.vectors
        )
        count = min(len(pool.known) + n, self.clusters, len(everything))
        sides = cluster(everything, count, seed)
        members = {
            int(c): np.flatnonzero(sides[: len(pool)] == c) for c in np.unique(sides[: len(pool)])
        }
        labelled = {c: int((sides[len(pool) :] == c).sum()) for c in members}
        return members, labelled

    def _most_typical(self, vectors: Floats, rows: Any) -> list[int]:
        """Rows of one cluster, most typical first."""
        mine = vectors[rows]
        k = min(self.neighbours, len(rows) - 1)
        if k < 1:
            return [int(r) for r in rows]
        if len(rows) > 4096:  # a cluster this large has no need of every neighbour
            likeness = mine @ mine.mean(axis=0)
        else:
            likeness = np.partition(mine @ mine.T, -(k + 1), axis=1)[:, -(k + 1) :].sum(axis=1)
        return [int(rows[i]) for i in np.argsort(-likeness, kind="stable")]


def cluster(vectors: Floats, count: int, seed: int) -> Any:
    """int[N]: the cluster of each row, by k-means; in batches where that would take minutes."""
    library = need("sklearn.cluster")
    if len(vectors) * count <= _PRODUCTS:
        model = library.KMeans(count, n_init=1, random_state=seed)
    else:
        model = library.MiniBatchKMeans(count, n_init=1, batch_size=5000, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fewer distinct rows than clusters, which is no harm
        return model.fit_predict(vectors)


STRATEGY = Typical
