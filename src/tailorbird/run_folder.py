"""What a climb leaves on disk, and how it is read again.

runs/NAME/
  manifest.json  results.json  timings.json  verdict.json  report.html  ledger.jsonl
  rungs/RUNG/    rung.json  solver/  answers.jsonl  predictions.parquet  audits/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tailorbird.approaches.base import Solver, load_solver
from tailorbird.decide.verdict import Verdict
from tailorbird.errors import StoreError
from tailorbird.evaluate.results import Results
from tailorbird.store import digest, read_json
from tailorbird.task.benchmark import Task
from tailorbird.task.check import Finding
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import Prediction


@dataclass(frozen=True)
class Climbed:
    """What a climb found."""

    results: Results
    verdict: Verdict
    predictions: Mapping[str, tuple[Prediction, ...]]
    """Rung -> its answers to the test items, in order."""
    failures: Mapping[str, str]
    """Rung -> why it was not run."""
    findings: tuple[Finding, ...]


def read_results(out: Path) -> tuple[Results, TaskSpec, dict[str, str]]:
    """Results, task file and failures of a finished climb. Raises `StoreError` without one."""
    if not (out / "results.json").is_file():
        raise StoreError(f"no finished climb in {out}", hint="tailorbird climb makes one")
    plain, timings = read_json(out / "results.json"), read_json(out / "timings.json")
    manifest = read_json(out / "manifest.json")
    try:
        failures = plain.pop("failures")
        for rung in plain["rungs"]:
            rung["timings"] = timings[rung["name"]]
        results, task = Results.from_json(plain), manifest["task"]
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"the files in {out} are not those of a climb", hint="tailorbird climb writes them anew"
        ) from error
    return results, parse(TaskSpec, task, str(out / "manifest.json")), failures


def load_fitted(folder: Path, task: Task, cache: Path) -> Solver:
    """The saved solver of the rung in `folder`."""
    solver = load_solver(folder / "solver")
    if hasattr(solver, "cache"):
        # How hard an endpoint may be asked is not learned: a new limit holds for an old solver.
        solver = replace(solver, cache=cache, limits=task.spec.endpoint)  # type: ignore[type-var]
    return solver


def slug(name: str) -> str:
    """A rung's name as a folder name: readable, and different for different names."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
    return plain if plain == name else f"{plain}-{digest(name)[:6]}"
