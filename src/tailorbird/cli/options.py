"""Options that several commands share."""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tailorbird.errors import TaskError

if TYPE_CHECKING:
    from tailorbird.task.benchmark import Task

Study = Annotated[Path, typer.Argument(help="A task.yaml, or the folder that holds one.")]
DataFolder = Annotated[
    Path | None, typer.Option("--data-folder", "-d", help="What {data} stands for in task.yaml.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Override a key: --set bar.margin=0.05")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Model = Annotated[
    str | None, typer.Option(help="fledgling, a hub id, a folder, or http://host/v1#name.")
]


def parse_overrides(pairs: list[str] | None, option: str = "--set") -> dict[str, Any]:
    """`["a.b=1"]` -> `{"a.b": 1}`; values are YAML."""
    from tailorbird.task.task import read_yaml

    out: dict[str, Any] = {}
    for pair in pairs or []:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise TaskError(f"{option} takes key=value, not {pair!r}")
        try:
            out[key] = read_yaml(value)
        except ValueError as error:
            raise TaskError(f"{option} {pair} is not valid YAML: {error}") from error
    return out


def overrides_of(pairs: list[str] | None, **named: Any) -> dict[str, Any]:
    """Those of `--set`, and of options that stand for a key of the task file, where given."""
    return parse_overrides(pairs) | {key: value for key, value in named.items() if value}


def clipped(text: str, most: int) -> str:
    """The text on one line, cut behind so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]} …"


def load(study: Path, data_folder: Path | None, overrides: dict[str, Any], quiet: bool) -> "Task":
    """The task of `study`; what happened to its rows goes to standard error."""
    from tailorbird.task.benchmark import load_task
    from tailorbird.task.task import folder_of, load_spec

    spec = load_spec(study, overrides)
    task = load_task(
        spec, folder_of(study).resolve(), data_folder.resolve() if data_folder else None
    )
    if not quiet:
        tell(line for account in task.accounts for line in account.lines())
    return task


def print_json(value: Any) -> None:
    """Print plain values on standard output.

    What people read stays readable; what could steer a terminal is spelled as JSON spells it, and
    so is all that is not ASCII where the output takes no UTF-8. The values are the same.
    """
    readable = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(value, indent=2, ensure_ascii=not readable)
    print(re.sub(r"[^\n -~]", _harmless, text))


def _harmless(found: re.Match[str]) -> str:
    """Not so: controls, formats, surrogates, private and unassigned ones; line separators."""
    category = unicodedata.category(found[0])
    steers = category.startswith("C") or category in ("Zl", "Zp")
    return json.dumps(found[0])[1:-1] if steers else found[0]


def tell(lines: Iterable[str]) -> None:
    """Say what happened to rows, on standard error."""
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True)
    for line in lines:
        console.print(line, style="dim", markup=False, highlight=False)
