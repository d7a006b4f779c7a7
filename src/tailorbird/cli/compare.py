"""Compare two rungs, paired."""

from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import AsJson, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tailorbird.comparing import Item, Pair
    from tailorbird.evaluate.statistics import Estimate
    from tailorbird.evaluate.table import Column

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird compare runs/insurance-email:rag runs/insurance-email:fine_tuned_rag\n\n"
    "tailorbird compare runs/insurance-email:rag :fine_tuned\n\n"
    "tailorbird compare runs/before runs/after --items 20"
)
_CLIP = 400
"""Characters of an input or an answer."""
_WORDS = {"won": "the second is better", "lost": "the first is better"}


def command(
    first: Annotated[
        str, typer.Argument(help="FOLDER:RUNG; without a rung: the one that is enough or best.")
    ],
    second: Annotated[str, typer.Argument(help="The same; :RUNG is of the first one's climb.")],
    items: Annotated[int, typer.Option(min=0, help="Show this many items won, and lost.")] = 3,
    json: AsJson = False,
) -> None:
    """Compare two rungs on one benchmark, item by item, and show the items that changed."""
    from rich.console import Console

    from tailorbird.comparing import pair

    found = pair(first, second)
    if json:
        print_json(found.to_json())
    else:
        _print(Console(), found, items)


def _print(console: "Console", found: "Pair", items: int) -> None:
    from rich.text import Text

    n = found.ladder.results.n_test
    console.print(_marks(found))
    note = (
        f"\nThe same {n:,} test items; in brackets: 95 % intervals. p is corrected: of "
        f"{found.metric} for every pair of rungs that was tried, of the others for one another."
    )
    console.print(Text(note if found.marks[1:] else note.partition(", of the")[0] + ".", "dim"))
    console.print(_measures(found))
    if found.sentence:
        console.print(Text(f"\n{found.sentence}", style="bold"))
    for change, words in _WORDS.items():
        those = [i for i in found.items if i.change == change]
        console.print(Text(f"\nOn {len(those):,} items {words}.", style="bold"))
        for item in those[:items]:
            _print_item(console, found, item)
        if those[items:]:
            console.print(Text(f"{len(those) - items:,} more: --items, or --json", style="dim"))


def _marks(found: "Pair") -> "Table":
    from rich.text import Text

    from tailorbird.decide.words import p_value, points
    from tailorbird.evaluate.table import columns

    known = {c.metric: c for c in columns(found.ladder)}
    table = _table(found, "difference, points", "p", "the second is")
    for mark in found.marks:
        c, p = mark.change, mark.p_value
        change = points(c.difference, c.low, c.high).replace(" points", "") if c else "?"
        p_cell = "" if p is None else p_value(p).removeprefix("p ").removeprefix("= ")
        cells = _cells(known[mark.metric], mark.a, mark.b)
        table.add_row(*map(Text, [*cells, change, p_cell, mark.outcome or "not compared"]))
    return table


def _measures(found: "Pair") -> "Table":
    from rich.text import Text

    from tailorbird.evaluate.table import columns

    table = _table(found)
    for column in columns(found.ladder):
        a, b = found.measures.get(column.metric, (None, None))
        if a is not None or b is not None:
            table.add_row(*map(Text, _cells(column, a, b)))
    return table


def _table(found: "Pair", *heads: str) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for head in ("", found.a.label, found.b.label, *heads):
        table.add_column(Text(head), overflow="fold")
    return table


def _cells(column: "Column", a: "Estimate | None", b: "Estimate | None") -> list[str]:
    """`latency_p95, s`, and both values with their intervals."""
    name = f"{column.metric}, {column.unit}" if column.unit != "tokens" else column.metric
    return [name, *(f"{column.figure(e)} {column.ends(e)}".strip() for e in (a, b))]


def _print_item(console: "Console", found: "Pair", item: "Item") -> None:
    from rich.text import Text

    grid = [("asked", item.input), ("right", item.target)]
    grid += list(zip((found.a.label, found.b.label), item.answers, strict=True))
    marks = " -> ".join(f"{m:g}" for m in item.marks)
    console.print(Text(f"\n{item.id} ({found.metric} {marks})", style="underline"))
    for name, text in grid:
        console.print(Text.assemble((f"{name}: ", "bold"), _clipped(text)))


def _clipped(text: str) -> str:
    from tailorbird.errors import plain

    text = plain(" ".join(text.split()))
    return text if len(text) <= _CLIP else f"{text[:_CLIP]} … ({len(text) - _CLIP:,} more)"
