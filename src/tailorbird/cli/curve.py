"""Whether more training data will pay."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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

    from tailorbird.growing import Grown

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird curve studies/insurance-email --rung linear\n\n"
    "tailorbird curve my-task --rung fine_tuned --sizes 200,1000,4000\n\n"
    "tailorbird curve my-task --rung linear --stop"
)


def command(
    study: Study,
    rung: Annotated[str | None, typer.Option(help="The rung to grow; default the last.")] = None,
    sizes: Annotated[
        str | None,
        typer.Option(help="Training examples: 200,1000,4000. Default: all, and halves of that."),
    ] = None,
    data_folder: DataFolder = None,
    on: Annotated[
        Literal["dev", "test"], typer.Option(help="Whose items are marked; test opens the test.")
    ] = "dev",
    times: Annotated[
        float, typer.Option(min=1.01, help="Look ahead to this many times the largest size.")
    ] = 2.0,
    stop: Annotated[
        bool, typer.Option("--stop", help="Grow no further once more data do not pay.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Where it is kept; default runs/NAME/curve/RUNG.")
    ] = None,
    model: Model = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Fit a rung on growing parts of the training data: will more pay? Resumes when killed."""
    from rich.console import Console

    from tailorbird.growing import grow
    from tailorbird.run_folder import slug

    silent = quiet or json
    task = load(study, data_folder, overrides_of(set_, model=model), silent)
    rung = rung or task.spec.rungs[-1].name
    run = Path("runs") / task.spec.name
    folder = out or run / "curve" / slug(rung)
    grown = grow(
        task, rung, folder, out or run, _numbers(sizes), on, times, stop=stop, quiet=silent
    )
    if json:
        print_json(grown.to_json())
    elif not quiet:
        show(Console(highlight=False, soft_wrap=True), grown, folder)


def _numbers(text: str | None) -> list[int]:
    from tailorbird.errors import TaskError

    words = (text or "").replace(",", " ").split()
    if not all(word.isdecimal() for word in words):
        raise TaskError(f"--sizes takes numbers, not {text!r}", hint="--sizes 200,1000,4000")
    return [int(word) for word in words]


def show(console: "Console", grown: "Grown", folder: Path) -> None:
    """The table, the law, and the answer."""
    from rich.table import Table

    curve, law = grown.curve, grown.curve.law
    table = Table(box=None, header_style="bold")
    for title in ("examples", f"{grown.metric} % on {grown.split}", "the law", "fitting, s"):
        table.add_column(title, justify="right")
    for size, found, took in zip(curve.sizes, curve.estimates, grown.seconds, strict=True):
        error = law.error(size)
        says = 1 - error if grown.higher else error
        ends = f"[{100 * found.low:.1f}, {100 * found.high:.1f}]"
        table.add_row(
            f"{size:,}", f"{100 * found.value:.1f} {ends}", f"{100 * says:.1f}", f"{took:.1f}"
        )
    console.print(table)
    console.print(f"\nerror = {law.a:.3g} n^-{law.b:.2f} + {law.c:.3g}", markup=False)
    if grown.ceiling is not None:
        low, high = 100 * grown.ceiling.low, 100 * grown.ceiling.high
        console.print(
            f"Where an input has several labels ({grown.ceiling.agreement.n:,} have), they agree "
            f"such that nothing can be right more often than {low:.0f} to {high:.0f} % of the "
            "time.",
            markup=False,
        )
    console.print(grown.sentence, style="bold", markup=False)
    console.print(f"\n{folder / 'curve.json'}", markup=False)
