"""What audits found, for terminals."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailorbird.evaluate.audits.base import Audited, Line, RungAudits
from tailorbird.evaluate.statistics import Comparison, Estimate


def print_audits(console: Console, audited: RungAudits) -> None:
    """One table per audit, with its notes; then what was not audited, and why."""
    for found in audited.found:
        console.print(Text(f"\n{found.title}: {audited.rung}", style="bold"))
        console.print(table(found))
        for note in found.notes:
            console.print(Text(f"- {note}"))
    for name, reason in audited.missing.items():
        console.print(Text(f"\n{name} was not made: {reason}", style="dim"))


def table(found: Audited) -> Table:
    """One row per line: estimate, change with its corrected p-value, and how it stands."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    made.add_column("")
    others = any(line.measure not in ("", found.measure) for line in found.lines)
    measure = found.measure + (", or as named" if others else "")
    made.add_column(measure + (", %" if found.share else ""), justify="right")
    changes = any(line.change for line in found.lines)
    tested = any(line.p_value is not None for line in found.lines)
    if changes:
        made.add_column("change" + (", points" if found.share else ""), justify="right")
    if tested:
        made.add_column("p", justify="right")
    made.add_column("n", justify="right")
    made.add_column("", overflow="fold")
    for line in found.lines:
        cells = [line.name, interval(line.estimate, found.share)]
        if changes:
            cells.append(interval(line.change, found.share))
        if tested:
            cells.append(p_value(line.p_value))
        n = line.estimate.n if line.estimate else None
        made.add_row(*map(Text, [*cells, "" if n is None else f"{n:,}", standing(line)]))
    return made


def p_value(value: float | None) -> str:
    """Three places, and never 0."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def interval(found: Estimate | Comparison | None, share: bool) -> str:
    """`71 [63, 78]`; a change has its sign: `-3.0 [-6.1, +0.2]`."""
    if found is None:
        return ""
    scale, places = (100, 1) if share else (1, 3)
    sign = "+" if isinstance(found, Comparison) else ""
    value = found.difference if isinstance(found, Comparison) else found.value
    shown = [f"{scale * v:{sign}.{places}f}" for v in (value, found.low, found.high)]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def standing(line: Line) -> str:
    """Whether the line is within its limit, and what is to be said of it."""
    mark = {True: "✓", False: "✗ beyond the limit", None: ""}[line.holds]
    return f"{mark} {line.note}".strip()
