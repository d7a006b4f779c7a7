"""Write a commented task.yaml to start from."""

from pathlib import Path
from typing import Annotated, Literal

import typer

EXAMPLES = "Example: tailorbird new my-task --kind label"


def command(
    folder: Annotated[Path, typer.Argument(help="Where to write task.yaml.")],
    kind: Annotated[
        Literal["answer", "label"], typer.Option(help="Write answers, or choose labels.")
    ] = "answer",
) -> None:
    """Write a commented task.yaml: edit it, then run check and climb."""
    import re
    from importlib.resources import files

    from tailorbird.errors import TaskError
    from tailorbird.store import write_text
    from tailorbird.words import command_line

    target = folder / "task.yaml"
    if target.exists():
        raise TaskError(f"{target} exists already", hint="choose another folder")
    template = files("tailorbird.task").joinpath(f"new_{kind}.yaml").read_text("utf-8")
    # A folder may be called anything, a task may not.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().name).strip("_.-")
    write_text(target, template.replace("NAME", name or "my-task"))
    print(f"wrote {target}; put your data beside it, then: {command_line('check', folder)}")
