"""Python in the pages compiles, what is marked `run` runs; YAML and rows are what they claim."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import SPEC
from pages import Block, blocks

from tailorbird.registry import module, names
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_block(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    code = compile(block.text, str(block), "exec")
    if block.mark == "run":
        monkeypatch.chdir(tmp_path)
        exec(code, {"__name__": "a_page"})


def test_some_blocks_run():
    assert sum(b.mark == "run" for b in blocks("python")) >= 5


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_block_is_a_task_file_or_a_part_of_one(block: Block):
    found: dict[str, Any] = yaml.safe_load(block.text)
    parse(TaskSpec, found if "name" in found else SPEC | found, str(block))


_ROWS = [b for b in blocks("json") if b.mark.startswith("format:")]


@pytest.mark.parametrize("block", _ROWS, ids=str)
def test_row_is_of_the_format_that_it_shows(block: Block):
    wanted = block.mark.removeprefix("format:").strip()
    row = json.loads(block.text)
    known = [n for n in names("data.formats") if module("data.formats", n).recognise(row)]
    assert known == [wanted]
    assert module("data.formats", wanted).convert(row).target == "From 9 am."


def test_every_format_is_shown():
    assert {b.mark.removeprefix("format:").strip() for b in _ROWS} == set(names("data.formats"))
