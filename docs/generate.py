"""Writes the pages that can be derived from the code: docs/cli.md and docs/task-schema.json.

python docs/generate.py            write them
python docs/generate.py --check    exit with 1 when they are out of date
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer

from tailorbird.cli.main import app
from tailorbird.task.task import TaskSpec

HERE = Path(__file__).parent
INTRODUCTION = """# The command line

<!-- Written by docs/generate.py: change the code, not this page. -->

Every command reads folders and writes folders. `--help` prints the same as this page. Progress and
remarks go to standard error, results to standard output. The exit code is 0 when the command did
its work, 1 when it says `error:` and what to do, 2 when the command line is wrong, and 130 when it
was stopped by Ctrl-C; `check` also exits with 1 when the benchmark cannot judge, and `plan` when
something does not fit.
"""
HEAD = "| argument or option | meaning | default |\n| --- | --- | --- |\n"


def pages() -> dict[str, str]:
    """File name -> what it should hold."""
    schema = json.dumps(TaskSpec.model_json_schema(), indent=2, ensure_ascii=False)
    return {"cli.md": _command_line(), "task-schema.json": schema + "\n"}


def _command_line() -> str:
    parts = [INTRODUCTION]
    for name, command in commands(typer.main.get_command(app)):
        hints = get_type_hints(command.callback)
        # Of an argument with choices the first one is shown, so that the line is a real one.
        arguments = [
            next(iter(_choices(hints[p.name])), p.name.upper())
            for p in command.params
            if not p.opts[0].startswith("-")
        ]
        arguments += [
            f"{p.opts[0]} {p.name.upper()}"
            for p in command.params
            if p.opts[0].startswith("-") and p.required
        ]
        usage = " ".join(["tailorbird", name, *arguments, "[OPTIONS]"])
        rows = "\n".join(_rows(command))
        parts.append(f"## {name}\n\n{command.help}\n\n```sh\n{usage}\n```\n")
        if rows:
            parts.append(
                f"| argument or option | meaning | default |\n| --- | --- | --- |\n{rows}\n"
            )
        examples = re.findall(r"tailorbird .*", command.epilog)
        parts.append("\n".join(["```sh", *examples, "```\n"]))
    parts.append("`tailorbird --version` prints the version.\n")
    return "\n".join(parts)


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(how it is called, command) of every command, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _rows(command: Any) -> Iterator[str]:
    hints = get_type_hints(command.callback)
    for parameter in command.params:
        positional = not parameter.opts[0].startswith("-")
        spelt = parameter.name.upper() if positional else ", ".join(parameter.opts)
        choices = _choices(hints[parameter.name])
        said = parameter.help + (f" One of: {', '.join(choices)}." if choices else "")
        if parameter.multiple and "repeated" not in said:
            said = f"{said.rstrip('.')}. May be repeated."
        yield f"| `{spelt}` | {said} | {_default(parameter)} |"


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if getattr(parameter, "is_flag", False) or parameter.default in (None, [], ()):
        return ""
    value = parameter.default
    return f"{value:g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Write the pages, or check them."""
    old = [n for n, text in pages().items() if not _holds(HERE / n, text)]
    if "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(old)}; run python docs/generate.py" if old else 0)
    for name in old:
        (HERE / name).write_text(pages()[name], encoding="utf-8")
        print(f"wrote docs/{name}")


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main()
