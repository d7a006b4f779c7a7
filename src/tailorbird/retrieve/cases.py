"""Meaning, and memory: a text is found by what it says, and by the past queries that it answered.

People ask in other words than documents answer in; past questions are in people's words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from tailorbird.models.encoder import embed
from tailorbird.retrieve.base import Case, Hit, best_hits


@dataclass(frozen=True)
class Cases:
    """Cosine to the text plus cosine to the nearest past query that it answered."""

    texts: Any
    """float32[N, D], unit length."""
    queries: Any
    """float32[Q, D], unit length."""
    answered_by: Any
    """int64[Q]: which text answered each past query."""

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Embed `texts` and past queries; without cases it searches by meaning alone."""
        vectors = embed(texts, cache)
        queries = embed([q for q, _ in cases], cache) if cases else vectors[:0]
        return cls(vectors, queries, np.array([i for _, i in cases], dtype=np.int64))

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        if not queries:
            return []
        asked = embed(queries)
        likeness = asked @ self.queries.T
        # A text that no past query reached is neither helped nor harmed: it counts as average.
        remembered = np.repeat(_mean(likeness), len(self.texts), axis=1)
        for text in np.unique(self.answered_by):
            remembered[:, text] = likeness[:, self.answered_by == text].max(axis=1)
        scores = asked @ self.texts.T + remembered
        return [best_hits(row, k) for row in scores]

    def save(self, folder: Path) -> None:
        """Write the vectors."""
        arrays = {"texts": self.texts, "queries": self.queries, "answered_by": self.answered_by}
        np.savez(folder / "cases.npz", **arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vectors."""
        with np.load(folder / "cases.npz", allow_pickle=False) as arrays:
            return cls(arrays["texts"], arrays["queries"], arrays["answered_by"])


def _mean(likeness: Any) -> Any:
    """float32[N, 1]: how alike the past queries are to each query; 0 where there are none."""
    total = likeness.sum(axis=1, keepdims=True)
    return (total / max(1, likeness.shape[1])).astype(np.float32)


RETRIEVER = Cases
