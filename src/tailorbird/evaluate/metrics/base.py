"""Measures of all answers together: what no single answer has (F1 over classes, ROC AUC, ...).

The file name is the registry. `value` asks the well-kept library of its field. `weighted` is the
same measure as a function of how much each item counts; everything about certainty follows from
it, by drawing or swapping whole units: an interval, and a comparison of two rungs.

A measure lies in [0, 1]. An answer that gives it nothing to go by (no probability, say) is left
out and counted as `unmarked`; an answer with an error is wrong wherever that can be said.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tailorbird.evaluate.statistics import LEVEL, Estimate
from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Units = NDArray[np.intp]
"""The unit of each item, 0 to units - 1."""

RESAMPLES = 1_000
_BLOCK = 500_000
"""Weights held at once: blocks that stay in the processor's cache are twice as fast."""


@dataclass(frozen=True)
class Weighted:
    """A measure as a function of how much each item counts."""

    marked: Bools
    """bool[items]: which items it is measured on."""
    of: Callable[[Floats], Floats]
    """Weights float[marked items, R] -> the measure float[R]; nan where it does not exist."""
    low_end: Callable[[float, Floats, Units, int], float] | None = None
    """For a measure that chance pushes up: the interval's lower end, from the value, what was
    drawn, the items' units and a seed."""

    @property
    def value(self) -> float | None:
        """With every item counting once; None where it does not exist."""
        found = float(self.of(np.ones((int(self.marked.sum()), 1)))[0])
        return found if math.isfinite(found) else None


class Metric(Protocol):
    """What a module of this folder has."""

    KINDS: tuple[Literal["label", "answer"], ...]
    """The kinds of task that it is for."""
    BETTER: Literal["higher", "lower"]
    SUMMARY: str
    """In words, for people."""

    def value(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> float | None:
        """The measure in [0, 1]; None where the answers give it nothing to go by."""

    def weighted(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> Weighted | None:
        """The same as a function of weights; None where `value` is."""


@dataclass(frozen=True)
class Difference:
    """One measure of two rungs on the same items: b minus a."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int
    units: int
    method: str = "bootstrap and swaps of whole units"


def estimate(
    metric: str, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task,
    seed: int,
) -> Estimate | None:  # fmt: skip
    """`metric` of the answers with its 95 % interval; None where it cannot be measured.

    The interval is Wilson's (1927) at the sample size that the bootstrap over units finds:
    m (1 - m) / variance, with Student's t for few units. It stays inside [0, 1] and is never of
    zero width, which the bootstrap's own percentiles are where every answer is right.
    """
    found = _metric(metric)
    value = found.value(examples, predictions, task)
    weighted = found.weighted(examples, predictions, task)
    if value is None or weighted is None:
        return None
    units = unit_of([e.group for e in examples], weighted.marked)
    n, count = len(units), int(units.max()) + 1
    unmarked = len(examples) - n
    if count == 1:
        return Estimate(value, 0.0, 1.0, n, 1, "one unit: no interval", unmarked)
    drawn = np.concatenate([weighted.of(w) for w in drawn_weights(units, seed)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = score_interval(value, drawn, count)
    method = "Wilson, n by bootstrap over units"
    if weighted.low_end is not None:
        low, method = weighted.low_end(value, drawn, units, seed), f"{method}; chance taken off"
    return Estimate(value, low, high, n, count, method, unmarked)


def difference(
    metric: str, examples: Sequence[Example], a: Sequence[Prediction], b: Sequence[Prediction],
    task: Task, seed: int,
) -> Difference | None:  # fmt: skip
    """Paired: `metric` of the answers `b` minus that of `a`; None where it cannot be measured.

    The interval is the percentile bootstrap over units, both rungs on the same draw; its levels
    are widened for few units (Hesterberg 2015). The p-value is two-sided, by approximate
    randomisation (Noreen 1989; Riezler & Maxwell 2005, ACL workshop on evaluation measures): how
    often swapping the two answers of random units gives as large a difference.
    """
    # Both rungs as one list of answers, so that any mixture of the two is a choice of weights.
    both = _metric(metric).weighted([*examples, *examples], [*a, *b], task)
    if both is None:
        return None
    marked = both.marked.reshape(2, -1)
    common = marked[0] & marked[1]
    kept = common[np.nonzero(both.marked)[0] % len(examples)]
    if not common.any():
        return None
    units = unit_of([e.group for e in examples], common)
    count = int(units.max()) + 1

    def between(first: Floats, second: Floats) -> Floats:
        """The second mixture minus the first; each float[2, common items, R]."""
        values = []
        for mixture in (first, second):
            weights = np.zeros((len(kept), mixture.shape[2]))
            weights[kept] = mixture.reshape(-1, mixture.shape[2])
            values.append(both.of(weights))
        found: Floats = values[1] - values[0]
        return found

    ones = np.ones((len(units), 1))
    seen = float(between(_only(0, ones), _only(1, ones))[0])
    if not math.isfinite(seen):
        return None
    low, high, p = -1.0, 1.0, 1.0
    if count > 1:
        drawn = np.concatenate(
            [between(_only(0, w), _only(1, w)) for w in drawn_weights(units, seed)]
        )
        low, high = percentiles(drawn[np.isfinite(drawn)], count)
        swapped = np.concatenate(
            [between(np.stack([1 - s, s]), np.stack([s, 1 - s])) for s in swaps(units, seed)]
        )
        as_large = np.abs(swapped) >= abs(seen) - 1e-9
        p = (int(as_large.sum()) + 1) / (len(swapped) + 1)
    return Difference(seen, low, high, p, len(units), count)


def _metric(name: str) -> Metric:
    found: Any = module("evaluate.metrics", name)
    return found  # type: ignore[no-any-return]


def _only(rung: int, weights: Floats) -> Floats:
    """float[2, items, R] in which the answers of one of the two rungs count."""
    nothing = np.zeros_like(weights)
    return np.stack([nothing, weights] if rung else [weights, nothing])


def unit_of(groups: Sequence[str | None], marked: Bools) -> Units:
    """The unit of each marked item, 0 to units - 1: its group, or itself where it has none."""
    index: dict[str | int, int] = {}
    return np.array(
        [
            index.setdefault(i if group is None else group, len(index))
            for i, (group, kept) in enumerate(zip(groups, marked, strict=True))
            if kept
        ],
        dtype=np.intp,
    )


def drawn_weights(units: Units, seed: int) -> Iterator[Floats]:
    """How often each item is drawn when units are drawn with replacement: float[items, block]."""
    counts = _counts(int(units.max()) + 1, seed)
    for block in _blocks(len(units)):
        yield counts[:, block][units].astype(np.float64)


def swaps(units: Units, seed: int) -> Iterator[Floats]:
    """0 or 1 for each item, equal within units: float[items, block]."""
    rng = np.random.default_rng([seed, 1])
    for block in _blocks(len(units)):
        signs = rng.integers(0, 2, (int(units.max()) + 1, block.stop - block.start), dtype=np.int8)
        yield signs[units].astype(np.float64)


def _blocks(items: int) -> list[slice]:
    step = max(1, min(RESAMPLES, _BLOCK // items))
    return [slice(i, min(i + step, RESAMPLES)) for i in range(0, RESAMPLES, step)]


@lru_cache(maxsize=2)
def _counts(units: int, seed: int) -> NDArray[np.uint16]:
    """How often each unit is drawn, uint16[units, RESAMPLES]; the measures of a rung share it."""
    rng = np.random.default_rng(seed)
    draws = (
        np.bincount(rng.integers(units, size=units), minlength=units) for _ in range(RESAMPLES)
    )
    return np.stack([d.astype(np.uint16) for d in draws], axis=1)


def score_interval(value: float, drawn: Floats, units: int) -> tuple[float, float]:
    """Wilson's interval of `value` at the sample size that the spread of `drawn` tells."""
    variance = float(drawn.var()) * units / (units - 1) if len(drawn) else 0.0
    if variance <= 1e-12 or not 0 < value < 1:
        n, z = float(units), float(stats.norm.ppf((1 + LEVEL) / 2))
    else:
        n, z = value * (1 - value) / variance, float(stats.t.ppf((1 + LEVEL) / 2, units - 1))
    scale = 1 + z * z / n
    centre = (value + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def percentiles(drawn: Floats, units: int) -> tuple[float, float]:
    """The 95 % interval of what was `drawn`, its levels widened for few units (Hesterberg 2015)."""
    t = stats.t.ppf((1 - LEVEL) / 2, units - 1)
    tail = float(stats.norm.cdf(math.sqrt(units / (units - 1)) * t))
    low, high = np.quantile(drawn, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)
