"""The examples run from top to bottom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT

SAYS = {
    "101_first_ladder.py": "fine-tune: cannot tell",
    "102_your_own_approach.py": "check_approach: passed",
    "103_answer_with_a_saved_solver.py": "sure: Thank you for your e-mail.",
}


def test_no_example_is_forgotten():
    assert {p.name for p in (ROOT / "examples").glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("example", SAYS)
def test_example_runs(example: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / example],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SAYS[example] in done.stdout
