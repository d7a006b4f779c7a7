"""What a climb takes, before it runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Model,
    Overrides,
    Quiet,
    Study,
    load,
    overrides_of,
    print_json,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tailorbird.train.forecast import Change, Plan, RungPlan
    from tailorbird.train.memory import Range

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird plan studies/insurance-email\n\n"
    "tailorbird plan my-task --model Qwen/Qwen3-0.6B --no-probe"
)


def command(
    study: Study,
    data_folder: DataFolder = None,
    model: Model = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Plan this rung only (may be repeated).")
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Run a few real steps to be more exact.")
    ] = True,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Estimate memory, time, tokens and money of every rung, and say what to change."""
    import sys

    from rich.console import Console

    from tailorbird.task.check import what_can_be_shown
    from tailorbird.train.plan import plan

    silent = quiet or json
    whole = load(study, data_folder, overrides_of(set_, model=model), silent)
    made, evidence = plan(whole.only(only or ()), probe, quiet=silent), what_can_be_shown(whole)
    if json:
        print_json(made.to_json() | {"evidence": evidence})
    elif not quiet:
        console = Console(highlight=False)
        show(console, made)
        console.print(f"What it can show: {evidence}.", markup=False)
    if not made.fits:
        sys.exit(1)


def show(console: "Console", made: "Plan") -> None:
    """The table, the totals, and what to change."""
    console.print(_table(made))
    machine = made.machine
    console.print(
        f"\nThis machine: {machine.device}, {_bytes(machine.memory)} of memory free, "
        f"{machine.rate / 1e9:,.0f} billion operations a second.\n"
        "In brackets: low and high. tokens: trained, read and written for the test items.",
        markup=False,
    )
    if made.seconds:
        money = f", {_money(made.cost, made.currency)}" if made.cost else ""
        console.print(f"The whole ladder: {_time(made.seconds)}{money}.", markup=False)
    for rung in made.rungs:
        said = [rung.problem] if rung.problem else []
        for note in [*said, *rung.notes]:
            console.print(f"{rung.name}: {note}.", markup=False)
        _changes(console, rung.changes)
    if made.changes:
        console.print(f"More than the {made.minutes:g} minutes of the budget.", markup=False)
        _changes(console, made.changes)


def _changes(console: "Console", changes: "tuple[Change, ...]") -> None:
    for change in changes:
        parts = [_memory(change.memory)] if change.memory else []
        parts += [_time(change.seconds)] if change.seconds else []
        takes = ", ".join(parts)
        setting = f" ({change.setting})" if change.setting else ""
        mark = "✓" if change.fits else "✗"
        console.print(f"  {mark} {change.what}{setting}: {takes}", markup=False)


def _table(made: "Plan") -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in ("rung", "memory", "time", "tokens", "batch", made.currency):
        table.add_column(title, justify="left" if title == "rung" else "right")
    for rung in made.rungs:
        style = "red" if rung.problem else ""
        table.add_row(
            rung.name, _memory(rung.memory), _time(rung.seconds), _tokens(rung), _batch(rung),
            f"{rung.cost.expected:.2g}" if rung.cost else "?", style=style,
        )  # fmt: skip
    return table


def _memory(found: "Range | None") -> str:
    if found is None:
        return "-"
    return _range(found, *((1e9, "GB") if found.expected >= 2e9 else (1e6, "MB")))


def _bytes(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.0f} MB"


def _time(found: "Range | None") -> str:
    if found is None:
        return "?"
    if found.expected < 100:
        return _range(found, 1, "s")
    return _range(found, *((60, "min") if found.expected < 6000 else (3600, "h")))


def _range(found: "Range", unit: float, name: str) -> str:
    low, expected, high = (_figure(n / unit) for n in found)
    return f"{expected} [{low}, {high}] {name}"


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1f}"


def _tokens(rung: "RungPlan") -> str:
    counts = (rung.trained_tokens, rung.read_tokens.expected, rung.written_tokens.expected)
    return " + ".join(_short(n) for n in counts if n) or "-"


def _short(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.{0 if number >= 10 * size else 1}f}{letter}"
    return f"{number:.0f}"


def _batch(rung: "RungPlan") -> str:
    if rung.batch is None:
        return "-"
    size, batches = rung.batch
    return f"{size}" if batches == 1 else f"{size} x {batches}"


def _number(found: "Range") -> str:
    return f"{found.expected:.2g} [{found.low:.2g}, {found.high:.2g}]"


def _money(found: "Range | None", currency: str) -> str:
    return f"{_number(found)} {currency}" if found else "?"
