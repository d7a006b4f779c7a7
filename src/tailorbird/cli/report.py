"""Show a finished climb again."""

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli.options import DataFolder

EXAMPLES = (
    "Examples:\n\n"
    "tailorbird report runs/insurance-email --markdown\n\n"
    "tailorbird report runs/insurance-email --html"
)


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a climb (runs/NAME).")],
    markdown: Annotated[bool, typer.Option(help="Print the ladder as a Markdown table.")] = False,
    html: Annotated[bool, typer.Option(help="Write report.html anew, with all audits.")] = False,
    study: Annotated[
        Path | None, typer.Option(help="html: where the task is; default: where it was.")
    ] = None,
    data_folder: DataFolder = None,
) -> None:
    """Print the ladder and verdict of a finished climb, or write its page again."""
    from rich.console import Console

    from tailorbird.decide.verdict import decide
    from tailorbird.evaluate.table import ladder_markdown, print_verdict
    from tailorbird.run_folder import read_results

    if html:
        from tailorbird.reporting import load_climbed_task, rebuild_report

        print(rebuild_report(load_climbed_task(run, study, data_folder), run))
        return
    results, spec, failures = read_results(run)
    verdict = decide(results, spec)
    if markdown:
        print(ladder_markdown(results, verdict, spec))
    else:
        print_verdict(Console(), results, verdict, spec, failures)
