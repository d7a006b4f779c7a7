"""List the climbs in a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import AsJson, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from tailorbird.evaluate.runs import Listed

EXAMPLES = "Examples:\n\ntailorbird runs\n\ntailorbird runs archive --json"


def command(
    folder: Annotated[Path, typer.Argument(help="Where to look.")] = Path("runs"),
    json: AsJson = False,
) -> None:
    """List climbs: when, on which benchmark, what was enough, and how good the best rung is."""
    from rich.console import Console

    from tailorbird.evaluate.runs import find_climbs

    climbs = find_climbs(folder)
    if json:
        print_json([c.to_json() for c in climbs])
    elif climbs:
        Console().print(_table(climbs))
    else:
        print(f"no climb in {folder}")


def _table(climbs: "tuple[Listed, ...]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("climb", overflow="fold", min_width=14)
    table.add_column("measured", no_wrap=True)
    table.add_column("benchmark", no_wrap=True)
    table.add_column("rungs", justify="right")
    table.add_column("enough", overflow="fold")
    table.add_column("best", overflow="fold")
    for climb in climbs:
        measured = f"{climb.measured:%Y-%m-%d}" if climb.measured else ""
        said = [climb.enough or f"none; {climb.advice}", _best(climb)]
        cells = [str(climb.folder), measured, climb.benchmark[:8], str(len(climb.rungs))]
        cells += said if climb.finished else ["not finished", ""]
        table.add_row(*map(Text, cells), style="bold green" if climb.enough else None)
    return table


def _best(climb: "Listed") -> str:
    """`rag: facts 51 % [44, 59]`"""
    from tailorbird.decide.words import amount, interval

    if climb.best is None or climb.metric is None or climb.primary is None:
        return ""
    value = amount(climb.metric, climb.primary.value, "")
    return f"{climb.best}: {climb.metric} {value}{interval(climb.metric, climb.primary)}"
