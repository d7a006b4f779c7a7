"""Mend what `check` found, by recorded steps that can be taken back."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.check import Production, Source, examined
from tailorbird.cli.options import DataFolder, Overrides, Quiet, clipped
from tailorbird.errors import DataError, plain
from tailorbird.words import command_line, counted

if TYPE_CHECKING:
    from rich.console import Console

    from tailorbird.checking import Checked
    from tailorbird.checking import Source as Read
    from tailorbird.mending import Proposal
    from tailorbird.task.benchmark import Task

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird mend my-task duplicates --dry-run\n\n"
    "tailorbird mend my-task labels --only train-000012 --only train-000301\n\n"
    "tailorbird mend my-task --list\n\n"
    "tailorbird mend my-task --undo 2\n\n"
    "tailorbird mend rows.csv duplicates --out rows-mended.jsonl"
)
_VERBS = {"drop": "Drop", "relabel": "Relabel", "rewrite": "Rewrite", "regroup": "Regroup"}
_SHOWN = 10
"""Rows shown before they change; --dry-run shows all."""
_CLIP = 200
"""Characters of a row."""
_BEFORE = 40
"""Characters shown before what is rewritten."""


def command(
    source: Source,
    check: Annotated[
        str | None, typer.Argument(help="The check whose findings are to be mended.")
    ] = None,
    data_folder: DataFolder = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Change this row only, by its id (may be repeated); does not ask."),
    ] = None,
    also_test: Annotated[
        bool, typer.Option("--also-test", help="Change test rows as well: another benchmark.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, whatever the remedy.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every row that would change, and stop.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the steps made so far.")] = False,
    undo: Annotated[int | None, typer.Option(help="Take back the step of this number.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="For a file without a task: where to write the mended one.")
    ] = None,
    production: Production = None,
    set_: Overrides = None,
    quiet: Quiet = False,
) -> None:
    """Mend what a check found: a recorded step, and the files stay as they are."""
    from rich.console import Console

    from tailorbird.mending import propose, rows_of_file, rows_of_task

    console = Console(soft_wrap=True, quiet=quiet)
    if list_ or undo is not None:
        _look_back(console, source, undo)
        return
    if check is None:
        raise DataError(
            "name the check whose findings are to be mended",
            hint=f"{command_line('check', source)} shows what was found",
        )
    _check_out(source, out, dry_run)
    checked, task = examined(source, data_folder, production, [check], [], set_, quiet, quiet)
    named = set(checked.parts)
    rows = rows_of_task(task, named) if task else rows_of_file(checked.source, named)
    pool = task is not None and bool(task.spec.data.all)
    proposals = propose(checked, rows, only or (), also_test, pool)
    chosen = [p for p in proposals if _chosen(console, p, bool(only) or yes, dry_run)]
    if not proposals:
        _say(console, f"{_nothing(checked, check)} Nothing was changed.")
    elif dry_run or not chosen:
        _say(console, "Nothing was changed.")
    elif task is None:
        assert out is not None, "_check_out was not asked"
        _write(console, checked.source, chosen, out)
    else:
        _record(console, task, checked.source, chosen)


def _check_out(source: Path, out: Path | None, dry_run: bool) -> None:
    """Raise where what is to be written has no place, before anything is read."""
    from tailorbird.checking import Source
    from tailorbird.mending import check_free

    if not Source(source).is_file:
        if out is not None:
            raise DataError("a study keeps its steps beside task.yaml", hint="leave out --out")
    elif out is not None:
        check_free(out)
    elif not dry_run:
        raise DataError("say where to write the mended file", hint="--out CLEAN.jsonl")


def _nothing(checked: "Checked", check: str) -> str:
    """Why a check leaves nothing to mend."""
    why = checked.diagnosis.skipped.get(check)
    if why is not None:
        return f"{check} was not made, because {why.rstrip('.')}."
    return f"{check} proposes no remedy here."


def _chosen(console: "Console", proposal: "Proposal", decided: bool, dry_run: bool) -> bool:
    """Whether a proposal is to be carried out: it is harmless, or a person said so."""
    remedy, n = proposal.remedy, len(proposal.rows)
    _say(console, f"{proposal.finding.check}: {proposal.finding.text}", style="bold")
    if proposal.spared:
        _say(console, f"  {_spared(proposal)}")
    if not n:
        return False
    decided = decided or remedy.safe
    shown = n if dry_run else 0 if decided else _SHOWN
    told = {s.row: s.note for s in proposal.finding.samples if s.note}
    notes = {**remedy.notes, **told}  # a sample says more
    for row in list(proposal.rows)[:shown]:
        _show(console, proposal, row, notes.get(row))
    if dry_run or decided:
        return not dry_run
    if n > shown:
        _say(console, f"  {n - shown:,} more: --dry-run shows all", style="dim")
    return _agreed(f"{_VERBS[remedy.action]} {counted(n, 'row')}?")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise DataError(
            "a person should look at these rows first",
            hint="see them with --dry-run; then name some with --only ROW, or take all with --yes",
        )
    return typer.confirm(question)


def _spared(proposal: "Proposal") -> str:
    n = f"{counted(proposal.spared, 'row is', 'rows are')} left alone"
    changed = "--also-test changes the benchmark, and climbs made before cannot be compared with it"
    if proposal.moves:
        return f"{n}: a new group may move them into or out of test; {changed}"
    return f"{n}, of the test split; {changed}"


def _record(
    console: "Console", task: "Task", source: "Read", proposals: "Sequence[Proposal]"
) -> None:
    from tailorbird.data.remedies import DONE, History
    from tailorbird.mending import record

    after = record(task, History.read(task.folder), proposals)
    for step, proposal in zip(after.steps[-len(proposals) :], proposals, strict=True):
        n = len(proposal.rows)
        done = f"{counted(n, 'row')} {DONE[proposal.remedy.action]}"
        _say(console, f"Step {step.step}: {done}, {proposal.remedy.reason}")
        if proposal.tests:
            _say(console, "  Test rows have changed: this is another benchmark than before.")
        back = command_line("mend", source.path, "--undo", step.step)
        _say(console, f"  take it back: {back}", "dim")
    again = source.command("check", source.path)
    _say(console, f"Recorded in {after.file}; look again: {again}")


def _write(console: "Console", source: "Read", proposals: "Sequence[Proposal]", out: Path) -> None:
    from tailorbird.mending import write_mended

    left = write_mended(source, proposals, out)
    _say(console, f"{counted(left, 'row')} written to {out}; {source.path} is as it was")
    _say(console, f"Go on from there: {source.command('check', out)}")


# ---- steps made before -------------------------------------------------------------------------


def _look_back(console: "Console", source: Path, undo: int | None) -> None:
    from tailorbird.checking import Source
    from tailorbird.data.remedies import History
    from tailorbird.task.task import folder_of, load_spec

    if Source(source).is_file:
        raise DataError("a file without a task has no steps: it is mended in a copy")
    load_spec(source)  # a study at all
    history = History.read(folder_of(source))
    if undo is not None:
        history = history.undo(undo)
        _say(console, f"Step {undo} is taken back; step {len(history.steps)} says so.")
        return
    for line in history.lines() or ["No step was made."]:
        _say(console, line)


def _show(console: "Console", proposal: "Proposal", row: str, note: str | None) -> None:
    part, before = proposal.rows[row]
    after = proposal.after(row)
    why = f" [{_clipped(note)}]" if note else ""
    _say(console, f"  {part} {row}: {_clipped(before.text)}{why}")
    if after is None:
        return
    for name, old, new in (
        ("input", before.text, after.text),
        ("target", before.target or "", after.target or ""),
        ("group", before.group or "none", after.group or "none"),
    ):
        if old != new:
            _say(console, f"      {name}: {_difference(old, new)}", style="dim")


def _difference(old: str, new: str) -> str:
    """Both, from a little before the place where they part."""
    old, new = " ".join(old.split()), " ".join(new.split())
    same = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    begin = max(0, same - _BEFORE)
    cut = "… " if begin else ""
    return f"{cut}{_clipped(old[begin:])} -> {cut}{_clipped(new[begin:])}"


def _clipped(text: str) -> str:
    return clipped(text, _CLIP)


def _say(console: "Console", text: str, style: str = "") -> None:
    console.print(plain(text), style=style, markup=False, highlight=False)
