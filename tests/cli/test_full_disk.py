"""A disk that fills up: one clear message, nothing finished is lost, and with space it goes on."""

import errno
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from climbs import finished, work

from tailorbird.testing import small_task

Command = Callable[..., Any]
RUNGS = ["majority", "linear", {"fine_tuned": {"epochs": 2, "batch_size": 1}}]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of a given size, which can be made larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("nobody but root can mount a small disk")
        return folder

    yield mounted
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def climb(tailorbird: Command, folder: Path, checkpoint: Path, out: Path) -> Any:
    return tailorbird(
        "climb", folder, "--out", out, "--model", checkpoint,
        "--set", f"rungs={json.dumps(RUNGS)}", "--set", "outputs.max_tokens=2",
    )  # fmt: skip


def refused(ran: Any) -> str:
    assert (ran.code, ran.out) == (1, "")
    assert "Traceback" not in ran.err
    *_, error, hint = ran.err.splitlines()
    assert error.startswith("error: cannot write ")
    assert "what was finished before is kept; free the space" in hint
    return str(error)


# Where each of these is reached: the first rung, a solver's arrays, checkpoints of the training.
@pytest.mark.parametrize("size", ["12k", "64k", "260k"])
def test_a_full_disk(
    size: str, disk: Callable[[str], Path], tailorbird: Command, checkpoint: Path, tmp_path: Path
):
    small_task("answer", tmp_path / "study")
    out = disk(f"size={size}") / "run"
    refused(climb(tailorbird, tmp_path / "study", checkpoint, out))
    done = finished(out)
    kept = work(out, done)
    refused(climb(tailorbird, tmp_path / "study", checkpoint, out))

    disk("remount,size=16m")
    ran = climb(tailorbird, tmp_path / "study", checkpoint, out)
    assert ran.code == 0
    assert "was not run" not in ran.err
    assert finished(out) == ["fine_tuned", "linear", "majority"]
    assert work(out, done) == kept
    assert ran.err.count("(done before)") == len(done)


def test_an_error_of_the_operating_system_in_a_librarys_own_writing(
    tailorbird: Command, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As above, where nobody may mount."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    arguments = ("climb", study, "--set", "rungs=[majority, linear]", "--out", tmp_path / "run")
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        assert "No space left on device" in refused(tailorbird(*arguments))
    kept = work(tmp_path / "run", ["majority"])
    assert tailorbird(*arguments).code == 0
    assert work(tmp_path / "run", ["majority"]) == kept
