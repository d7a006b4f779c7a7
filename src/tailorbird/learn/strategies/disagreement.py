"""Rows on which rungs of the climb disagree: query by committee (Seung et al. 1992, COLT).

Where all give probabilities, by how far they lie from their mean (Jensen-Shannon divergence;
McCallum & Nigam 1998, ICML); else by how few words their answers share.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from tailorbird.learn.strategies.base import Choice, Floats, Opinion, Pool, best
from tailorbird.learn.strategies.entropy import entropy


@dataclass(frozen=True)
class Disagreement:
    """Where several rungs cannot all be right."""

    COMPARES: ClassVar[bool] = True
    """Whether it wants every rung's opinion, where none is named."""

    def missing(self, pool: Pool) -> str | None:
        """Needs two rungs."""
        if len(pool.opinions) > 1:
            return None
        return f"disagreement takes two rungs or more, and the climb has {len(pool.opinions)}"

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Farthest apart first."""

        def why(index: int) -> str:
            votes = (f"{o.rung} says {_brief(o.answers[index])}" for o in pool.opinions)
            return ", ".join(votes)

        return best(_apart(pool.opinions), n, seed, why)


def _apart(opinions: tuple[Opinion, ...]) -> Floats:
    """float64[N]; 0 where all say the same."""
    tables = [o.probabilities for o in opinions if o.probabilities is not None]
    if len(tables) == len(opinions) and len({o.labels for o in opinions}) == 1:
        stacked = np.stack(tables)
        return np.asarray(entropy(stacked.mean(axis=0)) - entropy(stacked).mean(axis=0))
    pairs = list(combinations(opinions, 2))
    return np.array(
        [np.mean([_unlike(a.answers[i], b.answers[i]) for a, b in pairs])
         for i in range(len(opinions[0].answers))]
    )  # fmt: skip


def _unlike(one: str, other: str) -> float:
    """1 less the share of words that two answers have in common (Jaccard)."""
    a, b = set(one.casefold().split()), set(other.casefold().split())
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def _brief(answer: str) -> str:
    return answer if len(answer) <= 40 else f"{answer[:39]}…"


STRATEGY = Disagreement
