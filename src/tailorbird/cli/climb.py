"""Measure every approach on one frozen benchmark, and say which is enough."""

from pathlib import Path
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
    from tailorbird.climbing import Listener
    from tailorbird.evaluate.results import RungResult
    from tailorbird.task.task import Rung

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird climb studies/insurance-email\n\n"
    "tailorbird climb my-task --model http://localhost:8000/v1#my-model\n\n"
    "tailorbird climb my-task --model Qwen/Qwen3-0.6B --only zero_shot --only rag"
)


def command(
    study: Study,
    data_folder: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="The climb's folder; default runs/NAME.")] = None,
    model: Model = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Run this rung only (may be repeated).")
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(help="mlflow, wandb or none; default: mlflow where it is installed."),
    ] = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Measure every rung on one frozen benchmark, and say which is enough. Resumes when killed."""
    from rich.console import Console

    from tailorbird.climbing import climb
    from tailorbird.evaluate.table import print_verdict

    silent = quiet or json
    overrides = overrides_of(set_, model=model, track=track)
    task = load(study, data_folder, overrides, silent).only(only or ())
    out = out or Path("runs") / task.spec.name
    climbed = climb(task, out, announcer(task.spec.bar.primary.metric, silent), silent)
    if json:
        print_json(climbed.verdict.to_json())
    elif not quiet:
        print_verdict(Console(), climbed.results, climbed.verdict, task.spec, climbed.failures)
        print(f"\nThe whole story, for anybody: {out / 'report.html'}")


def announcer(metric: str, quiet: bool = False) -> "Listener":
    """Says on standard error how far the climb is; warnings are said even where `quiet`."""
    import time

    from rich.console import Console

    from tailorbird.climbing import Listener

    class Warner(Listener):
        console = Console(stderr=True, soft_wrap=True, highlight=False)

        def warned(self, text: str) -> None:
            self.console.print(f"warning: {text}", style="yellow", markup=False)

    class Announcer(Warner):
        begun = time.monotonic()

        def started(self, rung: "Rung") -> None:
            self.begun = time.monotonic()
            self.console.print(f"{rung.name} ...", style="dim", markup=False)

        def finished(self, rung: "Rung", result: "RungResult", resumed: bool) -> None:
            seconds = time.monotonic() - self.begun
            mark = result.estimates[metric]
            value = f"{mark.value:.3f}" if mark else "could not be marked"
            took = "done before" if resumed else f"{seconds:.0f} s"
            self.console.print(f"{rung.name}: {metric} {value} ({took})", markup=False)

        def failed(self, rung: "Rung", reason: str) -> None:
            self.console.print(f"{rung.name} was not run: {reason}", style="red", markup=False)

        def recorded(self, where: str) -> None:
            self.console.print(f"recorded in {where}", style="dim", markup=False)

    return Warner() if quiet else Announcer()
