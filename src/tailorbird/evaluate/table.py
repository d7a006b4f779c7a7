"""The ladder as a table, for terminals and for Markdown: one row per rung, cheap to dear."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailorbird.decide.advice import Advice
from tailorbird.decide.ladder import Check, Ladder, Status
from tailorbird.decide.verdict import Verdict
from tailorbird.decide.words import amount
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import Estimate
from tailorbird.registry import module, names
from tailorbird.task.bar import MEASURES, Criterion
from tailorbird.task.task import TaskSpec

UNKNOWN = "unknown"
ADVICE: Mapping[Advice, str] = {
    "do not fine-tune": "Do not fine-tune.",
    "fine-tune": "Fine-tune.",
    "cannot tell": "Cannot tell whether to fine-tune.",
}
REASONS = 6
"""As many reasons are printed; the report has them all."""

# measure -> short title, unit (None: the currency), meaning
_MEASURES: Mapping[str, tuple[str, str | None, str]] = {
    "latency_p50": ("p50", "s", "seconds within which half of the requests are answered"),
    "latency_p95": ("p95", "s", "seconds within which 95 of 100 requests are answered"),
    "latency_p99": ("p99", "s", "seconds within which 99 of 100 requests are answered"),
    "latency_first_p50": ("first p50", "s", "seconds to the first token, for half the requests"),
    "latency_first_p95": ("first p95", "s", "seconds to the first token, for 95 of 100 requests"),
    "prompt_tokens": ("prompt", "tokens", "tokens read for one answer"),
    "completion_tokens": ("answer", "tokens", "tokens written for one answer"),
    "cost_per_1000": ("cost/1k", None, "money for 1,000 answers"),
    "cost_per_correct": ("cost/right", None, "money for one right answer"),
    "training_minutes": ("training", "min", "minutes of preparation, once"),
}
_FURTHER = frozenset({"latency_p99", "latency_first_p50", "latency_first_p95", "cost_per_correct"})
"""Measures that tables leave to the report, unless the bar asks for them."""
_LEAST_NEEDED = (
    "cited",
    "completion_tokens",
    "prompt_tokens",
    "training_minutes",
    "cost_per_1000",
    "latency_p50",
    "latency_p95",
)
"""What a narrow terminal leaves out first, where the bar does not ask for it."""
_GAP = 2
"""Spaces between columns."""
_MAY_WRAP = 20
"""Longer names, and lists of what is missed, go on in a second line."""
_WORST_FIRST: tuple[Status, ...] = ("missed", "unmeasured", "met but uncertain", "met")
_STYLE: Mapping[Status, str] = {
    "missed": "red",
    "unmeasured": "yellow",
    "met but uncertain": "yellow",
    "met": "",
}


@dataclass(frozen=True)
class Column:
    """One thing that was measured of every rung."""

    metric: str
    title: str
    unit: str
    meaning: str
    criteria: tuple[Criterion, ...]
    """The lines of the bar on it; none where it is measured for information."""

    @property
    def ask(self) -> str:
        """`≥ 60`, in `unit`; empty where the bar does not ask."""
        signs = (("≥" if c.at_least is not None else "≤", c.threshold) for c in self.criteria)
        return ", ".join(f"{sign} {self._scale * limit:,.6g}" for sign, limit in signs)

    def figure(self, estimate: Estimate | None) -> str:
        """`71`, in `unit`; what is not known is said so, never 0."""
        if estimate is None:
            return UNKNOWN
        for decimals in range(4):  # rounding must not hide on which side of the bar it lies
            shown = self._number(estimate.value, decimals)
            rounded = float(shown.replace(",", "").lstrip("<")) / self._scale
            if all(c.holds(rounded) == c.holds(estimate.value) for c in self.criteria):
                break
        return shown

    def ends(self, estimate: Estimate | None) -> str:
        """`[63, 78]`, in `unit`; empty where rounding leaves no uncertainty to show."""
        if estimate is None or estimate.low == estimate.high:
            return ""
        low, high = self._number(estimate.low), self._number(estimate.high)
        return "" if low == high == self._number(estimate.value) else f"[{low}, {high}]"

    @property
    def _scale(self) -> int:
        return 1 if self.metric in MEASURES else 100

    def _number(self, value: float, decimals: int = 0) -> str:
        if math.isinf(value):
            return UNKNOWN
        if self.metric not in MEASURES:
            # An end of 0.9999999999999999 is 1, not "nearly all".
            return amount(self.metric, round(value, 9), "", decimals).removesuffix(" %")
        if value >= 9.95 or value == 0:
            return f"{value:,.{decimals}f}"
        # Two significant digits, never an exponent, and never 0 for what is not.
        places = decimals + 1 - math.floor(math.log10(value))
        return "<0.0001" if value < 0.0001 else f"{value:.{min(places, 4)}f}"


def columns(ladder: Ladder) -> tuple[Column, ...]:
    """The lines of the bar, primary first; then what else was marked; then the other measures."""
    asked = (c.metric for c in ladder.bar.criteria)
    marked = (m for r in ladder.rungs for m in r.scores)
    measures = (m for m in _MEASURES if m not in _FURTHER)
    return tuple(_column(ladder, m) for m in dict.fromkeys([*asked, *marked, *measures]))


def further_columns(ladder: Ladder) -> tuple[Column, ...]:
    """What else some rung was measured by: metrics of all answers together, and measures that
    tables have no room for."""
    shown = {c.metric for c in columns(ladder)}
    known = [*names("evaluate.metrics"), *sorted(_FURTHER, key=list(_MEASURES).index)]
    return tuple(
        _column(ladder, m)
        for m in known
        if m not in shown and any(r.measured(m) is not None for r in ladder.rungs)
    )


def _column(ladder: Ladder, metric: str) -> Column:
    criteria = tuple(c for c in ladder.bar.criteria if c.metric == metric)
    if metric in _MEASURES:
        title, unit, meaning = _MEASURES[metric]
        return Column(metric, title, unit or ladder.spec.budget.prices.currency, meaning, criteria)
    folder = next((f for f in ("task.scorers", "evaluate.metrics") if metric in names(f)), None)
    meaning = module(folder, metric).SUMMARY if folder else ""
    return Column(metric, metric, "%", meaning, criteria)


def status(verdict: Verdict, rung: str, metric: str) -> Status | None:
    """How a rung stands on the bar's lines about `metric`, the worst of them; None without any."""
    found = [c.status for c in _checks(verdict, rung) if c.criterion.metric == metric]
    return min(found, key=_WORST_FIRST.index, default=None)


def _checks(verdict: Verdict, rung: str) -> list[Check]:
    return [c for c in verdict.checks if c.rung == rung]


def mark(verdict: Verdict, rung: str) -> str:
    """`✓ enough`, `✓ meets the bar`, `✗ facts, unsupported`: what the rung misses."""
    checks = _checks(verdict, rung)
    lacks = list(dict.fromkeys(c.criterion.metric for c in checks if not c.holds))
    if lacks:
        return f"✗ {', '.join(lacks)}"
    unsure = any(c.status == "met but uncertain" for c in checks)
    said = "enough" if rung == verdict.enough else "meets the bar"
    return f"✓ {said}, uncertain" if unsure else f"✓ {said}"


def sample(results: Results) -> str:
    """`170 test items in 42 independent groups`: n and the unit of independence."""
    groups = {g for g in results.groups if g is not None}
    alone = results.groups.count(None)
    n = f"{results.n_test:,} test items"
    if not groups:
        return f"{n}, each independent of the others"
    if not alone:
        return f"{n} in {len(groups):,} independent groups"
    return f"{n}: {len(groups):,} independent groups and {alone:,} items on their own"


def ladder_table(results: Results, verdict: Verdict, spec: TaskSpec, width: int = 100) -> Table:
    """The ladder for a terminal of `width` characters; what does not fit is named below it."""
    ladder = Ladder(results, spec)
    shown, dropped = list(columns(ladder)), list[Column]()
    wrap = min(_MAY_WRAP, width // 4)
    while True:
        table = _table(ladder, verdict, shown, dropped, wrap)
        if _least_width(table) <= width or len(shown) == 1:
            return table
        least = min(shown[1:], key=lambda c: _need(c, ladder))
        shown.remove(least)
        dropped.append(least)


def _need(column: Column, ladder: Ladder) -> tuple[int, int]:
    """What sorts lower is left out earlier."""
    if column.criteria:
        return 3, -ladder.bar.criteria.index(column.criteria[0])
    if all(r.measured(column.metric) is None for r in ladder.rungs):
        return 0, 0
    if column.metric in _LEAST_NEEDED:
        return 1, _LEAST_NEEDED.index(column.metric)
    return 2, 0


def _table(
    ladder: Ladder,
    verdict: Verdict,
    shown: Sequence[Column],
    dropped: Sequence[Column],
    wrap: int,
) -> Table:
    table = Table(
        box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold",
        caption=_caption(ladder, dropped), caption_justify="left", caption_style="dim",
    )  # fmt: skip
    # Names and what is missed may wrap, numbers never.
    names = [Text(r.name, overflow="fold") for r in ladder.rungs]
    marks = [Text(mark(verdict, r.name), overflow="fold") for r in ladder.rungs]
    table.add_column("rung", min_width=min(wrap, _longest(names)))
    cells = []
    for column in shown:
        header = Text("\n".join([column.title, column.unit, column.ask]).rstrip())
        cells.append([_cell(column, r, verdict) for r in ladder.rungs])
        least = _longest([*header.split(), *cells[-1]])
        table.add_column(header, justify="right", no_wrap=True, min_width=least)
    table.add_column("the bar", min_width=min(wrap, _longest(marks)))
    for rung, *row in zip(ladder.rungs, names, *cells, marks, strict=True):
        table.add_row(*row, style="bold green" if rung.name == verdict.enough else None)
    return table


def _longest(texts: Sequence[Text]) -> int:
    return max((t.cell_len for t in texts), default=0)


def _least_width(table: Table) -> int:
    return sum(c.min_width or 0 for c in table.columns) + _GAP * (len(table.columns) - 1)


def _cell(column: Column, rung: RungResult, verdict: Verdict) -> Text:
    """Marks with their interval; other measures without, to save width."""
    found = status(verdict, rung.name, column.metric)
    style = _STYLE[found] if found else ""
    return Text(_plain_cell(column, rung), style=style)


def _plain_cell(column: Column, rung: RungResult) -> str:
    estimate = rung.measured(column.metric)
    if estimate is None:
        return "?"
    ends = "" if column.metric in MEASURES else column.ends(estimate)
    return f"{column.figure(estimate)} {ends}".rstrip()


def _caption(ladder: Ladder, dropped: Sequence[Column]) -> Text:
    notes = [f"{sample(ladder.results)}. In brackets: 95 % intervals. ?: unknown."]
    if dropped:
        notes.append(f"Left out for width: {', '.join(c.metric for c in dropped)}.")
    return Text("\n" + " ".join(notes))


def print_verdict(
    console: Console,
    results: Results,
    verdict: Verdict,
    spec: TaskSpec,
    failures: Mapping[str, str] | None = None,
) -> None:
    """Print the ladder, the verdict, its reasons, and `failures`: rung -> why it was not run."""
    console.print(ladder_table(results, verdict, spec, console.width))
    console.print()
    console.print(Text(verdict.headline, style="bold green" if verdict.enough else "bold"))
    advice = Text(ADVICE[verdict.fine_tune], style="bold")
    console.print(advice.append(f" {verdict.fine_tune_reason}", style="not bold"))
    reasons = list(verdict.reasons[:REASONS])
    if verdict.reasons[REASONS:]:
        reasons.append(f"{len(verdict.reasons) - REASONS} more in the report.")
    _print_list(console, "What is missing", verdict.missing)
    _print_list(console, "Why", reasons)
    not_run = [f"{name}: {reason}" for name, reason in (failures or {}).items()]
    _print_list(console, "Not run", not_run)


def _print_list(console: Console, title: str, items: Sequence[str]) -> None:
    if not items:
        return
    console.print(Text(f"\n{title}", style="bold"))
    grid = Table.grid(padding=(0, 1))
    for item in items:
        grid.add_row("-", Text(item))
    console.print(grid)


def ladder_markdown(results: Results, verdict: Verdict, spec: TaskSpec) -> str:
    """The ladder as a GitHub Markdown table; the rung that is enough is in bold."""
    ladder = Ladder(results, spec)
    shown = columns(ladder)
    heads = [" ".join(filter(None, [c.title, c.unit, c.ask])) for c in shown]
    lines = [_row(["rung", *heads, "the bar"]), _row(["---", *["--:"] * len(shown), "---"])]
    for rung in ladder.rungs:
        cells = [rung.name, *(_plain_cell(c, rung) for c in shown), mark(verdict, rung.name)]
        bold = rung.name == verdict.enough
        lines.append(_row([f"**{_escaped(c)}**" if bold else _escaped(c) for c in cells]))
    return "\n".join([*lines, "", *str(_caption(ladder, ())).split("\n")[1:]])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """`text` as Markdown that shows it as it is, in one table cell."""
    for character in "\\|*<`":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
