"""Closeness of meaning: the cosine of two embeddings of the packaged sentence encoder."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tailorbird.models.encoder import embed
from tailorbird.task.types import Score

DECIMALS = 4
"""Batches of another shape add up in another order: further digits would differ between runs."""


def closeness(said: Sequence[str], against: Sequence[str]) -> list[Score]:
    """Cosines in [0, 1] (below 0 counts as 0); an empty answer is close to nothing.

    `against` (targets, inputs) is kept, as every rung is held against the same texts; a single
    answer is, too, as who asks one at a time often asks again.
    """
    pairs = list(zip(said, against, strict=True))
    marks = [float(a == b and bool(a.strip())) for a, b in pairs]
    unclear = [i for i, (a, b) in enumerate(pairs) if a.strip() and a != b]
    if unclear:
        texts = tuple(said[i] for i in unclear)
        vectors = embed(texts) if len(said) > 1 else _kept(texts)
        cosines = (vectors * _kept(tuple(against))[unclear]).sum(axis=1)
        for i, cosine in zip(unclear, cosines, strict=True):
            marks[i] = min(1.0, max(0.0, round(float(cosine), DECIMALS)))
    return [Score(mark) for mark in marks]


@lru_cache(maxsize=256)
def _kept(texts: tuple[str, ...]) -> Any:
    return embed(texts)
