"""Prove the benchmark before it judges anyone, and examine the data."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Overrides,
    Quiet,
    clipped,
    load,
    parse_overrides,
    print_json,
    tell,
)
from tailorbird.words import counted

if TYPE_CHECKING:
    from rich.console import Console

    from tailorbird.checking import Checked
    from tailorbird.data.doctor.base import Finding
    from tailorbird.task.benchmark import Task

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird check studies/insurance-email\n\n"
    "tailorbird check studies/clinc150 --data-folder ../data/clinc150\n\n"
    "tailorbird check my-task --production requests.jsonl --html check.html\n\n"
    "tailorbird check rows.csv --only duplicates --set data.columns.input=question"
)
Source = Annotated[
    Path, typer.Argument(help="A task.yaml or its folder; or a file of rows, without a task.")
]
Production = Annotated[
    Path | None, typer.Option(help="A file of inputs as they really come, to compare with.")
]
_SHOWN = 8
"""Findings with a sample; the others are a line each."""
_NOTES = 6
"""Notes shown at most."""
_CLIP = 160
"""Characters of a sample."""
_COLOURS = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}


def command(
    source: Source,
    data_folder: DataFolder = None,
    production: Production = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Make this check of the data only (may be repeated).")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Leave this check out (may be repeated).")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write everything that was found to this page.")
    ] = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Prove that the benchmark can judge, and examine the data: what is wrong, worst first."""
    import sys

    from rich.console import Console

    from tailorbird.cli._check_page import write_page
    from tailorbird.errors import DataError

    if html is not None and html.suffix not in (".html", ".htm"):
        raise DataError(f"--html names a page, and {html} is none", hint="name it NAME.html")
    checked, _ = examined(
        source, data_folder, production, only or (), skip or (), set_, quiet, quiet or json
    )
    if html is not None:
        write_page(html, checked)
    if json:
        print_json(checked.to_json())
    elif quiet:
        print("\n".join(checked.errors), end="\n" if checked.errors else "", file=sys.stderr)
    else:
        _print(Console(soft_wrap=True), checked, html)
    sys.exit(1 if checked.errors else 0)


def examined(
    path: Path,
    data_folder: Path | None,
    production: Path | None,
    only: Sequence[str],
    skip: Sequence[str],
    set_: list[str] | None,
    quiet: bool,
    no_progress: bool,
) -> "tuple[Checked, Task | None]":
    """Read a study or a file and examine it; what happened to its rows goes to standard error."""
    from tailorbird.checking import check_file, check_task, settings_of, source_of, wanted

    wanted(only, skip)  # before anything is read
    settings, pairs = settings_of(parse_overrides(set_))
    source = source_of(path, data_folder, pairs, set_ or ())
    if not source.is_file:
        task = load(path, data_folder, pairs, quiet)
        return check_task(task, source, production, only, skip, settings, no_progress), task
    checked = check_file(source, production, only, skip, settings, no_progress)
    if not quiet:
        tell(line for lines in checked.diagnosis.accounts for line in lines)
    return checked, None


# ---- on the terminal ---------------------------------------------------------------------------


def _print(console: "Console", checked: "Checked", html: Path | None) -> None:
    for proof in checked.proofs:
        _line(console, proof.level, proof.text)
    found = checked.diagnosis.findings
    console.print(f"\n{_summary(checked)}", style="bold", markup=False, highlight=False)
    notes = [f for f in found if f.level == "note"]
    graver = [f for f in found if f.level != "note"]
    for finding in graver[:_SHOWN]:
        _finding(console, checked, finding)
    said = {checked.command(f) for f in graver[:_SHOWN]}
    for finding in [*graver[_SHOWN:], *notes[:_NOTES]]:
        _line(console, finding.level, f"{finding.check}: {finding.text}")
        command = checked.command(finding)
        if command not in said:  # one command mends all that a check found
            said.add(command)
            _command(console, command)
    if not graver:
        _line(console, "ok", "nothing that needs mending was found")
    for remark in _remarks(checked, len(notes) - _NOTES, html):
        console.print(remark, style="dim", markup=False, highlight=False)


def _summary(checked: "Checked") -> str:
    found = checked.diagnosis
    rows = ", ".join(f"{n:,} {part}" for part, n in found.rows.items() if n)
    checks = counted(len(found.made), "check")
    return f"The data: {rows}; {checks} in {found.seconds:.1f} s, worst first"


def _finding(console: "Console", checked: "Checked", finding: "Finding") -> None:
    effect = f" (up to {100 * finding.effect:.1f} points)" if finding.effect >= 0.0005 else ""
    _line(console, finding.level, f"{finding.check}: {finding.text}{effect}")
    for sample in finding.samples[:1]:
        note = f" [{sample.note}]" if sample.note else ""
        said = _plain(
            f"{sample.part} {sample.row}: {clipped(sample.text, _CLIP)} {clipped(note, _CLIP)}"
        )
        console.print(f"{'':8}{said}", style="dim", markup=False, highlight=False)
    _command(console, checked.command(finding))


def _command(console: "Console", command: str | None) -> None:
    if command is not None:
        console.print(f"{'':8}-> {_plain(command)}", markup=False, highlight=False)


def _line(console: "Console", level: str, text: str) -> None:
    console.print(f"{level:>7} ", style=_COLOURS[level], end="")
    console.print(_plain(text), markup=False, highlight=False)


def _remarks(checked: "Checked", hidden: int, html: Path | None) -> list[str]:
    remarks = []
    if hidden > 0:
        remarks.append(f"{hidden} more notes: --json, or --html FILE")
    if checked.diagnosis.skipped:
        reasons = "; ".join(f"{name}: {why}" for name, why in checked.diagnosis.skipped.items())
        remarks.append(f"Not made: {_plain(reasons)}")
    if html is not None:
        remarks.append(f"All samples, numbers and commands: {html}")
    elif checked.diagnosis.findings:
        remarks.append("All samples, numbers and commands: --html check.html")
    return ["", *remarks] if remarks else []


def _plain(text: str) -> str:
    from tailorbird.errors import plain

    return plain(text)
