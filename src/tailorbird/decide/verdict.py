"""Results and a bar -> Verdict: which rung is enough, whether to fine-tune, and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tailorbird.decide.advice import Advice, advise
from tailorbird.decide.ladder import Check, Contrast, Ladder
from tailorbird.decide.sentences import (
    caveats,
    contrast_sentence,
    currency,
    dominated,
    lack,
    not_inferior_sentence,
)
from tailorbird.decide.words import asked, falls_short, reaches
from tailorbird.errors import BenchmarkError
from tailorbird.evaluate.results import Results
from tailorbird.task.task import TaskSpec


@dataclass(frozen=True)
class Verdict:
    """What the climb showed. Sentences are for readers, the rest is for reports and gates."""

    enough: str | None
    """The cheapest rung that holds every line of the bar."""
    headline: str
    reasons: tuple[str, ...]
    """The comparisons that decide, then the caveats."""
    missing: tuple[str, ...]
    """What the closest rung lacks; empty when a rung is enough."""
    fine_tune: Advice
    fine_tune_reason: str
    best: str | None
    """Highest on the primary metric, whatever it costs."""
    best_untuned: str | None
    not_inferior: str | None
    """The cheapest rung below the best that is shown to be less than the margin worse."""
    closest: str | None
    checks: tuple[Check, ...]
    contrasts: tuple[Contrast, ...]
    sentences: tuple[str, ...]
    """One per contrast, in order."""
    dominated: Mapping[str, str]
    """Rung -> a rung that is no dearer and measured better."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        written = {k: v for k, v in vars(self).items() if k not in ("checks", "contrasts")}
        checks = [
            {
                "rung": c.rung,
                "criterion": str(c.criterion),
                "estimate": c.estimate and c.estimate.to_json(),
                "status": c.status,
                "holds": c.holds,
            }
            for c in self.checks
        ]
        contrasts = [asdict(c) | {"comparison": c.comparison.to_json()} for c in self.contrasts]
        lists = {k: list(v) if isinstance(v, tuple) else v for k, v in written.items()}
        return {"version": 1, **lists, "checks": checks, "contrasts": contrasts}


def decide(results: Results, spec: TaskSpec) -> Verdict:
    """Judge every rung by the bar and against the others; name the cheapest that is enough.

    Raises `BenchmarkError` when no rung was evaluated.
    """
    if not results.rungs:
        raise BenchmarkError("no rung was evaluated", hint="tailorbird climb runs the ladder")
    ladder = Ladder(results, spec)
    enough, closest = ladder.enough, ladder.closest
    lacking = ladder.lacking(closest.name) if closest and not enough else ()
    advice, reason = advise(ladder)
    return Verdict(
        enough=enough.name if enough else None,
        headline=_headline(ladder),
        reasons=(*_deciding(ladder), *caveats(ladder)),
        missing=tuple(lack(ladder, c) for c in lacking),
        fine_tune=advice,
        fine_tune_reason=reason,
        best=ladder.best.name if ladder.best else None,
        best_untuned=ladder.best_untuned.name if ladder.best_untuned else None,
        not_inferior=ladder.not_inferior[0].name if ladder.not_inferior else None,
        closest=closest.name if closest else None,
        checks=ladder.checks,
        contrasts=ladder.contrasts,
        sentences=tuple(contrast_sentence(ladder, c) for c in ladder.contrasts),
        dominated=dominated(ladder),
    )


def _headline(ladder: Ladder) -> str:
    primary, money = ladder.bar.primary, currency(ladder)
    if ladder.enough is not None:
        name, estimate = ladder.enough.name, ladder.primary(ladder.enough)
        assert estimate is not None  # it holds the primary criterion
        return (
            f"{name} is enough: the cheapest rung that meets the bar. It "
            f"{reaches(primary.metric, estimate, money)}, {asked(primary, money)} is asked."
        )
    if ladder.closest is None:
        return f"No rung meets the bar: {primary.metric} could not be measured on any."
    gap = ladder.lacking(ladder.closest.name)[0]
    if gap.status != "missed" or gap.estimate is None:
        return f"No rung meets the bar. {ladder.closest.name} comes closest; {lack(ladder, gap)}."
    value = falls_short(gap.criterion, gap.estimate, money)
    return (
        f"No rung meets the bar. {ladder.closest.name} comes closest, on {gap.criterion.metric} "
        f"with {value}."
    )


def _deciding(ladder: Ladder) -> list[str]:
    """The best against the runner-up, the chosen against the best, tuned against untuned; and
    what is cheaper and about as good."""
    pairs = []
    if ladder.ranked[1:]:
        pairs.append((ladder.ranked[0], ladder.ranked[1]))
    if ladder.enough is not None and ladder.best is not None:
        pairs.append((ladder.enough, ladder.best))
    tuned = next((r for r in (ladder.enough, *ladder.ranked) if r is not None and r.tuned), None)
    if tuned is not None and ladder.best_untuned is not None:
        pairs.append((tuned, ladder.best_untuned))
    found = [ladder.contrast(a.name, b.name) for a, b in pairs]
    said = [contrast_sentence(ladder, c) for c in found if c is not None]
    said += filter(None, [not_inferior_sentence(ladder)])
    return list(dict.fromkeys(said))
