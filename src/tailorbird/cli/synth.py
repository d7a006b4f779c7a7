"""Rows for training that nobody wrote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Overrides,
    Quiet,
    Study,
    load,
    parse_overrides,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from tailorbird.ablating import Ablation
    from tailorbird.data.synth._estimate import Estimate
    from tailorbird.synthesising import Synthesis, Synthesised
    from tailorbird.task.task import File

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird synth studies/insurance-email --limit 200\n\n"
    "tailorbird synth my-task --teacher http://localhost:8000/v1#my-model --dry-run\n\n"
    "tailorbird synth my-task --only variations --with 'variations.kinds=[typos, persona]'\n\n"
    "tailorbird synth my-task --limit 200 --ablate linear"
)


def command(
    study: Study,
    data_folder: DataFolder = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="A model that writes rows: fledgling, a hub id, a folder, or http://host/v1#name "
            "(may be repeated). None: rules."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="This generator only (may be repeated).")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Leave out this filter (may be repeated).")
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Set up a generator or filter: --with diverse.by=sparse"),
    ] = None,
    templates: Annotated[
        Path | None, typer.Option(help="A file of templates; the same as templates.file.")
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="A judge by `tailorbird judge`; the same as judge.record.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows that each generator may make.")] = 500,
    seed: Annotated[int, typer.Option(help="Of every choice by lot.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and make nothing.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Ask for a few rows, to estimate by them.")
    ] = True,
    ablate: Annotated[
        str | None, typer.Option(help="Fit this rung without and with the rows: did they help?")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Seeds of the rung in --ablate; marks are averaged.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Where it is kept; default runs/NAME/synth.")
    ] = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Make rows for training, sift them, and say whether they help. Resumes when killed."""
    from rich.console import Console

    from tailorbird.synthesising import Request, Synthesis

    silent = quiet or json
    task = load(study, data_folder, parse_overrides(set_), silent)
    settings = _settings(with_, templates, judge)
    request = Request(tuple(only or ()), tuple(skip or ()), settings, limit, seed)
    folder = out or Path("runs") / task.spec.name / "synth"
    if ablate is not None:
        task.only([ablate])  # a misspelt rung is said now
    synthesis = Synthesis(task, folder, request, _teachers(teacher or [], task), silent)
    console = Console(highlight=False, soft_wrap=True, quiet=silent)
    found = synthesis.estimate(probe) if dry_run or synthesis.teachers else None
    if found is not None:
        show_estimate(console, found)
    if dry_run:
        plain = found and found.to_json()
    else:
        plain = _carried_out(console, synthesis, found, study, ablate, repeats)
    if json:
        print_json(plain)


def _settings(
    pairs: list[str] | None, templates: Path | None, judge: Path | None
) -> dict[str, dict[str, Any]]:
    """`["a.b=1"]` -> `{"a": {"b": 1}}`; values are YAML."""
    from tailorbird.errors import TaskError

    out: dict[str, dict[str, Any]] = {}
    for key, value in parse_overrides(pairs, "--with").items():
        name, dot, setting = key.partition(".")
        if not dot:
            raise TaskError(f"--with takes NAME.SETTING=VALUE, not {key}=...")
        out.setdefault(name, {})[setting] = value
    if templates is not None:
        out.setdefault("templates", {})["file"] = str(templates.resolve())
    if judge is not None:
        out.setdefault("judge", {})["record"] = str(judge.resolve())
    return out


def _teachers(specs: list[str], task: Any) -> dict[str, Any]:
    from tailorbird.models.load import load_model

    return {spec: load_model(spec, limits=task.spec.endpoint) for spec in specs}


def _carried_out(
    console: "Console", synthesis: "Synthesis", found: "Estimate | None", study: Path,
    rung: str | None, repeats: int,
) -> dict[str, Any]:  # fmt: skip
    """Make the rows, where the budget allows `found`; try them on `rung`. In plain values, too."""
    from tailorbird.synthesising import check_budget

    if found is not None:
        check_budget(synthesis.task, found)
    done = synthesis.make()
    show(console, done, study, synthesis.task.spec.data.all)
    held = None if rung is None else _ablated(synthesis, done, rung, repeats)
    if held is not None:
        console.print(held.sentence, style="bold", markup=False)
    return _plain(done, found, held)


def _ablated(synthesis: "Synthesis", done: "Synthesised", rung: str, repeats: int) -> "Ablation":
    from tailorbird.ablating import ablate
    from tailorbird.run_folder import slug

    out = done.folder / "ablation" / slug(rung)
    return ablate(
        synthesis.task, rung, done.rows, done.pairs, out, done.folder, repeats, synthesis.quiet
    )


def _plain(
    done: "Synthesised", found: "Estimate | None", held: "Ablation | None"
) -> dict[str, Any]:
    from tailorbird.synthesising import counts_of

    return {
        "rows": {account.file: counts_of(account) for account in done.accounts},
        "kept": {"examples": len(done.rows), "preferences": len(done.pairs)},
        "unused": dict(done.unused),
        "estimate": found and found.to_json(),
        "bill": done.bill.to_json(),
        "ablation": held and held.to_json(),
        "folder": str(done.folder),
    }


def show_estimate(console: "Console", found: "Estimate") -> None:
    """What it will take."""
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for title in ("for", "asked of", "prompts", "read", "written", "time", found.currency):
        left = title in ("for", "asked of")
        table.add_column(title, justify="left" if left else "right")
    for line in found.lines:
        if line.model is None:
            table.add_row(line.purpose, "rules", f"{line.prompts:,}", "", "", "", "")
            continue
        table.add_row(
            line.purpose, line.model, f"{line.prompts:,}", f"{line.prompt_tokens:,}",
            f"{line.completion_tokens:,}", _time(line.seconds), _money(line.cost),
        )  # fmt: skip
    console.print(table)
    how = "Measured on a few orders." if found.measured else "Guessed from words, at the longest."
    asks_some = any(line.model is not None for line in found.lines)
    total = f" Together: {_time(found.seconds)}, {_money(found.cost)} {found.currency}."
    console.print(f"{how}{total}\n" if asks_some else "No model is asked: it costs nothing.\n")


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _money(cost: float | None) -> str:
    return "?" if cost is None else f"{cost:.2g}"


def show(console: "Console", done: "Synthesised", study: Path, pool: "Sequence[File]" = ()) -> None:
    """What was made of it, what went and why, what it took, and where it is.

    `pool`: the files of `data.all`, where the task has one pool.
    """
    from rich.table import Table

    from tailorbird.data.synth.base import FILE
    from tailorbird.synthesising import PAIRS

    table = Table(box=None, header_style="bold")
    for title in ("generator", "made", "kept", "dropped"):
        table.add_column(title, justify="left" if title in ("generator", "dropped") else "right")
    for account in done.accounts:
        reasons = [f"{n:,} {reason}" for reason, n in account.dropped.most_common()]
        table.add_row(account.file, f"{account.read:,}", f"{account.kept:,}", "\n".join(reasons))
    console.print(table)
    for name, reason in done.unused.items():
        console.print(f"{name} was of no use: {reason}.", style="dim", markup=False)
    bill = done.bill
    if bill.lines:
        tokens = sum(x.prompt_tokens + x.completion_tokens for x in bill.lines.values())
        console.print(
            f"It took {sum(x.prompts for x in bill.lines.values()):,} prompts, {tokens:,} tokens, "
            f"{_time(bill.seconds)} and {_money(bill.cost)} {bill.prices.currency}.",
            markup=False,
        )
    for kept, file, key in ((done.rows, FILE, "train"), (done.pairs, PAIRS, "preferences")):
        if kept:
            where = _from(study, done.folder / file)
            to = _in_pool(pool, where) if pool and key == "train" else f"data.{key}"
            console.print(f"{len(kept):,} rows: add {where} to {to}", markup=False)


def _in_pool(pool: "Sequence[File]", where: str) -> str:
    """The key of the task file, and what it would read."""
    import yaml

    files = [f.path if f.key is None else f.model_dump() for f in pool]
    line = yaml.safe_dump([*files, where], default_flow_style=True, width=10**6, allow_unicode=True)
    return f"data.all, as in all: {line.strip()}; rows that were made up always go to train"


def _from(study: Path, file: Path) -> str:
    """The file as the task file would name it."""
    import os

    from tailorbird.task.task import folder_of

    return Path(os.path.relpath(file.resolve(), folder_of(study).resolve())).as_posix()
