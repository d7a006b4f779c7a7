"""Give the splits of one pool files of their own."""

from pathlib import Path
from typing import Annotated

import typer

from tailorbird.cli.options import DataFolder, Study
from tailorbird.words import counted

EXAMPLES = "Example: tailorbird split my-task"


def command(
    study: Study,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the files; default: beside task.yaml.")
    ] = None,
    data_folder: DataFolder = None,
) -> None:
    """Write train, dev and test, as data.splits cuts data.all, and say what task.yaml needs."""
    import yaml

    from tailorbird.data.pool import write_splits
    from tailorbird.task.task import folder_of, load_spec

    spec, folder = load_spec(study, {}), folder_of(study).resolve()
    files = data_folder.resolve() if data_folder else None
    written = write_splits(spec.data, folder, files, spec.seed, out or folder)
    for split, n in written.rows.items():
        print(f"{split}: {counted(n, 'row')} in {written.keys[split]}")
    columns = "columns" in written.keys
    old = "data.all, data.splits and data.columns" if columns else "data.all and data.splits"
    print(f"In task.yaml, put in place of {old}:\n")
    print(yaml.safe_dump({"data": written.keys}, sort_keys=False, allow_unicode=True), end="")
