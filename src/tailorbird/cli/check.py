"""Prove the benchmark before it judges anyone."""

from tailorbird.cli.options import (
    AsJson,
    DataFolder,
    Overrides,
    Quiet,
    Study,
    load,
    parse_overrides,
)

EXAMPLES = "Example: tailorbird check studies/clinc150 --data-folder ../data/clinc150"


def command(
    study: Study,
    data_folder: DataFolder = None,
    set_: Overrides = None,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Prove the benchmark: gold scores 1, empty scores 0, nothing in two splits, enough items."""
    import json as codec
    import sys
    from dataclasses import asdict

    from rich.console import Console

    from tailorbird.task.check import check_benchmark

    task = load(study, data_folder, parse_overrides(set_), quiet)
    findings = check_benchmark(task)
    if json:
        rows = [a.lines() for a in task.accounts]
        print(codec.dumps({"findings": [asdict(f) for f in findings], "rows": rows}, indent=2))
    elif not quiet:
        colours = {"ok": "green", "warning": "yellow", "error": "red"}
        console = Console(soft_wrap=True)
        for finding in findings:
            console.print(f"{finding.level:>7} ", style=colours[finding.level], end="")
            console.print(finding.text, markup=False, highlight=False)
    errors = [f.text for f in findings if f.level == "error"]
    if errors:
        if quiet:
            print("\n".join(errors), file=sys.stderr)
        sys.exit(1)
