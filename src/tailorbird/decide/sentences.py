"""What the ladder shows, in sentences for a product owner: contrasts, gaps and caveats."""

from collections.abc import Callable, Iterator

from tailorbird.decide.ladder import ALPHA, POWER, Check, Contrast, Ladder
from tailorbird.decide.words import (
    amount,
    asked,
    falls_short,
    interval,
    listed,
    p_value,
    points,
    reaches,
)
from tailorbird.evaluate.results import RungResult
from tailorbird.evaluate.statistics import minimal_detectable_difference, n_needed
from tailorbird.task.bar import Criterion


def currency(ladder: Ladder) -> str:
    """The currency of the task's prices."""
    return ladder.spec.budget.prices.currency


def contrast_sentence(ladder: Ladder, contrast: Contrast) -> str:
    """Both rungs with intervals, the paired difference, its p-value and what follows from it."""
    metric, money = ladder.bar.primary.metric, currency(ladder)
    mine = ladder.primary(ladder.rung(contrast.rung))
    other = ladder.primary(ladder.rung(contrast.against))
    assert mine is not None  # only measured rungs are compared
    assert other is not None
    theirs = amount(metric, other.value, money) + interval(metric, other)
    c, p = contrast.comparison, p_value(contrast.p_adjusted) + _correction(ladder)
    return (
        f"{contrast.rung} {reaches(metric, mine, money)} against {contrast.against}'s {theirs}: "
        f"{points(c.difference, c.low, c.high)}, {p}{_consequence(ladder, contrast)}"
    )


def _correction(ladder: Ladder) -> str:
    openings = ladder.results.test_openings
    causes = [f"{ladder.pairs} pairs of rungs"] if ladder.pairs > 1 else []
    causes += [f"{openings} openings of the test set"] if openings > 1 else []
    return f" after correcting for {listed(causes)}" if causes else ""


def not_inferior_sentence(ladder: Ladder) -> str | None:
    """The cheapest rung that is shown to be about as good as the best; None without one."""
    if ladder.not_inferior is None or ladder.best is None:
        return None
    rung, comparison = ladder.not_inferior
    worst = comparison.low if ladder.higher else -comparison.high
    return (
        f"{rung.name} is cheaper than {ladder.best.name}, the best, and not inferior to it: at "
        f"most {100 * max(0.0, -worst):.1f} points worse, which is less than the margin of "
        f"{100 * ladder.bar.margin:.3g}."
    )


def _consequence(ladder: Ladder, contrast: Contrast) -> str:
    if contrast.outcome == "equivalent":
        return f"; equivalent within the margin of {100 * ladder.bar.margin:.3g} points."
    if contrast.n_to_tell is not None:
        return f"; cannot tell, about {_rounded(contrast.n_to_tell):,} test items could."
    return "."


def _rounded(n: int) -> int:
    """Two significant digits: the planning formula promises no more."""
    step = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // step) * step


def lack(ladder: Ladder, check: Check) -> str:
    """What one rung lacks on one line of the bar."""
    criterion, estimate, money = check.criterion, check.estimate, currency(ladder)
    if estimate is None:
        wanted = asked(criterion, money)
        return f"{criterion.metric} was not measured, and {wanted} is asked"
    if check.status == "missed":
        return f"{criterion.metric}: {falls_short(criterion, estimate, money)}"
    ends = interval(criterion.metric, estimate, 1)
    shown = amount(criterion.metric, estimate.value, money)
    return (
        f"{criterion.metric}: {shown} meets {asked(criterion, money)}, but its interval{ends} "
        "does not, and the bar asks for proof by interval"
    )


def caveats(ladder: Ladder) -> Iterator[str]:
    """What weakens the numbers, or should be known before acting on them."""
    for found in _CAVEATS:
        yield from found(ladder)


def _uncertain(ladder: Ladder) -> Iterator[str]:
    rung = ladder.enough
    for check in ladder.checks:
        if rung is not None and check.rung == rung.name and check.status == "met but uncertain":
            assert check.estimate is not None
            metric, money = check.criterion.metric, currency(ladder)
            shown = amount(metric, check.estimate.value, money)
            yield (
                f"{rung.name} meets {asked(check.criterion, money)} on {metric} with {shown}, but "
                f"not for certain: the interval is{interval(metric, check.estimate, 1)}."
            )


def _winner_breaks_guards(ladder: Ladder) -> Iterator[str]:
    best = ladder.best
    if best is None:
        return
    broken = [c for c in ladder.lacking(best.name) if c.criterion is not ladder.bar.primary]
    if broken and ladder.enough is not best:
        gaps = listed([lack(ladder, c) for c in broken])
        yield f"{best.name} is best on {ladder.bar.primary.metric} but breaks a guard: {gaps}."


def _majority_not_beaten(ladder: Ladder) -> Iterator[str]:
    best = ladder.best
    floor = next((r for r in ladder.ranked if r.approach == "majority"), None)
    if best is None or floor is None or len(ladder.ranked) == 1:
        return
    contrast = ladder.contrast(best.name, floor.name)
    if best is not floor and contrast is not None and _wins(contrast, best.name):
        return
    yield (
        f"No rung is shown to beat {floor.name}, which gives every item the commonest answer: "
        "either the inputs do not tell the target, or the test set is too small."
    )


def _wins(contrast: Contrast, name: str) -> bool:
    return contrast.outcome == ("better" if contrast.rung == name else "worse")


def _too_small(ladder: Ladder) -> Iterator[str]:
    """The smallest difference that the test set can show, judged by the two best rungs."""
    best = ladder.best
    estimate = ladder.primary(best) if best else None
    if best is None or estimate is None:
        return
    margin, n = ladder.bar.margin, ladder.results.n_test
    discordance = 2 * estimate.value * (1 - estimate.value)
    effect = 1.0
    rests_on = "assumed: another rung that is as good and errs independently"
    runner_up = ladder.contrast(best.name, ladder.ranked[1].name) if ladder.ranked[1:] else None
    if runner_up is not None:
        # Equal rungs would make any test set look large enough.
        measured = runner_up.comparison.discordance
        discordance = max(measured, margin)
        effect = runner_up.comparison.design_effect
        rests_on = f"measured: the two best rungs differ on {100 * measured:.2g} % of the items"
        if measured < margin:
            rests_on += f", taken for {100 * margin:.3g} %"
    shown = minimal_detectable_difference(
        n / effect, estimate.value, POWER, ladder.alpha, discordance=discordance
    )
    if shown > margin:
        needed = _rounded(round(n_needed(margin, discordance, POWER, ladder.alpha) * effect))
        yield (
            f"{n:,} test items show differences of about {100 * shown:.0f} points or more; the "
            f"bar calls {100 * margin:.3g} points worth having, which takes about {needed:,} "
            f"({rests_on})."
        )


def _opened_often(ladder: Ladder) -> Iterator[str]:
    times = ladder.results.test_openings
    if times > 1:
        yield (
            f"The test set has been opened {times} times: rungs chosen after seeing its scores "
            "look better on it than they are. So each claim is held to a stricter level: p-values "
            f"are multiplied by {ALPHA / ladder.opening:.0f}, and differences are shown with "
            f"{100 * ladder.level:.4g} % intervals. Confirm the choice on fresh items."
        )


def _errors(ladder: Ladder) -> Iterator[str]:
    for rung in ladder.rungs:
        if rung.errors:
            yield (
                f"{rung.name} failed on {rung.errors:,} of {ladder.results.n_test:,} test items; "
                "each counts as wrong."
            )


def _unmarked(ladder: Ladder) -> Iterator[str]:
    metric = ladder.bar.primary.metric
    for rung in ladder.rungs:
        marks = rung.scores.get(metric, ())
        lost = sum(m is None for m in marks)
        if lost:
            yield f"{metric} could not be marked on {lost:,} of {len(marks):,} of {rung.name}."


def _dominated(ladder: Ladder) -> Iterator[str]:
    pairs = dominated(ladder)
    if pairs:
        names = listed([f"{rung} ({by})" for rung, by in pairs.items()])
        yield (
            "Not worth their cost, because the rung in brackets is no dearer and measured better: "
            f"{names}."
        )


def dominated(ladder: Ladder) -> dict[str, str]:
    """Rung -> the best rung that is no dearer, measures better on the primary metric, and breaks no
    guard by more.

    Dearer by `cost_per_1000` where both are known, else by the order of the ladder.
    """
    found = {}
    for i, rung in enumerate(ladder.ranked):
        value = ladder.primary(rung)
        for better in ladder.ranked[:i]:
            if (
                ladder.primary(better) != value
                and _no_dearer(ladder, better, rung)
                and not any(_breaks_more(g, better, rung) for g in ladder.bar.guards)
            ):
                found[rung.name] = better.name
                break
    return found


def _breaks_more(guard: Criterion, one: RungResult, other: RungResult) -> bool:
    """Whether `one` measures beyond the guard, and further than `other`."""
    mine, theirs = one.measured(guard.metric), other.measured(guard.metric)
    if mine is None or theirs is None:
        return False
    sign = 1 if guard.at_most is not None else -1
    return sign * mine.value > max(sign * guard.threshold, sign * theirs.value)


def _no_dearer(ladder: Ladder, one: RungResult, other: RungResult) -> bool:
    mine, theirs = one.measured("cost_per_1000"), other.measured("cost_per_1000")
    if mine is not None and theirs is not None:
        return mine.value <= theirs.value
    return ladder.position(one.name) < ladder.position(other.name)


_CAVEATS: tuple[Callable[[Ladder], Iterator[str]], ...] = (
    _uncertain,
    _winner_breaks_guards,
    _majority_not_beaten,
    _errors,
    _unmarked,
    _too_small,
    _opened_often,
    _dominated,
)
