"""The protocol of choosing what to label next. The file name is the registry.

A strategy's module exports its class as `STRATEGY`, a frozen dataclass whose fields are its
settings. It sees inputs, their vectors and what rungs say of them, and never a label of the pool.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tailorbird.errors import TaskError
from tailorbird.settings import from_settings

Floats = NDArray[np.floating[Any]]
Embed = Callable[[Sequence[str]], Floats]
"""Texts -> vectors of unit length (or zero), float32[N, D]."""


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one rung says of every row of a pool."""

    rung: str
    answers: tuple[str, ...]
    labels: tuple[str, ...] = ()
    probabilities: Floats | None = None
    """float64[N, C] over `labels`; None where the rung gives none."""
    confidence: Floats | None = None
    """float64[N]: the chance that the answer is right; None where the rung gives none."""


@dataclass(frozen=True, eq=False)
class Pool:
    """What may be chosen, and what is known beside it."""

    texts: tuple[str, ...]
    embed: Embed
    known: tuple[str, ...] = ()
    """Inputs that have a label, or wait for one."""
    classes: int = 1
    """Labels that the task has; 1 where answers are written."""
    opinions: tuple[Opinion, ...] = ()
    """The best rung's first."""
    dev: tuple[str, ...] = ()
    """Inputs whose answers were marked."""
    wrong: tuple[float, ...] = ()
    """How wrong the best rung is on each of `dev`: 0 is right, 1 is wrong."""

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def vectors(self) -> Floats:
        """Of the pool, float32[N, D]."""
        return self.embed(self.texts)

    @cached_property
    def known_vectors(self) -> Floats:
        """Of what is known, float32[M, D]."""
        return self.embed(self.known)

    @property
    def opinion(self) -> Opinion | None:
        """The best rung's."""
        return self.opinions[0] if self.opinions else None


@dataclass(frozen=True, slots=True)
class Choice:
    """One row that should be labelled."""

    index: int
    """Its place in the pool."""
    score: float
    """What it was chosen by: the larger, the better. Scores of two strategies do not compare."""
    why: str
    """For the person who labels it."""


@runtime_checkable
class Strategy(Protocol):
    """One way to choose."""

    def missing(self, pool: Pool) -> str | None:
        """Why it cannot choose from this pool; None where it can."""

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """`n` different rows, best first; `n` is at most the size of the pool."""


def make_strategy(name: str, settings: Mapping[str, Any]) -> Strategy:
    """The strategy `name` with `settings`; an unknown one is refused with the nearest one."""
    made: Strategy = from_settings("learn.strategies", name, settings, "strategy", "STRATEGY")
    return made


def choose(strategy: Strategy, pool: Pool, n: int, seed: int) -> list[Choice]:
    """At most `n` rows, fewer where the pool has no more.

    Raises `TaskError` where the strategy needs what the pool has not, and for a negative `n`.
    """
    if n < 0:
        raise TaskError(f"{n} rows cannot be chosen", hint="choose 0 or more")
    if n == 0 or not len(pool):
        return []
    missing = strategy.missing(pool)
    if missing is not None:
        raise TaskError(missing, hint="run tailorbird climb first, or choose another --strategy")
    return strategy.choose(pool, min(n, len(pool)), seed)


def best(scores: Floats, n: int, seed: int, why: Callable[[int], str]) -> list[Choice]:
    """The `n` largest of float[N]; ties are broken at random, as rows often come sorted."""
    shuffled = np.random.default_rng(seed).permutation(len(scores))
    order = shuffled[np.argsort(-np.asarray(scores)[shuffled], kind="stable")]
    return [Choice(int(i), float(scores[i]), why(int(i))) for i in order[:n]]
