"""One climb as one HTML file that a product owner can read: it loads nothing and runs no script.

What stands where in the plots is worked out in plots.py; the page is report.html.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import pvariance
from typing import TYPE_CHECKING, Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

import tailorbird
from tailorbird.decide.ladder import POWER, Contrast, Ladder, Status
from tailorbird.decide.verdict import Verdict
from tailorbird.decide.words import asked, p_value, points
from tailorbird.evaluate.differences import Part, differences
from tailorbird.evaluate.evidence import Evidence
from tailorbird.evaluate.per_class import PerClass
from tailorbird.evaluate.plots import (
    Reliability,
    Scatter,
    audit_plot,
    axis,
    curve_plot,
    reliability_plot,
    scatter,
)
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.slices import Slices
from tailorbird.evaluate.statistics import Estimate, minimal_detectable_difference
from tailorbird.evaluate.table import (
    ADVICE,
    Column,
    columns,
    further_columns,
    mark,
    sample,
    status,
)
from tailorbird.store import write_text
from tailorbird.task.bar import MEASURES
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

if TYPE_CHECKING:
    from tailorbird.evaluate.audits.base import RungAudits

SHOWN = 8
"""Test items shown with every rung's answer."""
CLIP = 1_500
"""Characters of an input or an answer; what is cut is counted, and stands in the rung's folder."""
MOST_RELIABILITIES = 3
"""Rungs with a reliability diagram."""
_PRICES = ("cost_per_1000", "latency_p95")
"""What quality is drawn against."""


@dataclass(frozen=True)
class Sign:
    """Good or bad, told without colour, in a word, and by colour."""

    glyph: str
    word: str
    tone: Literal["good", "bad", "unsure"]


_STATUS: Mapping[Status, Sign] = {
    "met": Sign("✓", "met", "good"),
    "met but uncertain": Sign("≈", "met, not for certain", "unsure"),
    "missed": Sign("✗", "missed", "bad"),
    "unmeasured": Sign("?", "unknown", "unsure"),
}


@dataclass(frozen=True)
class Cell:
    """One measure of one rung."""

    figure: str
    ends: str
    n: int | None
    """Items or requests; None for what was measured once."""
    sign: Sign | None
    """How it stands on the bar; None where the bar does not ask."""


@dataclass(frozen=True)
class Row:
    """One rung of a table."""

    rung: RungResult
    enough: bool
    cells: tuple[Cell, ...]
    said: str
    """What it misses."""


@dataclass(frozen=True)
class Strip:
    """One rung of a chart; positions are percents of the axis."""

    rung: str
    enough: bool
    cell: Cell
    dot: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """One rate of all rungs on a common axis that starts at 0."""

    column: Column
    ticks: tuple[tuple[float, str], ...]
    """Position and label."""
    bars: tuple[tuple[float, str], ...]
    """Position and words of each threshold."""
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class Answer:
    """What one or more rungs said, word for word the same, on one test item."""

    sign: Sign
    text: str
    reasons: tuple[str, ...]
    citations: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """One test item with the answers of all rungs."""

    why: str
    example: Example
    answers: tuple[tuple[Answer, tuple[str, ...]], ...]
    """Each answer with the rungs that gave it."""
    parts: Mapping[Answer, tuple[Part, ...]]
    """What the two rungs that are set against each other say, and which words are theirs alone."""


def write_report(
    path: Path,
    task: Task,
    results: Results,
    verdict: Verdict,
    predictions: Mapping[str, Sequence[Prediction]],
    slices: Slices | None,
    failures: Mapping[str, str],
    checks: Sequence[str],
    *,
    audits: "Sequence[RungAudits]" = (),
    curves: Sequence[Mapping[str, Any]] = (),
    evidence: Evidence | None = None,
) -> None:
    """Write the report of a climb. Equal inputs give equal files.

    Args:
        path: the HTML file.
        task: with its test split open.
        results: what was measured.
        verdict: what follows from it.
        predictions: rung -> its answers to the test items, in order.
        slices: of the rung that is enough, or else the best, on the primary metric.
        failures: rung -> why it was not run.
        checks: what the benchmark proved about itself, in words.
        audits: what was looked for in some rungs.
        curves: learning curves, as `growing` writes them.
        evidence: what would have to be the same to measure the same.
    """
    ladder = Ladder(results, task.spec)
    text = (
        _environment()
        .get_template("report.html")
        .render(
            _figures(ladder, verdict) | _judgement(ladder, verdict),
            task=task,
            results=results,
            verdict=verdict,
            curves=[curve_plot(c) for c in curves],
            audits=[(a.rung, [audit_plot(found) for found in a.found]) for a in audits],
            evidence=evidence,
            percent=axis([0.0, 1.0], scale=100),
            slices=slices,
            statuses=_STATUS.values(),
            shown=_shown(task, ladder, verdict, predictions),
            failures=failures,
            checks=checks,
        )
    )
    write_text(path, text)


def _figures(ladder: Ladder, verdict: Verdict) -> dict[str, Any]:
    """The charts and tables of all that was measured, by their names in the template."""
    measured = [*columns(ladder), *further_columns(ladder)]
    rates = [c for c in measured if c.metric not in MEASURES]
    bill = [c for c in measured if c.metric in MEASURES]
    quality = [c for c in measured if c.criteria or c.metric in _scorers(ladder)]
    together = [c for c in rates if c not in quality]
    return {
        "primary": rates[0],
        "charts": [_chart(ladder, verdict, c) for c in rates if c.metric in _scorers(ladder)],
        "scatters": _scatters(ladder, verdict, rates[0], bill),
        "reliabilities": _reliabilities(ladder),
        "classes": _classes(ladder, verdict),
        "quality": quality,
        "quality_rows": [_row(verdict, r, quality) for r in ladder.rungs],
        "together": together,
        "together_rows": [_row(verdict, r, together) for r in ladder.rungs],
        "bill": bill,
        "bill_rows": [_row(verdict, r, bill) for r in ladder.rungs],
    }


def _judgement(ladder: Ladder, verdict: Verdict) -> dict[str, Any]:
    """What was asked for, what follows, and by which method, by its names in the template."""
    return {
        "advice": ADVICE[verdict.fine_tune],
        "bar": _bar(ladder),
        "higher": ladder.higher,
        "comparisons": [(c, _difference(c), _follows(ladder, c)) for c in verdict.contrasts],
        "against": _against(ladder),
        "method": _method(ladder, verdict),
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tailorbird", "evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clip": _clip, "p_value": p_value}
    return environment


def _clip(text: str) -> str:
    if len(text) <= CLIP:
        return text
    return f"{text[:CLIP]} … ({len(text) - CLIP:,} more characters)"


def _bar(ladder: Ladder) -> list[str]:
    money = ladder.spec.budget.prices.currency
    return [f"{c.metric} {asked(c, money)}" for c in ladder.bar.criteria]


def _row(verdict: Verdict, rung: RungResult, shown: Sequence[Column]) -> Row:
    cells = tuple(_cell(verdict, rung, c) for c in shown)
    return Row(rung, rung.name == verdict.enough, cells, mark(verdict, rung.name))


def _cell(verdict: Verdict, rung: RungResult, column: Column) -> Cell:
    estimate = rung.measured(column.metric)
    found = status(verdict, rung.name, column.metric)
    n = estimate.n if estimate is not None and estimate.method != "measured" else None
    return Cell(column.figure(estimate), column.ends(estimate), n, found and _STATUS[found])


def _chart(ladder: Ladder, verdict: Verdict, column: Column) -> Chart:
    estimates = [r.measured(column.metric) for r in ladder.rungs]
    end = _axis_end(ladder, column, estimates)
    money = ladder.spec.budget.prices.currency
    return Chart(
        column,
        ticks=tuple((25.0 * i, f"{25 * i * end:.3g}") for i in range(5)),
        bars=tuple((100 * c.threshold / end, asked(c, money)) for c in column.criteria),
        strips=tuple(_strip(verdict, r, column, end) for r in ladder.rungs),
    )


def _axis_end(ladder: Ladder, column: Column, estimates: Sequence[Estimate | None]) -> float:
    """1 for the primary metric; for the others the smallest of four that shows everything."""
    if column.metric == ladder.bar.primary.metric:
        return 1.0
    most = max(
        [e.high for e in estimates if e is not None] + [c.threshold for c in column.criteria],
        default=1.0,
    )
    return next((end for end in (0.08, 0.2, 0.4) if most <= end), 1.0)


def _strip(verdict: Verdict, rung: RungResult, column: Column, end: float) -> Strip:
    cell, enough = _cell(verdict, rung, column), rung.name == verdict.enough
    estimate = rung.measured(column.metric)
    if estimate is None:
        return Strip(rung.name, enough, cell, None, 0.0, 0.0)
    ends = (max(0.0, estimate.low), min(end, estimate.high))
    value, low, high = (round(100 * x / end, 2) for x in (estimate.value, *ends))
    return Strip(rung.name, enough, cell, value, low, high)


def _scorers(ladder: Ladder) -> set[str]:
    """What is marked answer by answer, and is worth a chart of its own."""
    return {m for r in ladder.rungs for m in r.scores} | {ladder.bar.primary.metric}


def _scatters(
    ladder: Ladder, verdict: Verdict, primary: Column, bill: Sequence[Column]
) -> list[Scatter]:
    """Quality against money, where it is known, and against time."""
    wanted = [c for m in _PRICES for c in bill if c.metric == m]
    return [s for c in wanted if (s := scatter(ladder, verdict, primary, c)) is not None]


def _reliabilities(ladder: Ladder) -> list[Reliability]:
    """Of the best rungs that say how sure they are, and are not always equally sure."""
    found = [r for r in ladder.ranked if len(r.reliability) > 1]
    return [reliability_plot(r) for r in found[:MOST_RELIABILITIES]]


def _classes(ladder: Ladder, verdict: Verdict) -> list[tuple[PerClass, tuple[str, ...]]]:
    """Of the chosen rung: each class with precision, recall and F1 in words, worst F1 first."""
    name = verdict.enough or verdict.best
    classes = ladder.rung(name).classes if name else ()
    shares = Column("", "", "%", "", ())
    return [
        (c, tuple(f"{shares.figure(e)} {shares.ends(e)}" for e in (c.precision, c.recall, c.f1)))
        for c in sorted(classes, key=lambda c: c.f1.value)
    ]


def _difference(contrast: Contrast) -> tuple[str, str]:
    c = contrast.comparison
    return points(c.difference, c.low, c.high), p_value(contrast.p_adjusted)


def _follows(ladder: Ladder, contrast: Contrast) -> str:
    if contrast.outcome == "equivalent":
        return f"equivalent within the margin of {100 * ladder.bar.margin:.3g} points"
    if contrast.outcome == "cannot tell":
        return "cannot tell"
    return f"{contrast.rung} is {contrast.outcome}"


def _shown(
    task: Task,
    ladder: Ladder,
    verdict: Verdict,
    predictions: Mapping[str, Sequence[Prediction]],
) -> list[Shown]:
    if not predictions:
        return []
    examples = task.examples("test")
    chosen = _informative(ladder, verdict, examples)
    shown = []
    for i, why in chosen.items():
        answers = _answers(task, ladder, predictions, examples[i], i)
        shown.append(Shown(why, examples[i], answers, _parts(ladder, answers)))
    return shown


def _against(ladder: Ladder) -> tuple[str, str] | None:
    """The best untuned rung and the best tuned one; without one of those, the two best."""
    tuned, untuned = next((r for r in ladder.ranked if r.tuned), None), ladder.best_untuned
    if tuned is not None and untuned is not None:
        return untuned.name, tuned.name
    return (ladder.ranked[1].name, ladder.ranked[0].name) if ladder.ranked[1:] else None


def _parts(
    ladder: Ladder, answers: Sequence[tuple[Answer, tuple[str, ...]]]
) -> dict[Answer, tuple[Part, ...]]:
    names = _against(ladder) or ()
    pair = [next((a for a, rungs in answers if name in rungs), None) for name in names]
    one, other = pair if len(pair) == 2 else (None, None)
    if one is None or other is None or one.text == other.text:
        return {}
    left, right = differences(_clip(one.text), _clip(other.text))
    return {one: left, other: right}


def _informative(ladder: Ladder, verdict: Verdict, examples: Sequence[Example]) -> dict[int, str]:
    """Positions of the test items that teach most, each with why. The same on every run."""
    metric = ladder.bar.primary.metric
    rows = [r.scores[metric] for r in ladder.rungs if metric in r.scores]
    known = [[m for m in marks if m is not None] for marks in zip(*rows, strict=True)]
    spread = [pvariance(marks) if marks else 0.0 for marks in known]
    chosen: dict[int, str] = {}
    for why, most, wanted in _kinds(ladder, verdict, examples, spread):
        found = [i for i in range(len(spread)) if i not in chosen and wanted(i)]
        found.sort(key=lambda i: -spread[i])
        room = min(most, SHOWN - len(chosen))
        chosen.update(dict.fromkeys(found[:room], why))
    return chosen


def _kinds(
    ladder: Ladder, verdict: Verdict, examples: Sequence[Example], spread: Sequence[float]
) -> Iterator[tuple[str, int, Callable[[int], bool]]]:
    """Why an item is worth reading, how many such items to show, and which they are."""
    name = verdict.enough or verdict.best
    if name is not None:
        marks = ladder.rung(name).scores[ladder.bar.primary.metric]
        yield f"{name} is wrong", 2, lambda i: _right(ladder, marks[i]) == 0
    invented = [r.scores["unsupported"] for r in ladder.rungs if "unsupported" in r.scores]
    yield "an answer states an unsupported fact", 1, lambda i: any(m[i] for m in invented)
    yield "the documents do not tell", 1, lambda i: not examples[i].answerable
    yield "the rungs disagree", SHOWN, lambda i: spread[i] > 0
    yield "the rungs agree", SHOWN, lambda i: spread[i] == 0


def _right(ladder: Ladder, value: float | None) -> float | None:
    """A mark on the primary metric as 0 (worst) to 1 (best)."""
    return value if value is None or ladder.higher else 1 - value


def _answers(
    task: Task,
    ladder: Ladder,
    predictions: Mapping[str, Sequence[Prediction]],
    example: Example,
    i: int,
) -> tuple[tuple[Answer, tuple[str, ...]], ...]:
    """Equal answers stand once, so that nine rungs stay readable."""
    found: dict[Answer, list[str]] = {}
    for rung in ladder.rungs:
        if rung.name in predictions:
            answer = _answer(task, ladder, rung, example, predictions[rung.name][i], i)
            found.setdefault(answer, []).append(rung.name)
    return tuple((answer, tuple(rungs)) for answer, rungs in found.items())


def _answer(
    task: Task, ladder: Ladder, rung: RungResult, example: Example, said: Prediction, i: int
) -> Answer:
    primary = ladder.bar.primary.metric
    marks = {m: s[i] for m, s in rung.scores.items()}
    right = _right(ladder, marks.get(primary))
    telling = [m for m in marks if m == primary or (m == "unsupported" and marks[m])]
    reasons = (task.score(m, example, said).reason for m in telling)
    return Answer(
        _sign(right), said.text, tuple(dict.fromkeys(filter(None, reasons))), said.citations
    )


def _sign(right: float | None) -> Sign:
    if right is None:
        return Sign("–", "not marked", "unsure")
    if right in (0, 1):
        return Sign("✓", "right", "good") if right else Sign("✗", "wrong", "bad")
    return Sign("≈", f"{100 * right:.0f} % right", "unsure")


def _method(ladder: Ladder, verdict: Verdict) -> list[tuple[str, str]]:
    """How it was measured: what, and in words."""
    results, spec = ladder.results, ladder.spec
    times = results.test_openings
    proof = "its whole interval" if ladder.bar.proof == "interval" else "the measured value"
    compared = sorted({c.comparison.method for c in verdict.contrasts})
    facts = [
        ("Test set", f"{sample(results)}; opened {'once' if times == 1 else f'{times} times'}"),
        ("Intervals", "95 %, two-sided; items that share a group count as one unit"),
        ("Meeting the bar", f"{proof} must meet each threshold"),
        ("Worth having", f"a difference of {100 * ladder.bar.margin:.3g} points or more"),
    ]
    if compared:
        facts.append(
            ("Comparisons", f"paired; {', '.join(compared)}; corrected by Holm for all pairs")
        )
    difference = _smallest_difference(ladder, verdict)
    if difference is not None:
        shown = f"about {100 * difference:.0f} points, between the two best rungs"
        facts.append(("Smallest difference that can be shown", shown))
    return [
        *facts,
        ("Language model", spec.model),
        ("Seed", str(spec.seed)),
        ("Benchmark", f"{results.task} {results.digest[:12]}"),
        ("Tailorbird", tailorbird.__version__),
    ]


def _smallest_difference(ladder: Ladder, verdict: Verdict) -> float | None:
    """With power 80 % at the corrected level; None with fewer than two comparable rungs."""
    top = {r.name for r in ladder.ranked[:2]}
    contrast = next((c for c in verdict.contrasts if {c.rung, c.against} == top), None)
    estimate = ladder.primary(ladder.best) if ladder.best else None
    if contrast is None or estimate is None:
        return None
    c = contrast.comparison
    discordance = max(c.discordance, ladder.bar.margin)  # equal rungs would promise too much
    n = ladder.results.n_test / c.design_effect
    return minimal_detectable_difference(
        n, estimate.value, POWER, ladder.alpha, discordance=discordance
    )
