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
    if not said:
        return []
    vectors = embed(said) if len(said) > 1 else _kept(tuple(said))
    cosines = (vectors * _kept(tuple(against))).sum(axis=1)
    return [Score(_mark(a, b, float(c))) for a, b, c in zip(said, against, cosines, strict=True)]


def _mark(said: str, against: str, cosine: float) -> float:
    if not said.strip():
        return 0.0
    return 1.0 if said == against else min(1.0, max(0.0, round(cosine, DECIMALS)))


@lru_cache(maxsize=256)
def _kept(texts: tuple[str, ...]) -> Any:
    return embed(texts)
