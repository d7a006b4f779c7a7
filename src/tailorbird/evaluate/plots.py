"""Where everything stands in the report's plots, in per cent of their width and height.

Per cent, so that a plot fits every width without a script. y is counted from the top, as SVG does.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tailorbird.decide.ladder import Ladder
from tailorbird.decide.verdict import Verdict
from tailorbird.decide.words import p_value
from tailorbird.evaluate.audits.base import Audited, Line
from tailorbird.evaluate.reliability import Bin
from tailorbird.evaluate.results import RungResult
from tailorbird.evaluate.statistics import Comparison, Estimate
from tailorbird.evaluate.table import Column

_WIDTH, _HEIGHT = 560, 300
"""Pixels of a plot that labels are placed for; at other widths they stand a little off."""
_LABEL = 14
"""Pixels, width and height, that one label takes."""
_LOG_FROM = 20.0
"""An axis is logarithmic where the largest value is this many times the smallest."""

LEAST_TAKEN = 0.0001
"""Seconds or money: what takes less stands at this, as tables say no more than `<0.0001`."""


@dataclass(frozen=True)
class Axis:
    """From the left or the bottom."""

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]
    """Per cent, and label."""

    def at(self, value: float) -> float:
        """Per cent of the axis; what lies beyond stands at its end."""
        return _share(value, self.low, self.high, self.log)


def _share(value: float, low: float, high: float, log: bool) -> float:
    if log:
        value, low, high = (math.log10(max(x, 1e-12)) for x in (value, low, high))
    return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 2)


def axis(values: Sequence[float], log: bool | None = None, scale: float = 1.0) -> Axis:
    """An axis that shows all of `values`, with ticks at round numbers; labels times `scale`."""
    known = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    least, most = min(known), max(known)
    if log is None:
        log = least > 0 and most > _LOG_FROM * least
    marks = list(_decades(least, most) if log else _steps(least, most))
    low, high = marks[0], marks[-1]
    ticks = tuple((_share(m, low, high, log), f"{scale * m:,.6g}".replace("-", "−")) for m in marks)
    return Axis(low, high, log, ticks)


def _steps(least: float, most: float) -> Iterator[float]:
    """Round numbers from at or below `least` to at or above `most`; 0 is among them if near."""
    if least > 0 and least < 0.5 * most:
        least = 0.0
    span = (
        max(most - least, 1e-6 * max(abs(least), abs(most))) if most > least else abs(most) or 1.0
    )
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if span / (s * power) <= 5)
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    yield from (float(f"{i * step:.12g}") for i in range(first, max(last, first + 1) + 1))


def _decades(least: float, most: float) -> list[float]:
    """From the last round number at or below `least` to the first at or above `most`."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1
    marks = [float(f"{m}e{power}") for power in range(first, last + 1) for m in (1, 2, 5)]
    low = max(m for m in marks if m <= least * (1 + 1e-9))
    high = min(m for m in marks if m >= most * (1 - 1e-9) and m > low)
    whole = [float(f"1e{power}") for power in range(first, last + 1)]
    few = [m for m in whole if 2 * low < m < high / 2]
    return [low, *(few if high > 50 * low else [m for m in marks if low < m < high]), high]


# ---- quality against what it takes -----------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """One rung of a scatter plot."""

    number: int
    """Of the rung in the ladder, from 1."""
    rung: str
    enough: bool
    front: bool
    """No other rung was measured better and takes less."""
    x: float
    y: float
    across: tuple[float, float]
    """Ends of the interval of x."""
    along: tuple[float, float]
    """Ends of the interval of y, upper first."""
    label: tuple[int, int]
    """Pixels from the dot to the middle of its number."""
    said: str


@dataclass(frozen=True)
class Scatter:
    """The primary metric of every rung against one measure."""

    column: Column
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    bars: tuple[float, ...]
    """Per cent from the top: the bar's lines on the primary metric."""
    limits: tuple[float, ...]
    """Per cent from the left: the bar's lines on the measure."""


def scatter(ladder: Ladder, verdict: Verdict, primary: Column, column: Column) -> Scatter | None:
    """None where fewer than two rungs are known in both, or all take the same."""
    both = [
        (i, rung, rung.measured(column.metric), rung.measured(primary.metric))
        for i, rung in enumerate(ladder.rungs, 1)
    ]
    known = [(i, rung, x, y) for i, rung, x, y in both if x is not None and y is not None]
    if len({x.value for _, _, x, _ in known}) < 2:
        return None
    limits = [c.threshold for c in column.criteria]
    x_axis = axis([max(x.value, LEAST_TAKEN) for _, _, x, _ in known] + limits)
    y_axis = axis([0.0, 1.0], scale=100)
    places = [(x_axis.at(x.value), 100 - y_axis.at(y.value)) for _, _, x, y in known]
    labels = _labels(places)
    sign = 1 if ladder.higher else -1
    worth = [(x.value, sign * y.value) for _, _, x, y in known]
    points = tuple(
        Point(
            number=i,
            rung=rung.name,
            enough=rung.name == verdict.enough,
            front=not any(_dominates(other, worth[k]) for other in worth),
            x=places[k][0],
            y=places[k][1],
            across=(x_axis.at(x.low), x_axis.at(x.high)),
            along=(100 - y_axis.at(y.high), 100 - y_axis.at(y.low)),
            label=labels[k],
            said=_said(rung, primary, column),
        )
        for k, (i, rung, x, y) in enumerate(known)
    )
    return Scatter(
        column, x_axis, y_axis, points,
        bars=tuple(100 - y_axis.at(c.threshold) for c in primary.criteria),
        limits=tuple(x_axis.at(limit) for limit in limits),
    )  # fmt: skip


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


def _said(rung: RungResult, primary: Column, column: Column) -> str:
    parts = [
        f"{c.metric} {c.figure(rung.measured(c.metric))} {c.unit} {c.ends(rung.measured(c.metric))}"
        for c in (primary, column)
    ]
    return f"{rung.name}: {'; '.join(p.strip() for p in parts)}"


def _labels(places: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Beside each dot, where no other dot or label stands."""
    dots = [(x * _WIDTH / 100, y * _HEIGHT / 100) for x, y in places]
    around = [(11, -12), (-11, -12), (11, 12), (-11, 12), (13, 0), (-13, 0), (25, -4), (-25, -4)]
    taken, chosen = list(dots), []
    for x, y in dots:
        best = max(around, key=lambda o: (_room(x + o[0], y + o[1], taken), -around.index(o)))
        taken.append((x + best[0], y + best[1]))
        chosen.append(best)
    return chosen


def _room(x: float, y: float, taken: Sequence[tuple[float, float]]) -> float:
    """Pixels to the nearest of `taken`; room for a label is enough room."""
    nearest = min(max(abs(x - a), abs(y - b)) for a, b in taken)
    return min(float(_LABEL), nearest)


# ---- reliability -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """The answers of one bin of confidence."""

    x: float
    y: float
    along: tuple[float, float]
    n: int
    said: str


@dataclass(frozen=True)
class Reliability:
    """How sure one rung is, against how often it is right."""

    rung: str
    error: Estimate | None
    """The expected calibration error."""
    bars: tuple[Bar, ...]


def reliability_plot(rung: RungResult) -> Reliability:
    """The diagram of a rung's bins."""
    return Reliability(rung.name, rung.measured("ece"), tuple(map(_bin, rung.reliability)))


def _bin(found: Bin) -> Bar:
    right = found.right
    x, y, high, low = (round(100 * v, 2) for v in (
        found.confidence, 1 - right.value, 1 - right.high, 1 - right.low,
    ))  # fmt: skip
    ends = f"[{100 * right.low:.0f}, {100 * right.high:.0f}]"
    said = f"{x:.0f} % sure, {100 * right.value:.0f} % right {ends}, n = {right.n:,}"
    return Bar(x, y, (high, low), right.n, said)


# ---- learning curve --------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """A metric as training examples grow, and what a power law says of more."""

    rung: str
    metric: str
    x: Axis
    y: Axis
    points: tuple[tuple[float, float, tuple[float, float], str], ...]
    """x, y, ends of the interval, words."""
    line: str
    """Points of the fitted line, for SVG."""
    band: str
    """Points around its interval."""
    said: str


def curve_plot(grown: Mapping[str, Any]) -> Curve:
    """The plot of a `growing.Grown`, as its `curve.json` holds it."""
    found, metric = grown["curve"], grown["metric"]
    estimates = [Estimate.from_json(e) for e in found["estimates"]]
    sizes, line = found["sizes"], found["line"]
    x = axis([float(sizes[0]), float(max(found["size"], sizes[-1]))], log=True)
    ends = [v for e in estimates for v in (e.low, e.high)]
    y = axis([*ends, *(p[k] for p in line for k in ("low", "high"))], log=False, scale=100)

    def place(size: float, value: float) -> str:
        return f"{x.at(size)},{round(100 - y.at(value), 2)}"

    there = [place(p["size"], p["high"]) for p in line]
    back = [place(p["size"], p["low"]) for p in reversed(line)]
    return Curve(
        rung=grown["rung"],
        metric=metric,
        x=x,
        y=y,
        points=tuple(
            (
                x.at(n), 100 - y.at(e.value), (100 - y.at(e.high), 100 - y.at(e.low)),
                f"{n:,} examples: {metric} {100 * e.value:.0f} % "
                f"[{100 * e.low:.0f}, {100 * e.high:.0f}], n = {e.n:,}",
            )
            for n, e in zip(sizes, estimates, strict=True)
        ),
        line=" ".join(place(p["size"], p["value"]) for p in line),
        band=" ".join([*there, *back]),
        said=_outlook(grown),
    )  # fmt: skip


def _outlook(grown: Mapping[str, Any]) -> str:
    said = (
        f"{grown['sentence']} Marked on the {grown['split']} items. The intervals are those of "
        "other such items: they cover neither another seed of the training nor another law."
    )
    ceiling = grown.get("ceiling")
    if ceiling is None:
        return said
    ends = f"between {100 * ceiling['low']:.0f} and {100 * ceiling['high']:.0f} %"
    return f"{said} Labels of equal inputs disagree: at best, {ends} can be right."


# ---- audits ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuditRow:
    """One line of an audit."""

    line: Line
    estimate: str
    change: str
    p: str
    dot: float | None
    ends: tuple[float, float]


@dataclass(frozen=True)
class AuditPlot:
    """An audit as a table with a plot in it: of changes where there are any, else of values."""

    found: Audited
    changes: bool
    axis: Axis
    zero: float | None
    """Where no change is."""
    rows: tuple[AuditRow, ...]

    @property
    def judged(self) -> bool:
        """Whether a limit was set on any line."""
        return any(row.line.holds is not None for row in self.rows)


def audit_plot(found: Audited) -> AuditPlot:
    """Table and plot of one audit."""
    changes = any(line.change is not None for line in found.lines)
    drawn = [line.change if changes else line.estimate for line in found.lines]
    values = [v for d in drawn if d is not None for v in (_value(d), d.low, d.high)]
    across = axis([*values, 0.0], log=False, scale=100 if found.share else 1)
    return AuditPlot(
        found, changes, across, across.at(0.0) if changes else None,
        tuple(_audit_row(line, d, found.share, across) for line, d in zip(found.lines, drawn)),
    )  # fmt: skip


def _audit_row(
    line: Line, drawn: Estimate | Comparison | None, share: bool, across: Axis
) -> AuditRow:
    return AuditRow(
        line,
        estimate=_figures(line.estimate, share),
        change=_figures(line.change, share),
        p="" if line.p_value is None else p_value(line.p_value).removeprefix("p = "),
        dot=None if drawn is None else across.at(_value(drawn)),
        ends=(0.0, 0.0) if drawn is None else (across.at(drawn.low), across.at(drawn.high)),
    )


def _value(found: Estimate | Comparison) -> float:
    return found.difference if isinstance(found, Comparison) else found.value


def _figures(found: Estimate | Comparison | None, share: bool) -> str:
    """`71 [63, 78]`; changes with their sign and one decimal: `-3.0 [-6.1, +0.2]`."""
    if found is None:
        return ""
    change = isinstance(found, Comparison)
    places = (1 if change else 0) if share else 3
    sign, scale = "+" if change else "", 100 if share else 1
    shown = [f"{scale * v:{sign}.{places}f}" for v in (_value(found), found.low, found.high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]".replace("-", "−")
