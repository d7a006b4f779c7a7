"""Climbs of the small tasks, some of them killed on the way, and what they leave behind."""

import importlib
import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tailorbird.climbing import climb
from tailorbird.evaluate import run as answering
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec

CHUNK, PROBES = 16, 3
"""Answers between two writes, and requests to measure latency: small, as the tasks are."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["peft", "sklearn.linear_model", "bm25s", "tailorbird.models.local", "tailorbird.train.engine"]
)


def loaded(folder: Path, **overrides: Any) -> Task:
    """The task in `folder`; `bar__margin=0.1` stands for the key `bar.margin`."""
    dotted = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_task(load_spec(folder, dotted), folder)


def hurry() -> None:
    """Small chunks and few probes, in this process."""
    answering.CHUNK, answering.PROBES = CHUNK, PROBES


def climb_and_die(
    folder: Path, overrides: dict[str, Any], out: Path, function: str, call: int
) -> None:
    """Climb in another process, which is killed when it calls `function` for the `call`th time."""
    arguments = (folder, overrides, out, function, call)
    process = _processes.Process(target=_die, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"{function} was not called {call} times"


def _die(folder: Path, overrides: dict[str, Any], out: Path, function: str, call: int) -> None:
    hurry()
    where, name = function.rsplit(".", 1)
    module = importlib.import_module(where)
    alive, calls = getattr(module, name), itertools.count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return alive(*args, **kwargs)

    setattr(module, name, deadly)
    climb(loaded(folder, **overrides), out, quiet=True)


def tables(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Rung folder -> the rows of its predictions.parquet."""
    files = sorted(out.glob("rungs/*/predictions.parquet"))
    return {f.parent.name: pq.read_table(f).to_pylist() for f in files}


def work(out: Path, rungs: Iterable[str]) -> dict[Path, int]:
    """When each file that costs work was written: saved solvers and answers of these rungs."""
    folders = [out / "rungs" / rung for rung in rungs]
    files = [f for folder in folders for f in folder.glob("solver/**/*") if f.is_file()]
    files += [folder / "answers.jsonl" for folder in folders]
    return {file: file.stat().st_mtime_ns for file in files}


def finished(out: Path) -> list[str]:
    return sorted(f.parent.name for f in out.glob("rungs/*/predictions.parquet"))
