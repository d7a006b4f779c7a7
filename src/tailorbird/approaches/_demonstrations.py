"""Which training examples are shown in a prompt."""

import random
from collections.abc import Sequence

import numpy as np

from tailorbird.approaches._prompted import Demonstration
from tailorbird.task.types import Example


def shown(examples: Sequence[Example]) -> tuple[Demonstration, ...]:
    """As they stand in the prompt."""
    return tuple(Demonstration(e.text, str(e.target)) for e in examples)


def brief(train: Sequence[Example], longest: int, shots: int) -> list[Example]:
    """Those of at most `longest` words; where there are none, the `shots` shortest."""
    found = [e for e in train if len(f"{e.text} {e.target}".split()) <= longest]
    return found or sorted(train, key=lambda e: len(e.text))[:shots]


def varied(pool: Sequence[Example], shots: int, seed: int) -> list[Example]:
    """A seeded choice with as many different answers as there are shots, where possible."""
    order = random.Random(seed).sample(list(pool), len(pool))
    first_of_each = list({e.target: e for e in reversed(order)}.values())[::-1]
    rest = [e for e in order if e not in first_of_each[:shots]]
    return (first_of_each[:shots] + rest)[:shots]


def scattered(pool: Sequence[Example], shots: int, seed: int) -> list[Example]:
    """A seeded choice, nothing else."""
    return random.Random(seed).sample(list(pool), min(shots, len(pool)))


def spread(pool: Sequence[Example], shots: int) -> list[Example]:
    """Inputs as far apart as can be, by TF-IDF: the most typical one, then always the farthest.

    Farthest-first traversal (Gonzalez 1985) covers the pool within twice the least radius.
    """
    from tailorbird.approaches.linear import TfIdf

    if not pool:
        return []
    texts = [e.text for e in pool]
    vectors = TfIdf.fit(texts)(texts)
    together = np.asarray(vectors.sum(axis=0)).ravel()
    chosen = [int(np.asarray(vectors @ together).argmax())]
    likeness = np.zeros(len(pool))
    while len(chosen) < min(shots, len(pool)):
        to_last = (vectors @ vectors[[chosen[-1]]].T).toarray()[:, 0]
        likeness = np.maximum(likeness, to_last)
        likeness[chosen] = np.inf
        chosen.append(int(likeness.argmin()))
    return [pool[i] for i in chosen]
