"""Weak spots: the slices of the test items on which a rung does worst.

Looking at many slices always turns up a bad one. So each slice is tested against the rest, the
p-values are corrected for all slices looked at (Holm), and the note says how many those were.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from tailorbird.evaluate.statistics import (
    Estimate,
    design_effect,
    estimate_mean,
    holm,
)
from tailorbird.task.types import Example

Marks = Sequence[float | None]
Groups = Sequence[str | None]


@dataclass(frozen=True)
class Slice:
    """Items that share one value of one field."""

    field: str
    value: str
    estimate: Estimate
    gap: float
    """How far the near end of the interval lies on the bad side of the overall mean;
    negative: the interval still reaches the overall mean."""
    p_value: float
    """Slice against the rest, corrected for every slice looked at."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "estimate": self.estimate.to_json()}


@dataclass(frozen=True)
class Slices:
    """The worst slices, worst first."""

    overall: Estimate | None
    worst: tuple[Slice, ...]
    looked_at: int
    """Slices with enough items, over all fields."""

    @property
    def note(self) -> str:
        """What a reader must know before acting on a slice."""
        if not self.looked_at:
            return "No field splits the test items into slices with enough items."
        shown = sum(s.p_value < 0.05 for s in self.worst)
        verdict = (
            f"{shown} of those below differ from the rest (p < 0.05 after Holm's correction); "
            "the others are leads, not findings."
            if shown
            else "None below differs from the rest after Holm's correction: leads, not findings."
        )
        return f"{self.looked_at} slices were looked at. {verdict}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "overall": self.overall and self.overall.to_json(),
            "worst": [s.to_json() for s in self.worst],
            "looked_at": self.looked_at,
            "note": self.note,
        }


def worst_slices(
    examples: Sequence[Example],
    marks: Marks,
    seed: int,
    *,
    higher_is_better: bool = True,
    least: int = 8,
    top: int = 5,
) -> Slices:
    """The `top` slices whose interval lies farthest on the bad side of the overall mean.

    Args:
        examples: the test items.
        marks: one per item, in [0, 1]; None where it could not be marked.
        seed: see `estimate_mean`.
        higher_is_better: False for metrics such as `unsupported`.
        least: slices with fewer marked items are not looked at.
        top: how many slices to return; those at or above the overall mean never are.
    """
    overall, every = all_slices(examples, marks, seed, higher_is_better, least)
    if overall is None:
        return Slices(None, (), 0)
    mean = overall.value
    worse = [s for s in every if s.estimate.value != mean]
    worse = [s for s in worse if (s.estimate.value < mean) == higher_is_better]
    worse.sort(key=lambda s: s.gap, reverse=True)
    return Slices(overall, tuple(worse[:top]), len(every))


def all_slices(
    examples: Sequence[Example],
    marks: Marks,
    seed: int,
    higher_is_better: bool = True,
    least: int = 8,
) -> tuple[Estimate | None, tuple[Slice, ...]]:
    """The overall mean, and every slice with enough items, in the order of fields and items.

    The arguments are those of `worst_slices`.
    """
    groups = [e.group for e in examples]
    overall = estimate_mean(marks, groups, seed)
    if overall is None:
        return None, ()
    effect = design_effect(marks, groups)
    found = list(_members(examples, marks, least))
    p_values = holm([_p_value(marks, groups, inside, effect) for _, _, inside in found])
    slices = []
    for (field, value, inside), p_value in zip(found, p_values, strict=True):
        estimate = estimate_mean([marks[i] for i in inside], [groups[i] for i in inside], seed)
        assert estimate is not None  # `_members` yields marked items only
        near = estimate.high if higher_is_better else estimate.low
        gap = overall.value - near if higher_is_better else near - overall.value
        slices.append(Slice(field, value, estimate, gap, p_value))
    return overall, tuple(slices)


def _members(
    examples: Sequence[Example], marks: Marks, least: int
) -> Iterator[tuple[str, str, list[int]]]:
    """(field, value, marked items) of every slice with enough items inside."""
    marked = [i for i, mark in enumerate(marks) if mark is not None]
    columns: dict[str, dict[str, list[int]]] = {}
    lengths = _length_buckets(examples)
    for i in marked:
        answerable = "yes" if examples[i].answerable else "no"
        row = {**examples[i].fields, "answerable": answerable, "input length": lengths[i]}
        for field, value in row.items():
            columns.setdefault(field, {}).setdefault(value, []).append(i)
    for field, values in columns.items():
        for value, inside in values.items():
            if least <= len(inside) < len(marked):
                yield field, value, inside


def _length_buckets(examples: Sequence[Example]) -> list[str]:
    """Thirds of the input length, named by their bounds in characters."""
    lengths = np.array([len(e.text) for e in examples])
    first, second = (int(x) for x in np.quantile(lengths, [1 / 3, 2 / 3], method="lower"))
    names = (
        f"up to {first} characters",
        f"{first + 1} to {second} characters",
        f"over {second} characters",
    )
    return [names[int(x > first) + int(x > second)] for x in lengths]


def _p_value(marks: Marks, groups: Groups, inside: Sequence[int], effect: float) -> float:
    """Slice against the rest: Fisher's exact test for ungrouped 0/1 marks, else a z-test.

    The z-test pools the variance and multiplies it by the design effect of the whole test set
    (Rao & Scott 1992, Biometrics 48:577).
    """
    members = set(inside)
    within = np.array([marks[i] for i in inside], dtype=np.float64)
    rest = np.array(
        [m for i, m in enumerate(marks) if m is not None and i not in members], dtype=np.float64
    )
    everything = np.concatenate([within, rest])
    units = {i if g is None else g for i, g in enumerate(groups)}
    if len(units) == len(groups) and np.isin(everything, (0.0, 1.0)).all():
        right = [int(within.sum()), int(rest.sum())]
        wrong = [len(within) - right[0], len(rest) - right[1]]
        return float(stats.fisher_exact([right, wrong]).pvalue)
    variance = float(everything.var(ddof=1)) * effect * (1 / len(within) + 1 / len(rest))
    if variance == 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(within.mean() - rest.mean()) / math.sqrt(variance)))
