"""Rows whose two likeliest labels are nearest (Scheffer, Decomain & Wrobel 2001, IDA)."""

from dataclasses import dataclass

from tailorbird.learn.strategies._uncertainty import (
    NOTHING,
    margins,
    two_likeliest,
    with_probabilities,
)
from tailorbird.learn.strategies.base import Choice, Pool, best


@dataclass(frozen=True)
class Margin:
    """Where the best rung is torn between two labels."""

    def missing(self, pool: Pool) -> str | None:
        """Needs probabilities of labels."""
        return None if with_probabilities(pool) else NOTHING

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Smallest margin first."""
        opinion = with_probabilities(pool)
        assert opinion is not None
        assert opinion.probabilities is not None
        scores = margins(opinion.probabilities)
        return best(scores, n, seed, lambda i: f"torn between {two_likeliest(opinion, i)}")


STRATEGY = Margin
