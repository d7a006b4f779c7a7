"""The main job: run every rung of a task's ladder on one frozen benchmark, and judge.

A climb is a folder (`run_folder.py`). Each rung is a folder in it, and is done when its `rung.json`
says so; a climb that was killed goes on where it was.
"""

import os
import platform
import shutil
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tailorbird
from tailorbird.approaches.base import Run, Solver, make_approach, save_solver
from tailorbird.decide.verdict import decide
from tailorbird.errors import (
    BenchmarkError,
    MissingExtra,
    ModelError,
    TaskError,
    TrainingError,
)
from tailorbird.evaluate.evidence import packages
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.run import answer_test, measure, write_predictions
from tailorbird.models.files import identify
from tailorbird.registry import module
from tailorbird.reporting import report_climb
from tailorbird.run_folder import Climbed, load_fitted, slug
from tailorbird.store import digest, read_json, read_jsonl, said, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.check import Finding, check_benchmark
from tailorbird.task.task import Rung
from tailorbird.task.types import Prediction
from tailorbird.track.base import make_tracker
from tailorbird.tracking import climb_record


class Listener:
    """What a climb tells whoever watches; this one says nothing but warnings."""

    def started(self, rung: Rung) -> None:
        """A rung begins."""

    def finished(self, rung: Rung, result: RungResult, resumed: bool) -> None:
        """A rung is measured; `resumed`: it was before."""

    def failed(self, rung: Rung, reason: str) -> None:
        """A rung could not be run."""

    def recorded(self, where: str) -> None:
        """The tracker has the climb."""

    def warned(self, text: str) -> None:
        """Something went wrong that costs no result."""
        warnings.warn(text, stacklevel=2)


def climb(task: Task, out: Path, listener: Listener | None = None, quiet: bool = False) -> Climbed:
    """Run, measure and judge every rung of `task`, keeping everything under `out`.

    A rung that fails is reported and left out; the others go on. Raises `BenchmarkError` when the
    benchmark cannot judge, or when no rung could be run.
    """
    listener = listener or Listener()
    findings = check_benchmark(task)
    errors = [f.text for f in findings if f.level == "error"]
    if errors:
        raise BenchmarkError(
            "this benchmark cannot judge: " + "; ".join(errors), hint="tailorbird check shows more"
        )
    make_tracker(task.spec.track)  # a mistake in its settings is said now, not after hours
    approaches = {r.name: make_approach(r.approach, r.settings) for r in task.spec.rungs}
    write_json(out / "manifest.json", _manifest(task, out))
    measured: dict[str, tuple[RungResult, tuple[Prediction, ...]]] = {}
    failures: dict[str, str] = {}
    begun = time.monotonic()
    for rung in task.spec.rungs:
        spent = _spent(time.monotonic() - begun, measured, task)
        if spent:
            failures[rung.name] = spent
            listener.failed(rung, spent)
            continue
        listener.started(rung)
        try:
            with said("write", out / "rungs" / slug(rung.name)):
                result, predictions, resumed = _climb_rung(
                    task, rung, approaches[rung.name], out, quiet
                )
        except (MissingExtra, ModelError, TaskError, TrainingError) as error:
            failures[rung.name] = f"{error} ({error.hint})" if error.hint else str(error)
            listener.failed(rung, failures[rung.name])
            continue
        measured[rung.name] = (result, predictions)
        listener.finished(rung, result, resumed)
    if not measured:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise BenchmarkError(f"no rung could be run: {reasons}")
    climbed = _judge(task, measured, failures, findings, out)
    track(task, out, climbed, listener)
    return climbed


def track(task: Task, out: Path, climbed: Climbed, listener: Listener) -> None:
    """Have the task's tracker, if it has one, record the climb with what audits have found.

    Whatever goes wrong there, the climb is whole, and can be recorded later.
    """
    tracker = make_tracker(task.spec.track)
    if tracker is None:
        return
    folders = {r.name: out / "rungs" / slug(r.name) for r in climbed.results.rungs}
    try:
        record = climb_record(task, out, folders, climbed.results, climbed.verdict)
        listener.recorded(tracker.record(record, out / "tracking.json"))
    except Exception as error:  # of a library, a server or a disk
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        listener.warned(
            f"the climb was not recorded by its tracker ({reason}); the same command tries again"
        )


def _judge(
    task: Task,
    measured: Mapping[str, tuple[RungResult, tuple[Prediction, ...]]],
    failures: Mapping[str, str],
    findings: list[Finding],
    out: Path,
) -> Climbed:
    openings, tried = _openings(out / "ledger.jsonl", task)
    results = Results(
        task=task.spec.name,
        digest=task.digest,
        groups=tuple(e.group for e in task.examples("test")),
        rungs=tuple(result for result, _ in measured.values()),
        test_openings=openings,
        tried=tried,
    )
    verdict = decide(results, task.spec)
    # What differs from run to run is kept apart: equal seeds give equal results files.
    plain = results.to_json()
    timings = {r["name"]: r.pop("timings") for r in plain["rungs"]}
    write_json(out / "results.json", plain | {"failures": dict(failures)})
    write_json(out / "timings.json", timings)
    write_json(out / "verdict.json", verdict.to_json())
    predictions = {name: answers for name, (_, answers) in measured.items()}
    climbed = Climbed(results, verdict, predictions, failures, tuple(findings))
    report_climb(task, out, climbed)
    return climbed


def _climb_rung(
    task: Task, rung: Rung, approach: Any, out: Path, quiet: bool
) -> tuple[RungResult, tuple[Prediction, ...], bool]:
    folder = out / "rungs" / slug(rung.name)
    model = model_of(task, rung)
    fingerprint = fingerprint_of(task, rung, approach, model)
    set_aside_if_other(folder, fingerprint, out / "previous")
    resumed = (folder / "predictions.parquet").is_file()
    solver, seconds = fitted(task, rung, approach, folder, out, quiet)
    ledger = out / "ledger.jsonl"
    answered = answer_test(solver, task, folder, ledger, fingerprint, quiet)
    result = RungResult(
        name=rung.name, approach=rung.approach, settings=rung.settings, model=model,
        **measure(task, answered, seconds, model, task.spec.seed),
    )  # fmt: skip
    write_predictions(task, answered, result, folder / "predictions.parquet")
    return result, answered.predictions, resumed


def fitted(
    task: Task, rung: Rung, approach: Any, folder: Path, out: Path, quiet: bool
) -> tuple[Solver, float]:
    """The solver as it was saved (what is judged is what would ship), and its seconds to fit."""
    marker = folder / "fitted.json"
    cache = out / "cache"
    if not marker.is_file():
        run = Run(folder / "fit", task.spec.model, cache, task.spec.seed, quiet)
        run.folder.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        solver = approach.fit(task.without_test(), run)
        seconds = time.monotonic() - begun
        stages = run.folder.rglob("training.json")  # they count the time before a kill, too
        seconds = max(seconds, sum(read_json(stage)["seconds"] for stage in stages))
        save_solver(solver, rung.approach, folder / "solver")
        write_json(marker, {"seconds": seconds})
        shutil.rmtree(run.folder / "adapter", ignore_errors=True)  # the solver has it
    return load_fitted(folder, task, cache), float(read_json(marker)["seconds"])


def model_of(task: Task, rung: Rung) -> str | None:
    """The language model that a rung uses, if it uses one."""
    solver = module("approaches", rung.approach).SOLVER
    if "model" not in getattr(solver, "__dataclass_fields__", {}):
        return None
    return rung.settings.get("base") or task.spec.model


def fingerprint_of(task: Task, rung: Rung, approach: Any, model: str | None) -> str:
    """Changes when the rung's answers could: benchmark, settings, weights, version."""
    content: dict[str, Any] = {
        "benchmark": task.digest,
        "approach": rung.approach,
        "settings": rung.settings,
        "model": identify(model) if model else None,
        "version": tailorbird.__version__,
    }
    if hasattr(approach, "reads"):  # what it learns from beside the task
        content["reads"] = approach.reads(task)
    return digest(content)


def set_aside_if_other(folder: Path, fingerprint: str, previous: Path) -> None:
    """A rung folder of another configuration is moved away, never deleted."""
    file = folder / "rung.json"
    known = read_json(file)["fingerprint"] if file.is_file() else None
    if known == fingerprint:
        return
    if known is not None:
        previous.mkdir(parents=True, exist_ok=True)
        target = previous / f"{folder.name}-{known[:8]}"
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    elif folder.is_dir():
        shutil.rmtree(folder)  # a kill before the first write: nothing in it
    write_json(file, {"fingerprint": fingerprint})


def _openings(ledger: Path, task: Task) -> tuple[int, int]:
    """How often these test items were opened for the most often changed rung, and for how many
    rungs.

    Another seed or other training examples are another benchmark, but no other test.
    """
    seen: dict[str, set[str]] = {}
    known = {"benchmark": task.digest, "test": task.test_digest}
    for row in read_jsonl(ledger):
        if any(row.get(key) == value for key, value in known.items()):
            seen.setdefault(row["rung"], set()).add(row["fingerprint"])
    return max((len(f) for f in seen.values()), default=1), len(seen)


def _spent(
    seconds: float, measured: Mapping[str, tuple[RungResult, tuple[Prediction, ...]]], task: Task
) -> str | None:
    """Why no further rung may start, or None."""
    budget = task.spec.budget
    if budget.minutes is not None and seconds > 60 * budget.minutes:
        return f"the budget of {budget.minutes:g} minutes was used up"
    cost = sum(result.usage.cost or 0.0 for result, _ in measured.values())
    if budget.cost is not None and cost > budget.cost:
        return f"the budget of {budget.cost:g} {budget.prices.currency} was used up"
    return None


def _manifest(task: Task, out: Path) -> dict[str, Any]:
    """What went in: enough to run it again."""
    return {
        "version": 1,
        "tailorbird": tailorbird.__version__,
        "python": platform.python_version(),
        "packages": packages(),
        "machine": f"{platform.system()} {platform.machine()}",
        "benchmark": task.digest,
        "task": task.spec.model_dump(mode="json"),
        "rows": [a.lines() for a in task.accounts],
        "study": _relative(task.folder, out),
        "data_folder": task.data_folder and _relative(task.data_folder, out),
    }


def _relative(path: Path, out: Path) -> str:
    """From the climb's folder, so that both can be moved together."""
    return Path(os.path.relpath(path.resolve(), out.resolve())).as_posix()
