"""Every command line in the pages parses, and the cheap ones do what the pages say."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pages import PAGES, ROOT, blocks, name, prose

from tailorbird.cli.main import app
from tailorbird.registry import module, names
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec
from tailorbird.testing import small_task

_INLINE = re.compile(r"`(tailorbird [a-z][^`]*)`")
_README = (ROOT / "README.md").read_text("utf-8")


def _lines() -> Iterator[tuple[str, str]]:
    """(where, command line)"""
    for block in blocks("sh"):
        for line in block.text.splitlines():
            yield str(block), line
    for page in PAGES:
        for line in _INLINE.findall(prose(page)):
            yield name(page), line
    for file in sorted((ROOT / "studies").glob("*/task.yaml")):
        for line in re.findall(r"tailorbird .*", file.read_text("utf-8")):
            yield name(file), line.partition("  ")[0]
    for command in names("cli"):
        for line in re.findall(r"tailorbird .*", getattr(module("cli", command), "EXAMPLES", "")):
            yield f"the help of {command}", line
    for line in re.findall(r"tailorbird .*", app.info.epilog or ""):
        yield "the help of tailorbird", line


def _commands() -> list[Any]:
    found: dict[str, Any] = {}
    for where, line in _lines():
        plain = re.sub(r"\s#\s.*$", "", line)  # "#" inside a word belongs to an endpoint
        for part in re.split(r"\s&&\s|;\s|\s>\s", plain):
            start = part.find("tailorbird ")
            if start >= 0 and not part.strip().startswith(("pip", ".venv")):
                command = part[start:].strip()
                found.setdefault(command, pytest.param(command, id=f"{where} {command}"))
    return list(found.values())


@pytest.mark.parametrize("line", _commands())
def test_command_line_parses(line: str):
    words = [w for w in shlex.split(line)[1:] if w != "[OPTIONS]"]
    group: Any = typer.main.get_command(app)
    if words[0].startswith("-"):
        assert words in (["--help"], ["--version"])
        return
    context = group.make_context("tailorbird", list(words))
    command = group.commands.get(words[0])
    assert command is not None, f"there is no command {words[0]}"
    if hasattr(command, "commands") and len(words) > 1:
        context, words = command.make_context(words[0], words[1:], parent=context), words[1:]
        command = command.commands.get(words[0])
        assert command is not None, f"there is no command {' '.join(words)}"
    # A command named in passing ("tailorbird climb does the same") has no arguments to parse.
    if len(words) > 1:
        command.make_context(words[0], words[1:], parent=context)


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from tailorbird.cli.main import main; main()", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


_HELP = [[], *([n] for n in typer.main.get_command(app).commands), ["label", "next"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", _HELP)
def test_help_is_printed(words: list[str], tmp_path: Path):
    done = run(*words, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_schema_is_the_generated_one(tmp_path: Path):
    done = run("schema", cwd=tmp_path)
    written = json.loads((ROOT / "docs" / "task-schema.json").read_text("utf-8"))
    assert json.loads(done.stdout) == written


def test_the_first_steps_of_the_readme(tmp_path: Path):
    """new, data beside it, check, climb, report: as a reader would, with the cheapest rungs."""
    assert run("new", "my-task", "--kind", "label", cwd=tmp_path).returncode == 0
    small_task("label", tmp_path / "shop")
    rows = [
        json.loads(line)
        for split in ("train", "dev", "test")
        for line in (tmp_path / "shop" / f"{split}.jsonl").read_text("utf-8").splitlines()
    ]
    table = "text,label\n" + "".join(f'"{r["input"]}",{r["target"]}\n' for r in rows)
    (tmp_path / "my-task" / "data.csv").write_text(table, encoding="utf-8")
    share = ["--set", "data.splits.test=0.5"]  # 88 rows: a fifth would be too few to judge

    checked = run("check", "my-task", *share, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    only = ["--only", "majority", "--only", "nearest"]
    climbed = run("climb", "my-task", *share, *only, cwd=tmp_path)
    assert climbed.returncode == 0, climbed.stderr
    assert "runs/my-task/report.html" in climbed.stdout
    files = {p.name for p in (tmp_path / "runs" / "my-task").iterdir()}
    promised = set(re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", _README, re.MULTILINE))
    assert len(promised) == 6
    assert promised <= files
    shown = run("report", "runs/my-task", "--markdown", cwd=tmp_path)
    assert shown.stdout.startswith("| rung |")


@pytest.mark.parametrize("kind", ["answer", "label"])
def test_the_task_file_to_start_from_is_valid(kind: str, tmp_path: Path):
    run("new", "my-task", "--kind", kind, cwd=tmp_path)
    text = (tmp_path / "my-task" / "task.yaml").read_text("utf-8")
    assert parse(TaskSpec, yaml.safe_load(text), "task.yaml").kind == kind


@pytest.mark.parametrize("line", re.findall(r"make [a-z]+", _README))
def test_make_target_exists(line: str):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE)
