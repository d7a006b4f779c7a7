"""Search the settings of one rung."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from rich.table import Table

    from tailorbird.task.task import TaskSpec
    from tailorbird.train.search import Found, Listener

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird search studies/insurance-email --rung fine_tuned --minutes 60\n\n"
    "tailorbird search my-task --rung linear --space strength=0.1..100:log --trials 20\n\n"
    "tailorbird search my-task --rung fine_tuned "
    "--space 'learning_rate=1e-4..1e-2:log epochs=1..4'"
)


def command(
    study: Study,
    rung: Annotated[
        str | None, typer.Option(help="The rung whose settings are searched; default the last.")
    ] = None,
    data_folder: DataFolder = None,
    minutes: Annotated[
        float, typer.Option(min=0, help="Time for all trials, earlier ones under --out included.")
    ] = 30.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Stop after this many trials.")] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(help="SETTING=LOW..HIGH[:log] or SETTING=A,B,C, several with spaces between."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where trials are kept; default runs/NAME/search/RUNG.")
    ] = None,
    model: Model = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Search the settings of a rung that do best on dev. Resumes when killed."""
    from tailorbird.run_folder import slug
    from tailorbird.train.search import search
    from tailorbird.train.space import parse_space

    silent = quiet or json
    task = load(study, data_folder, overrides_of(set_, model=model), silent)
    rung = rung or task.spec.rungs[-1].name
    (found,) = task.only([rung]).spec.rungs
    named = parse_space(found.approach, space, found.settings) if space else None
    runs = Path("runs") / task.spec.name
    result = search(
        task, rung, out or runs / "search" / slug(rung), minutes, named, trials,
        runs / "cache" if out is None else out / "cache",
        None if silent else announcer(task.spec), silent,
    )  # fmt: skip
    if json:
        print_json(result.to_json())
    elif not quiet:
        _print(result, task.spec)


def announcer(spec: "TaskSpec") -> "Listener":
    """Says on standard error how each trial went."""
    from collections.abc import Mapping

    from rich.console import Console

    from tailorbird.train.search import Listener, Trial

    class Announcer(Listener):
        console = Console(stderr=True, soft_wrap=True, highlight=False)

        def started(self, number: int, settings: Mapping[str, Any]) -> None:
            self.console.print(f"trial {number}: {_said(settings)} ...", style="dim", markup=False)

        def ended(self, trial: Trial) -> None:
            how = _score(trial.value, spec) if trial.value is not None else trial.outcome
            note = f" ({trial.note})" if trial.note else ""
            text = f"trial {trial.number}: {how}, {trial.seconds:.0f} s{note}"
            self.console.print(text, markup=False)

    return Announcer()


def _print(found: "Found", spec: "TaskSpec") -> None:
    from rich.console import Console

    from tailorbird.decide.words import amount, interval

    console = Console(highlight=False)
    console.print(_table(found, spec))
    best, metric = found.best, found.metric
    ends = interval(metric, found.estimate) if found.estimate else ""
    first = f"{len(found.trials)} trials, {found.pruned} of them pruned; {found.reason}."
    console.print(f"\n{first}", markup=False)
    console.print(
        f"Best on dev: trial {best.number} with {amount(metric, best.value or 0.0, '')} "
        f"on {metric}{ends}. The best of many trials looks better than it is: climb tells on test.",
        markup=False,
    )
    if found.importance:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in found.importance.items())
        console.print(f"What made the difference: {shares}.", markup=False)
    print(f"\nFor the rungs of the task file:\n\n{as_yaml(found)}")


def _table(found: "Found", spec: "TaskSpec") -> "Table":
    from rich.table import Table

    names = list(found.trials[0].settings)
    table = Table("trial", *names, found.metric, "s", box=None, header_style="bold")
    for trial in found.trials:
        value = trial.outcome if trial.value is None else _score(trial.value, spec)
        style = "bold green" if trial == found.best else "dim" if trial.value is None else ""
        cells = (str(trial.settings[name]) for name in names)
        table.add_row(str(trial.number), *cells, value, f"{trial.seconds:.0f}", style=style)
    return table


def _score(value: float, spec: "TaskSpec") -> str:
    from tailorbird.decide.words import amount

    return amount(spec.bar.primary.metric, value, "", 1)


def _said(settings: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def as_yaml(found: "Found") -> str:
    """The rung with the best settings, as it stands in a task file."""
    import yaml

    rung = found.rung
    settings = dict(found.settings)
    if rung.name != rung.approach:
        settings["name"] = rung.name
    text = yaml.safe_dump(
        [{rung.approach: settings}], default_flow_style=None, sort_keys=False, width=1000
    )
    return "".join(f"  {line}\n" for line in text.splitlines())
