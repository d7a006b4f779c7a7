"""Rows whose probabilities are spread over most labels (Shannon entropy; Settles 2009, 3.1)."""

from dataclasses import dataclass

import numpy as np

from tailorbird.learn.strategies._uncertainty import NOTHING, two_likeliest, with_probabilities
from tailorbird.learn.strategies.base import Choice, Floats, Pool, best


@dataclass(frozen=True)
class Entropy:
    """Where the best rung has no idea."""

    def missing(self, pool: Pool) -> str | None:
        """Needs probabilities of labels."""
        return None if with_probabilities(pool) else NOTHING

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Largest entropy first."""
        opinion = with_probabilities(pool)
        assert opinion is not None
        assert opinion.probabilities is not None
        scores = entropy(opinion.probabilities)
        return best(scores, n, seed, lambda i: f"spread: at most {two_likeliest(opinion, i)}")


def entropy(probabilities: Floats) -> Floats:
    """Of float[..., C], over the last axis, as a share of the largest possible, in [0, 1]."""
    width = probabilities.shape[-1]
    if width < 2:
        return np.zeros(probabilities.shape[:-1])
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    found: Floats = -(probabilities * logs).sum(axis=-1) / np.log(width)
    return found


STRATEGY = Entropy
