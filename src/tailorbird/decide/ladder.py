"""The rungs from cheap to dear: checked against the bar, and compared with one another."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import (
    LEVEL,
    Comparison,
    Estimate,
    compare,
    equivalent,
    estimate_mean,
    holm,
    level_of_opening,
    n_needed,
    non_inferior,
)
from tailorbird.task.bar import Bar, Criterion
from tailorbird.task.task import TaskSpec

Status = Literal["met", "met but uncertain", "missed", "unmeasured"]
Outcome = Literal["better", "worse", "equivalent", "cannot tell"]

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Check:
    """One rung against one line of the bar."""

    rung: str
    criterion: Criterion
    estimate: Estimate | None
    status: Status
    holds: bool
    """Whether this is good enough under `bar.proof`."""


@dataclass(frozen=True)
class Contrast:
    """One paired comparison on the primary metric."""

    rung: str
    """The tuned one of the two if only one is tuned, else the dearer."""
    against: str
    comparison: Comparison
    """`rung` minus `against`."""
    p_adjusted: float
    """Corrected by Holm for all pairs of rungs, and for the openings of the test split."""
    outcome: Outcome
    """What `rung` is, seen from `against`."""
    n_to_tell: int | None
    """Test items that could settle it; None when it is settled."""


@dataclass(frozen=True)
class Ladder:
    """The results of one climb, read against its task."""

    results: Results
    spec: TaskSpec

    @property
    def bar(self) -> Bar:
        """What counts as good."""
        return self.spec.bar

    @property
    def higher(self) -> bool:
        """Whether more of the primary metric is better."""
        return self.bar.primary.at_least is not None

    @cached_property
    def rungs(self) -> tuple[RungResult, ...]:
        """Cheap to dear, as task.yaml orders them; rungs it no longer names come last."""
        order = {rung.name: i for i, rung in enumerate(self.spec.rungs)}
        return tuple(sorted(self.results.rungs, key=lambda r: order.get(r.name, len(order))))

    @property
    def opening(self) -> float:
        """The level that all claims of this opening of the test split share: `level_of_opening`."""
        return level_of_opening(self.results.test_openings, ALPHA)

    @property
    def level(self) -> float:
        """Of the intervals that claims rest on: 95 %, and more when the test is opened again.

        Equivalence takes two one-sided tests, each at half of what the interval leaves.
        """
        return max(LEVEL, 1 - 2 * self.opening)

    @property
    def pairs(self) -> int:
        """Pairs of rungs that could have been compared. Which are is decided by the scores: the
        best rung is only known once they are there."""
        rungs = max(len(self.ranked), self.results.tried)
        return max(1, rungs * (rungs - 1) // 2)

    @property
    def alpha(self) -> float:
        """The level of one comparison."""
        return self.opening / self.pairs

    def position(self, name: str) -> int:
        """0 is the cheapest rung."""
        return [r.name for r in self.rungs].index(name)

    def rung(self, name: str) -> RungResult:
        """The rung called `name`."""
        return self.rungs[self.position(name)]

    @cached_property
    def ranked(self) -> tuple[RungResult, ...]:
        """Best first on the primary metric; of equals, the cheaper first. Unmeasured left out."""
        measured = [r for r in self.rungs if self.primary(r) is not None]
        return tuple(sorted(measured, key=self._badness))

    def primary(self, rung: RungResult) -> Estimate | None:
        """The rung's primary metric."""
        return rung.measured(self.bar.primary.metric)

    def _badness(self, rung: RungResult) -> float:
        estimate = self.primary(rung)
        assert estimate is not None
        return -estimate.value if self.higher else estimate.value

    @property
    def best(self) -> RungResult | None:
        """The highest on the primary metric, whatever it costs."""
        return next(iter(self.ranked), None)

    @property
    def best_untuned(self) -> RungResult | None:
        """The highest of those that change no weights."""
        return next((r for r in self.ranked if not r.tuned), None)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every rung against every line of the bar."""
        return tuple(
            _check(r.name, c, self._proof(r, c.metric), self.bar)
            for r in self.rungs
            for c in self.bar.criteria
        )

    def _proof(self, rung: RungResult, metric: str) -> Estimate | None:
        """The estimate of `metric`, with an interval of the level that claims rest on."""
        if self.level > LEVEL and metric in rung.scores:
            marks = rung.scores[metric]
            return estimate_mean(marks, self.results.groups, self.spec.seed, level=self.level)
        return rung.measured(metric)

    def lacking(self, name: str) -> tuple[Check, ...]:
        """The lines of the bar that a rung does not hold."""
        return tuple(c for c in self.checks if c.rung == name and not c.holds)

    @property
    def enough(self) -> RungResult | None:
        """The cheapest rung that holds every line of the bar."""
        return next((r for r in self.rungs if not self.lacking(r.name)), None)

    @property
    def closest(self) -> RungResult | None:
        """The rung that lacks the fewest lines; of equals, the best on the primary metric."""
        return min(self.ranked, key=lambda r: len(self.lacking(r.name)), default=None)

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Every rung against the best, and every tuned rung against the best untuned one."""
        compared: list[tuple[RungResult, RungResult, Comparison]] = []
        for against, rung in self._pairs():
            comparison = self._compare(against, rung, self.level)
            if comparison is not None:
                compared.append((against, rung, comparison))
        adjusted = holm([c.p_value for _, _, c in compared], self.pairs)
        return tuple(
            self._contrast(against.name, rung.name, c, min(1.0, p * ALPHA / self.opening))
            for (against, rung, c), p in zip(compared, adjusted, strict=True)
        )

    def _compare(self, against: RungResult, rung: RungResult, level: float) -> Comparison | None:
        metric = self.bar.primary.metric
        a, b = against.scores[metric], rung.scores[metric]
        return compare(a, b, self.results.groups, self.spec.seed, level)

    @cached_property
    def not_inferior(self) -> tuple[RungResult, Comparison] | None:
        """The cheapest rung below the best that is shown to be less than the margin worse.

        Each candidate is tried at its share of the level, so that none is called so by chance more
        often than the level says. That the best is chosen by its score errs on the safe side.
        """
        best, metric = self.best, self.bar.primary.metric
        if best is None or metric not in best.scores:
            return None
        cheaper = [r for r in self.rungs[: self.position(best.name)] if metric in r.scores]
        for rung in cheaper:
            found = self._compare(best, rung, 1 - (1 - self.level) / len(cheaper))
            if found is not None and non_inferior(found, self.bar.margin, self.higher):
                return rung, found
        return None

    def contrast(self, one: str, other: str) -> Contrast | None:
        """The comparison of these two rungs, whichever way round; None when none was made."""
        pair = {one, other}
        return next((c for c in self.contrasts if {c.rung, c.against} == pair), None)

    def _pairs(self) -> Iterator[tuple[RungResult, RungResult]]:
        metric, seen = self.bar.primary.metric, set()
        for top, rivals in (
            (self.best, self.ranked),
            (self.best_untuned, tuple(r for r in self.ranked if r.tuned)),
        ):
            for rival in rivals:
                if top is None or rival is top or frozenset((top.name, rival.name)) in seen:
                    continue
                if metric not in top.scores or metric not in rival.scores:
                    continue
                seen.add(frozenset((top.name, rival.name)))
                cheap, dear = sorted((top, rival), key=lambda r: (r.tuned, self.position(r.name)))
                yield cheap, dear

    def _contrast(self, against: str, rung: str, comparison: Comparison, p: float) -> Contrast:
        outcome = self._outcome(comparison, p)
        n = self._n_to_tell(comparison) if outcome == "cannot tell" else None
        return Contrast(rung, against, comparison, p, outcome, n)

    def _outcome(self, comparison: Comparison, p: float) -> Outcome:
        """A difference inside the margin matters to nobody, however sure it is."""
        if equivalent(comparison, self.bar.margin):
            return "equivalent"
        if p < ALPHA:
            return "better" if (comparison.difference > 0) == self.higher else "worse"
        return "cannot tell"

    def _n_to_tell(self, comparison: Comparison) -> int:
        """Items that show the difference as measured or, if fewer, that it is within the margin.

        Multiplied by the design effect: more items in the same groups tell less than more groups.
        """
        gap, margin = abs(comparison.difference), self.bar.margin
        spread = comparison.discordance
        ways = []
        if gap > 0:
            ways.append(n_needed(gap, spread, POWER, self.alpha))
        if gap < margin:
            ways.append(n_needed(margin - gap, spread, POWER, 1 - self.level))
        return round(min(ways) * comparison.design_effect)


def _check(rung: str, criterion: Criterion, estimate: Estimate | None, bar: Bar) -> Check:
    status: Status
    if estimate is None:
        status = "unmeasured"
    elif not criterion.holds(estimate.value):
        status = "missed"
    elif criterion.holds(estimate.low) and criterion.holds(estimate.high):
        status = "met"
    else:
        status = "met but uncertain"
    holds = status == "met" or (status == "met but uncertain" and bar.proof == "estimate")
    return Check(rung, criterion, estimate, status, holds)
