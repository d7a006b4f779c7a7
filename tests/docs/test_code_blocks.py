"""Python in the pages compiles, what is marked `run` runs; YAML and rows are what they claim."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from building import SPEC
from pages import Block, blocks

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
