"""A climb's folder -> what trackers record of it."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tailorbird
from tailorbird.decide.verdict import Verdict
from tailorbird.evaluate.audits.base import Audited
from tailorbird.evaluate.evidence import packages
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import Estimate
from tailorbird.evaluate.table import mark
from tailorbird.store import read_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import SPLITS, Comparison, Example
from tailorbird.track.base import ClimbRecord, DataRecord, RunRecord, Value, data_digest

_UNNAMEABLE = re.compile(r"[^\w. /-]+")
"""What MLflow takes in no name."""
_FILES = ("results.json", "timings.json", "verdict.json", "manifest.json", "report.html")


def climb_record(
    task: Task, out: Path, folders: Mapping[str, Path], results: Results, verdict: Verdict
) -> ClimbRecord:
    """Everything about the climb in `out`. `folders`: rung -> its folder."""
    rungs = tuple(_rung(task, folders[r.name], r, verdict) for r in results.rungs)
    facts = _task_facts(task)
    best = next((r for r in results.rungs if r.name == (verdict.enough or verdict.best)), None)
    climb = RunRecord(
        key=f"climb {task.digest}",
        name=out.resolve().name,
        parameters=facts,
        metrics={
            **(dict(_ends(best.estimates)) if best else {}),
            "rungs": float(len(results.rungs)),
            "test_openings": float(results.test_openings),
        },
        tags=_lineage(task) | _outcome(task, verdict),
        files=tuple(f for f in (out / name for name in _FILES) if f.is_file()),
        begun=min((r.begun for r in rungs), default=time.time()),
        ended=max((r.ended for r in rungs), default=time.time()),
    )
    return ClimbRecord(task.spec.name, out, climb, rungs, tuple(_data(task)))


def _rung(task: Task, folder: Path, result: RungResult, verdict: Verdict) -> RunRecord:
    begun, answers = folder / "rung.json", folder / "answers.jsonl"
    fingerprint = read_json(begun)["fingerprint"]
    settings = {f"settings.{k}": _value(v) for k, v in result.settings.items()}
    parameters: dict[str, Value] = {"approach": result.approach, "model": result.model or "none"}
    tags = _lineage(task) | {
        "fingerprint": fingerprint,
        "rung": result.name,
        "stands": mark(verdict, result.name),
        "enough": str(result.name == verdict.enough),
    }
    base = _adapter_base(folder / "solver")
    return RunRecord(
        key=f"rung {result.name} {fingerprint}",
        name=result.name,
        parameters=parameters | settings | _task_facts(task),
        metrics={
            **dict(_ends(result.estimates)),
            **dict(_ends(result.timings)),
            "errors": float(result.errors),
            **dict(_audited(folder / "audits")),
        },
        tags=tags | ({"adapter_base": base} if base else {}),
        files=(folder / "predictions.parquet",),
        begun=begun.stat().st_mtime,
        ended=answers.stat().st_mtime,
    )


def _task_facts(task: Task) -> dict[str, Value]:
    """What the benchmark's digest covers: it cannot change under one key."""
    return {
        "task": task.spec.name,
        "kind": task.spec.kind,
        "seed": task.spec.seed,
        "n_documents": len(task.documents),
        **{f"n_{split}": len(task.splits.get(split, ())) for split in SPLITS},
    }


def _lineage(task: Task) -> dict[str, str]:
    """Which benchmark, and the versions of what measured it."""
    versions = {"tailorbird": tailorbird.__version__} | packages()
    return {"benchmark": task.digest} | {f"version.{k}": v for k, v in versions.items()}


def _outcome(task: Task, verdict: Verdict) -> dict[str, str]:
    return {
        "enough": verdict.enough or "none",
        "best": verdict.best or "none",
        "advice": verdict.fine_tune,
        "bar": "; ".join(str(c) for c in task.spec.bar.criteria),
        "model": task.spec.model,
        "said": f"{verdict.headline} {verdict.fine_tune_reason}",
    }


def _ends(estimates: Mapping[str, Estimate | None]) -> Iterator[tuple[str, float]]:
    """An estimate and the ends of its interval; what is not known is left out, not 0."""
    for metric, estimate in estimates.items():
        if estimate is not None:
            named = (
                (metric, estimate.value),
                (f"{metric}_low", estimate.low),
                (f"{metric}_high", estimate.high),
            )
            yield from ((name, float(x)) for name, x in named if math.isfinite(x))


def _audited(folder: Path) -> Iterator[tuple[str, float]]:
    """What audits found: `robustness/typos`, with the ends of its interval."""
    for file in sorted(folder.glob("*.json")):
        found = Audited.from_json(read_json(file)["found"])
        named = {
            f"{found.audit}/{_UNNAMEABLE.sub('-', line.name)}": line.estimate
            for line in found.lines
        }
        yield from _ends(named)


def _value(setting: Any) -> Value:
    return setting if isinstance(setting, (str, int, float, bool)) else str(setting)


def _adapter_base(solver: Path) -> str | None:
    """The model that an adapter was trained on, as the adapter itself says."""
    file = solver / "adapter" / "adapter_config.json"
    if not file.is_file():
        return None
    base = read_json(file).get("base_model_name_or_path")
    return str(base) if base else None


def _data(task: Task) -> Iterator[DataRecord]:
    data = task.spec.data
    pool = [f.path for f in data.all]
    for split in SPLITS:
        rows = task.splits.get(split, ())
        if rows:
            named = pool or [f.path for f in getattr(data, split)]
            yield DataRecord(split, data_digest(_plain(rows)), len(rows), tuple(named))
    documents = (task.spec.documents.path,) if task.spec.documents else ()
    others: tuple[tuple[str, Iterable[Any], tuple[str, ...]], ...] = (
        ("documents", task.documents, documents),
        ("unlabelled", _plain(task.unlabelled), tuple(f.path for f in data.unlabelled)),
        ("preferences", _plain(task.comparisons), tuple(f.path for f in data.preferences)),
        ("texts", task.texts, tuple(t.path for t in data.texts)),
    )
    for name, kind, sources in others:
        rows = tuple(kind)
        if rows:
            yield DataRecord(name, data_digest(rows), len(rows), sources)


def _plain(rows: Iterable[Example] | Iterable[Comparison]) -> tuple[Any, ...]:
    """Where a row came from does not change what it says."""
    return tuple(replace(row, provenance=None) for row in rows)
