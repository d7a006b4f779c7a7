"""Sparse and dense together, by reciprocal rank fusion (Cormack et al. 2009, SIGIR)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tailorbird.retrieve.base import Case, Hit
from tailorbird.retrieve.dense import Dense
from tailorbird.retrieve.sparse import Sparse

_RANK_OFFSET = 60
"""The paper's constant: how fast the weight of a rank falls."""
_DEPTH = 50


@dataclass(frozen=True)
class Hybrid:
    """What either finds, ordered by the ranks that both gave it."""

    sparse: Sparse
    dense: Dense

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Index `texts` twice."""
        return cls(Sparse.build(texts, cache), Dense.build(texts, cache))

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        pairs = zip(self.sparse.search(queries, _DEPTH), self.dense.search(queries, _DEPTH))
        return [_fuse(both)[:k] for both in pairs]

    def save(self, folder: Path) -> None:
        """Write both indexes."""
        self.sparse.save(folder)
        self.dense.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read both indexes."""
        return cls(Sparse.load(folder), Dense.load(folder))


def _fuse(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    total: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, hit in enumerate(ranking):
            total[hit.index] += 1 / (_RANK_OFFSET + rank + 1)
    return [Hit(i, s) for i, s in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))]


RETRIEVER = Hybrid
