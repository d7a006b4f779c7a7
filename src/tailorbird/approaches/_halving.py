"""Successive halving: judge all on a little, keep the better ones, judge these on twice as much.

Jamieson & Talwalkar 2016 (AISTATS, arXiv:1502.07943). Slices are nested, so what was judged on
the smaller one is not judged again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEAST = 4
"""Items of the smallest first slice: on fewer, candidates would be dropped by lot."""

Judge = Callable[[int, int], tuple[float, float] | None]
"""(candidate, slice size) -> score and tokens; None when the time is up."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one candidate reached on a slice."""

    candidate: int
    score: float
    tokens: float
    """Mean tokens of its prompts."""


@dataclass(frozen=True)
class Round:
    """One slice, and all who were judged on it."""

    size: int
    standings: tuple[Standing, ...]
    """Best first; equal ones by fewer tokens, then in the order they came."""
    kept: int
    """How many go on."""
    whole: bool = True
    """False when the time ran out before all were judged."""


def rounds(count: int, first: int, items: int, eta: int) -> list[tuple[int, int]]:
    """(candidates, slice size) of each round; the last one leaves a single candidate."""
    planned = []
    size = min(first, items)
    while count > 1:
        planned.append((count, size))
        if size == items:
            break
        count, size = max(1, count // eta), min(2 * size, items)
    return planned


def evaluations(planned: Sequence[tuple[int, int]]) -> int:
    """Answers that the rounds take, each candidate's on the slices before included once."""
    before = [0, *(size for _, size in planned)]
    return sum(count * (size - old) for (count, size), old in zip(planned, before))


def plan(count: int, items: int, eta: int, budget: int) -> tuple[int, int]:
    """(candidates, first slice): the largest first slice that `budget` evaluations allow.

    Where not even `LEAST` items are affordable, the last candidates are left out.
    """
    least = min(LEAST, items)
    while count > 1 and evaluations(rounds(count, least, items, eta)) > budget:
        count -= 1
    first = least
    while first < items and evaluations(rounds(count, first + 1, items, eta)) <= budget:
        first += 1
    return count, first


def halve(count: int, first: int, items: int, eta: int, judge: Judge) -> list[Round]:
    """Run the rounds. The winner stands first in the last one; one candidate needs none."""
    field = list(range(count))
    done: list[Round] = []
    for _, size in rounds(count, first, items, eta):
        standings: list[Standing] = []
        for candidate in field:
            judged = judge(candidate, size)
            if judged is None:
                return _cut_short(done, size, standings)
            standings.append(Standing(candidate, *judged))
        standings.sort(key=lambda s: (-s.score, s.tokens, s.candidate))
        kept = 1 if size == items else max(1, len(field) // eta)
        done.append(Round(size, tuple(standings), kept))
        field = sorted(s.candidate for s in standings[:kept])
    return done


def _cut_short(done: list[Round], size: int, standings: list[Standing]) -> list[Round]:
    """Where the time ran out: a broken first round must do, a later one does not count."""
    if done or not standings:
        return done
    standings.sort(key=lambda s: (-s.score, s.tokens, s.candidate))
    return [Round(size, tuple(standings), 1, whole=False)]
