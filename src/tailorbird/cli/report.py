"""Show a finished climb again."""

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = "Example: tailorbird report runs/insurance-email --markdown"


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a climb (runs/NAME).")],
    markdown: Annotated[bool, typer.Option(help="Print the ladder as a Markdown table.")] = False,
) -> None:
    """Print the ladder and verdict of a finished climb."""
    from rich.console import Console

    from tailorbird.climbing import read_results
    from tailorbird.decide.verdict import decide
    from tailorbird.evaluate.table import ladder_markdown, print_verdict

    results, spec, failures = read_results(run)
    verdict = decide(results, spec)
    if markdown:
        print(ladder_markdown(results, verdict, spec))
    else:
        print_verdict(Console(), results, verdict, spec, failures)
