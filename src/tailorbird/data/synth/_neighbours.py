"""Rows of different labels that look alike: where one label is taken for another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tailorbird.data.synth.base import Material
from tailorbird.task.types import Example

_BLOCK = 512
"""Rows that are compared with all others at once."""


@dataclass(frozen=True, slots=True)
class Near:
    """A row, and the row of another label that is most like it."""

    row: Example
    other: Example
    similarity: float
    """Cosine of TF-IDF over words and word pairs, in [0, 1]."""


def nearest_of_another_label(material: Material) -> list[Near]:
    """For each row that was found, the most alike pairs first; none where there is one label."""
    from tailorbird.approaches.linear import TfIdf

    rows = [e for e in material.seeds if e.target is not None]
    labels = np.array([str(e.target) for e in rows])
    if len(set(labels)) < 2:
        return []
    texts = [e.text for e in rows]
    features = TfIdf.fit(texts)(texts)
    found = [
        Near(rows[i], rows[j], value)
        for start in range(0, len(rows), _BLOCK)
        for i, (j, value) in enumerate(_best(features, labels, start), start)
    ]
    return sorted(found, key=lambda n: -n.similarity)


def _best(features: Any, labels: Any, start: int) -> Sequence[tuple[int, float]]:
    block = features[start : start + _BLOCK]
    alike = np.asarray((block @ features.T).todense())
    alike[labels[start : start + _BLOCK, None] == labels[None, :]] = -1
    best = alike.argmax(axis=1)
    return [(int(j), max(0.0, float(alike[i, j]))) for i, j in enumerate(best)]
