"""To fine-tune or not: the answer, and the one reason that decides it."""

from typing import Literal

from tailorbird.decide.ladder import Contrast, Ladder
from tailorbird.decide.sentences import contrast_sentence, lack
from tailorbird.decide.words import listed
from tailorbird.evaluate.results import RungResult

Advice = Literal["do not fine-tune", "fine-tune", "cannot tell"]


def advise(ladder: Ladder) -> tuple[Advice, str]:
    """The advice and its reason. The burden of proof lies with the dearer way."""
    enough, untuned = ladder.enough, ladder.best_untuned
    tuned = [r for r in ladder.ranked if r.tuned]
    if enough is not None and not enough.tuned:
        return "do not fine-tune", _not_needed(ladder, enough, tuned)
    if not tuned:
        return "cannot tell", "No rung meets the bar, and no tuned rung was run: run one to see."
    if untuned is None:
        return "cannot tell", "Only tuned rungs were run: there is nothing to compare them with."
    if enough is not None:
        return _tuned_is_enough(ladder, enough, untuned)
    return _nothing_is_enough(ladder, tuned, untuned)


def _not_needed(ladder: Ladder, enough: RungResult, tuned: list[RungResult]) -> str:
    reason = f"{enough.name} meets the bar without fine-tuning."
    for rung in tuned:
        contrast = ladder.contrast(rung.name, enough.name)
        if contrast is not None and contrast.outcome == "better":
            return f"{reason} More could be had, at its cost: {contrast_sentence(ladder, contrast)}"
    return reason


def _tuned_is_enough(ladder: Ladder, enough: RungResult, untuned: RungResult) -> tuple[Advice, str]:
    contrast = ladder.contrast(enough.name, untuned.name)
    shown = f" {contrast_sentence(ladder, contrast)}" if contrast else ""
    outcome = contrast.outcome if contrast else "cannot tell"
    if outcome == "better":
        reason = f"{enough.name} meets the bar and beats the best rung without tuning.{shown}"
        return "fine-tune", reason
    dearer = next((r for r in ladder.rungs if not r.tuned and not ladder.lacking(r.name)), None)
    if dearer is not None:
        reason = (
            f"{enough.name} meets the bar; without tuning it takes {dearer.name}, a dearer rung."
        )
        return "fine-tune", reason
    broken = ladder.lacking(untuned.name)
    if all(c.criterion is not ladder.bar.primary for c in broken):
        gaps = listed([lack(ladder, c) for c in broken])
        return "fine-tune", (
            f"Only {enough.name} meets the whole bar. {untuned.name}, the best rung without "
            f"tuning, lacks {gaps}.{shown}"
        )
    if outcome == "equivalent":
        return "do not fine-tune", f"Tuning gains less than the margin.{shown}"
    return "cannot tell", (
        f"{enough.name} meets the bar and no rung without tuning does, but the gain may be "
        f"chance.{shown}"
    )


def _nothing_is_enough(
    ladder: Ladder, tuned: list[RungResult], untuned: RungResult
) -> tuple[Advice, str]:
    found = [c for r in tuned if (c := ladder.contrast(r.name, untuned.name)) is not None]
    better = next((c for c in found if c.outcome == "better"), None)
    if better is not None:
        gaps = listed([lack(ladder, c) for c in ladder.lacking(better.rung)])
        return "fine-tune", (
            f"Fine-tuning helps but is not enough: {better.rung} still lacks {gaps}. "
            f"{contrast_sentence(ladder, better)}"
        )
    first: Contrast | None = next(iter(found), None)
    shown = f" {contrast_sentence(ladder, first)}" if first else ""
    return "do not fine-tune", (
        f"Not yet: no tuned rung is shown to be better than {untuned.name}.{shown}"
        f"{_kept_by_tuning(ladder, tuned, untuned)}"
    )


def _kept_by_tuning(ladder: Ladder, tuned: list[RungResult], untuned: RungResult) -> str:
    """What the primary metric does not show: guards that the best untuned rung breaks and a tuned
    one keeps."""
    broken = {c.criterion.metric: c for c in ladder.lacking(untuned.name)}
    broken.pop(ladder.bar.primary.metric, None)
    for rung in tuned:
        lacked = {c.criterion.metric for c in ladder.lacking(rung.name)}
        kept = [
            lack(ladder, c)
            for metric, c in broken.items()
            if metric not in lacked and c.status == "missed"
        ]
        if kept:
            return f" But {rung.name} keeps what {untuned.name} breaks: {listed(kept)}."
    return ""
