"""Look for what broke in the rungs of a finished climb."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from tailorbird.evaluate.audits.base import RungAudits

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird audit studies/insurance-email\n\n"
    "tailorbird audit my-task --rung fine_tuned --only robustness --only retention"
)


def command(
    study: Study,
    data_folder: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="The climb's folder; default runs/NAME.")] = None,
    rung: Annotated[
        list[str] | None,
        typer.Option(help="Audit this rung (may be repeated); default: the one that is enough."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Make this audit only (may be repeated).")
    ] = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Look for what broke: bias, robustness, forgetting. The task file's `audits` say how."""
    from rich.console import Console

    from tailorbird.auditing import audit
    from tailorbird.cli.climb import announcer
    from tailorbird.climbing import track
    from tailorbird.evaluate.audit_table import print_audits
    from tailorbird.reporting import read_climbed, report_climb

    silent = quiet or json
    task = load(study, data_folder, parse_overrides(set_), silent)
    out = out or Path("runs") / task.spec.name
    audited = audit(task, out, rung or (), only or (), silent)
    climbed = read_climbed(task, out)
    report = report_climb(task, out, climbed)
    track(task, out, climbed, announcer(task.spec.bar.primary.metric, silent))
    if json:
        print_json([_plain(a) for a in audited])
    elif not quiet:
        for each in audited:
            print_audits(Console(), each)
        print(f"\nIn the report, too: {report}")


def _plain(audited: "RungAudits") -> dict[str, object]:
    found = [a.to_json() for a in audited.found]
    return {"rung": audited.rung, "found": found, "missing": dict(audited.missing)}
