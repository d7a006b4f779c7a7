"""The command line, run in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailorbird.cli.main import main
from tailorbird.testing import small_task


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: Any
    out: str
    err: str


@pytest.fixture
def tailorbird(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run `tailorbird ARGUMENTS...`; an exception that gets out is the test's failure."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tailorbird", *map(str, arguments)])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with the small label task."""
    small_task("label", tmp_path / "study")
    return tmp_path / "study"
