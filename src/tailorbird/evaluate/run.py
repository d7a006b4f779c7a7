"""Open the test split, let a solver answer it, mark every answer, keep all of it on disk.

Answers are appended in chunks of a fixed partition: a run that was killed goes on at the next
chunk, and ends with the same file as one that was not.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tailorbird.approaches.base import Solver
from tailorbird.errors import MissingExtra, StoreError
from tailorbird.evaluate.chunks import in_chunks
from tailorbird.evaluate.cost import cost_per_correct
from tailorbird.evaluate.metrics.base import estimate
from tailorbird.evaluate.per_class import per_class
from tailorbird.evaluate.reliability import reliability
from tailorbird.evaluate.results import RungResult
from tailorbird.evaluate.statistics import Estimate, estimate_mean, estimate_quantile
from tailorbird.models.base import Progress
from tailorbird.models.files import is_endpoint
from tailorbird.progress import progress
from tailorbird.registry import module, names
from tailorbird.store import append_jsonl, read_jsonl, write_atomic
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Prices
from tailorbird.task.types import Example, Prediction, Usage

CHUNK = 512
"""Answers between two writes: the most that a kill during evaluation can cost."""
PROBES = 72
"""Test items answered one at a time to measure latency: fewer cannot bound the 95th percentile."""
ENOUGH_PROBES, PROBE_SECONDS = 24, 10.0
"""After this long, this many are enough."""


@dataclass(frozen=True)
class Answered:
    """Every test item's answer, and how fast answers came."""

    predictions: tuple[Prediction, ...]
    latencies: tuple[float, ...]
    """Seconds for one request alone."""
    seconds: float
    """Wall time of answering everything, in batches."""
    first_latencies: tuple[float, ...] = ()
    """Seconds to the first token of a request alone; none where that cannot be told."""


def answer_test(
    solver: Solver, task: Task, folder: Path, ledger: Path, fingerprint: str, quiet: bool = False
) -> Answered:
    """Open the test split for `solver`; the opening is recorded in `ledger`."""
    examples = task.examples("test")
    file = folder / "answers.jsonl"
    if not read_jsonl(file):
        record_opening(ledger, task, folder.name, fingerprint)

    def answer(chunk: Sequence[Example], tick: Progress) -> list[Any]:
        begun = time.monotonic()
        predictions = solver.predict(chunk, tick)
        each = (time.monotonic() - begun) / len(chunk)
        pairs = zip(chunk, predictions, strict=True)
        return [{"id": e.id, **asdict(p), "batch_seconds": each} for e, p in pairs]

    title = f"answering {len(examples):,} test items"
    rows = in_chunks(file, examples, CHUNK, answer, title, quiet)
    latencies, first = _latencies(solver, examples, rows, folder, quiet)
    predictions = tuple(prediction_of(r) for r in rows)
    return Answered(predictions, latencies, sum(r["batch_seconds"] for r in rows), first)


def record_opening(ledger: Path, task: Task, rung: str, fingerprint: str) -> None:
    """Append to `ledger` that the test split is opened for this rung."""
    opening = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "rung": rung,
        "fingerprint": fingerprint,
        "benchmark": task.digest,
        "test": task.test_digest,
    }
    append_jsonl(ledger, [opening])


def read_answers(folder: Path, task: Task) -> tuple[Prediction, ...]:
    """The answers in a rung's folder. Raises `StoreError` where some are missing."""
    rows = read_jsonl(folder / "answers.jsonl")
    if [r["id"] for r in rows] != [e.id for e in task.examples("test")]:
        raise StoreError(
            f"{folder} does not hold the answers to this task's test items",
            hint="run tailorbird climb again with the same task file and data",
        )
    return tuple(prediction_of(r) for r in rows)


def prediction_of(row: dict[str, Any]) -> Prediction:
    """The prediction that a row of answers holds."""
    fields = {k: v for k, v in row.items() if k not in ("id", "batch_seconds")}
    usage, citations = Usage(**fields.pop("usage")), tuple(fields.pop("citations"))
    return Prediction(**fields, usage=usage, citations=citations)


def _latencies(
    solver: Solver, examples: Sequence[Example], rows: list[Any], folder: Path, quiet: bool
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Seconds per request, and to its first token where that can be told.

    Reported by the endpoint, else measured one at a time on some items.
    """
    reported = [r["usage"]["seconds"] for r in rows if r["usage"]["seconds"] is not None]
    if reported:
        return tuple(reported), ()
    file = folder / "latency.jsonl"
    probes = read_jsonl(file)
    if not probes:
        step = max(1, len(examples) // PROBES)
        probes = _probes(solver, examples[::step][:PROBES], quiet)
        append_jsonl(file, probes)
    seconds = tuple(p["seconds"] for p in probes)
    return seconds, tuple(p["first_seconds"] for p in probes if "first_seconds" in p)


def _probes(solver: Solver, examples: Sequence[Example], quiet: bool) -> list[dict[str, float]]:
    solver.predict(examples[:1])  # what loads on first use is not the latency of an answer
    brief, probes = _brief(solver), list[dict[str, float]]()
    with progress("measuring latency", len(examples), quiet) as tick:
        for example in examples:
            probe = {"seconds": _seconds(solver, example)}
            if brief is not None and len(probes) < ENOUGH_PROBES:
                probe["first_seconds"] = _seconds(brief, example)
            probes.append(probe)
            tick(1)
            spent = sum(p["seconds"] for p in probes)
            if len(probes) >= ENOUGH_PROBES and spent > PROBE_SECONDS:
                break
    return probes


def _seconds(solver: Solver, example: Example) -> float:
    begun = time.perf_counter()
    solver.predict([example])
    return time.perf_counter() - begun


def _brief(solver: Solver) -> Solver | None:
    """`solver`, done with its first token; None for one that writes no tokens, or chooses."""
    if getattr(solver, "max_tokens", None) is None or getattr(solver, "labels", None):
        return None
    brief: Solver = replace(solver, max_tokens=1)  # type: ignore[type-var]
    return brief


def measure(
    task: Task, answered: Answered, training_seconds: float, model: str | None, seed: int
) -> dict[str, Any]:
    """Scores, estimates and timings of one rung: the fields of a `RungResult`."""
    examples, predictions = task.examples("test"), answered.predictions
    groups = [e.group for e in examples]
    scores: dict[str, tuple[float | None, ...]] = {
        m: tuple(s.value for s in task.score_all(m, examples, predictions)) for m in _scorers(task)
    }
    estimates: dict[str, Estimate | None] = {
        m: estimate_mean(v, groups, seed) for m, v in scores.items()
    }
    estimates |= _together(task, predictions, seed)
    for name in ("prompt_tokens", "completion_tokens"):
        counts = [float(getattr(p.usage, name)) for p in predictions]
        estimates[name] = estimate_mean(counts, groups, seed, bounded=False)
    labels = task.spec.kind == "label"
    right = _right(task, scores[task.spec.bar.primary.metric])
    return {
        "scores": scores,
        "estimates": estimates,
        "timings": _timings(task, answered, right, training_seconds, model, seed),
        "errors": sum(p.error is not None for p in predictions),
        "usage": _total(answered, model, task.spec.budget.prices),
        "classes": per_class(examples, predictions, task, seed) if labels else (),
        "reliability": reliability(examples, predictions, task, seed),
    }


def _scorers(task: Task) -> list[str]:
    """What each answer is marked by: those of the bar, primary first, and what else is worth it."""
    asked = [c.metric for c in task.spec.bar.criteria]
    return [m for m in dict.fromkeys([*asked, *_also(task)]) if m in names("task.scorers")]


def _together(
    task: Task, predictions: Sequence[Prediction], seed: int
) -> dict[str, Estimate | None]:
    """The metrics of all answers together; those whose library is missing only if the bar asks."""
    found: dict[str, Estimate | None] = {}
    asked = {c.metric for c in task.spec.bar.criteria}
    for name in names("evaluate.metrics"):
        if task.spec.kind not in module("evaluate.metrics", name).KINDS:
            continue
        try:
            found[name] = estimate(name, task.examples("test"), predictions, task, seed)
        except MissingExtra:
            if name in asked:
                raise
    return found


def _right(task: Task, marks: Sequence[float | None]) -> list[float | None]:
    """Marks on the primary metric with 1 for right, whichever way is better."""
    higher = higher_is_better(task.spec.bar.primary.metric)
    return [m if m is None or higher else 1 - m for m in marks]


def _total(answered: Answered, model: str | None, prices: Prices) -> Usage:
    """Tokens, and money for an endpoint, over all answers; seconds are left to the timings."""
    uses = [p.usage for p in answered.predictions]
    paid = model is not None and is_endpoint(model)
    costs = [charge(u, prices) if paid else None for u in uses]
    return Usage(
        sum(u.prompt_tokens for u in uses),
        sum(u.completion_tokens for u in uses),
        cost=None if None in costs else sum(c for c in costs if c is not None),
    )


def _also(task: Task) -> tuple[str, ...]:
    """What is worth marking though the bar does not name it."""
    if task.spec.kind == "label":
        return ()
    grounded = task.spec.documents is not None and any(e.sources for e in task.examples("test"))
    return ("unsupported", "cited") if grounded else ()


def _timings(
    task: Task,
    answered: Answered,
    right: Sequence[float | None],
    training_seconds: float,
    model: str | None,
    seed: int,
) -> dict[str, Estimate | None]:
    groups = [e.group for e in task.examples("test")]
    costs = [_cost(p, answered, model, task.spec.budget.prices) for p in answered.predictions]
    known = [1000 * c for c in costs if c is not None]
    minutes = training_seconds / 60
    cost = None
    if len(known) == len(costs):
        cost = estimate_mean(known, groups, seed, bounded=False)
    return {
        "latency_p50": estimate_quantile(answered.latencies, 0.5),
        "latency_p95": estimate_quantile(answered.latencies, 0.95),
        "latency_p99": estimate_quantile(answered.latencies, 0.99),
        "latency_first_p50": estimate_quantile(answered.first_latencies, 0.5),
        "latency_first_p95": estimate_quantile(answered.first_latencies, 0.95),
        "cost_per_1000": cost,
        "cost_per_correct": cost_per_correct(costs, right, groups, seed),
        "training_minutes": Estimate(minutes, minutes, minutes, n=1, units=1, method="measured"),
    }


def _cost(
    prediction: Prediction, answered: Answered, model: str | None, prices: Prices
) -> float | None:
    """Money for one answer: the endpoint's tokens, or this machine's time. Unknown is not zero."""
    if model is not None and is_endpoint(model):
        return charge(prediction.usage, prices)
    if prices.machine_hour is None:
        return None
    return answered.seconds / len(answered.predictions) / 3600 * prices.machine_hour


def charge(usage: Usage, prices: Prices) -> float | None:
    """What an endpoint takes for one answer."""
    if usage.cost is not None:
        return usage.cost
    if prices.prompt_million is None or prices.completion_million is None:
        return None
    prompt = usage.prompt_tokens * prices.prompt_million
    return (prompt + usage.completion_tokens * prices.completion_million) / 1e6


def write_predictions(task: Task, answered: Answered, result: RungResult, path: Path) -> None:
    """One row per test item in Parquet: input, target, answer, citations, tokens and marks."""
    examples = task.examples("test")
    columns: dict[str, list[Any]] = {
        "id": [e.id for e in examples],
        "group": [e.group for e in examples],
        "input": [e.text for e in examples],
        "target": [e.target for e in examples],
        "answer": [p.text for p in answered.predictions],
        "confidence": [p.confidence for p in answered.predictions],
        "citations": [list(p.citations) for p in answered.predictions],
        "error": [p.error for p in answered.predictions],
        "prompt_tokens": [p.usage.prompt_tokens for p in answered.predictions],
        "completion_tokens": [p.usage.completion_tokens for p in answered.predictions],
    }
    columns |= {f"score_{m}": list(v) for m, v in result.scores.items()}
    table = pa.table(columns)
    write_atomic(path, lambda p: pq.write_table(table, p))
