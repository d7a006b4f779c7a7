"""Cosine similarity of sentence embeddings: exact, by one matrix product."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from tailorbird.models.encoder import embed
from tailorbird.retrieve.base import Case, Hit, best_hits


@dataclass(frozen=True)
class Dense:
    """Meaning rather than words: strong on paraphrase."""

    vectors: Any
    """float32[N, D], unit length."""

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Embed `texts`."""
        return cls(embed(texts, cache))

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        if not queries:
            return []
        scores = embed(queries) @ self.vectors.T
        return [best_hits(row, k) for row in scores]

    def save(self, folder: Path) -> None:
        """Write the vectors."""
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vectors."""
        return cls(np.load(folder / "vectors.npy", allow_pickle=False))


RETRIEVER = Dense
