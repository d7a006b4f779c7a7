"""The `tailorbird` command: one file per command beside this one; imports wait until it runs."""

import sys
import warnings

import typer

from tailorbird import __version__
from tailorbird.cli import (
    audit,
    check,
    climb,
    compare,
    convert,
    curve,
    judge,
    label,
    mend,
    new,
    plan,
    pretrain,
    report,
    runs,
    schema,
    search,
    split,
    synth,
    vocabulary,
)
from tailorbird.errors import TailorbirdError
from tailorbird.threads import wait_briefly

_INTERRUPTED = 130
"""The exit code that typer makes of Ctrl-C."""

app = typer.Typer(
    name="tailorbird",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    epilog=(
        "First steps:\n\ntailorbird new my-task\n\ntailorbird check my-task\n\n"
        "tailorbird climb my-task"
    ),
)
for command in (
    new, convert, check, mend, split, synth, plan, climb, audit, judge, curve, search, report, runs,
    compare, schema, pretrain, vocabulary,
):  # fmt: skip
    app.command(command.__name__.rsplit(".", 1)[-1], epilog=command.EXAMPLES)(command.command)
app.add_typer(label.app, name="label")


@app.callback()
def _options() -> None:
    """Tailors a language model to your task, and proves that it was worth it."""


def main() -> None:
    """Run the command line; an error that we know is one message and exit code 1."""
    if len(sys.argv) == 2 and sys.argv[1] == "--version":
        print(__version__)
        return
    wait_briefly()
    # What one library says of another's coming versions is nothing that our user can mend.
    warnings.simplefilter("ignore", FutureWarning)
    try:
        app()
    except TailorbirdError as error:
        from rich.console import Console

        console = Console(stderr=True, soft_wrap=True)
        console.print(f"error: {error}", style="bold red", markup=False, highlight=False)
        if error.hint:
            console.print(f"  -> {error.hint}", markup=False, highlight=False)
        sys.exit(1)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:
            print("stopped; run the same command again to go on where it was", file=sys.stderr)
        raise
