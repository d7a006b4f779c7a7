"""Two rungs on one benchmark, of one climb or of two: paired, item by item."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from tailorbird.decide.ladder import ALPHA, Ladder, Outcome
from tailorbird.decide.sentences import contrast_sentence
from tailorbird.errors import BenchmarkError, StoreError, nearest
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import Comparison, Estimate, compare, holm
from tailorbird.run_folder import read_results, slug
from tailorbird.store import read_json, said
from tailorbird.task.bar import higher_is_better
from tailorbird.task.task import TaskSpec
from tailorbird.words import quoted

Change = Literal["won", "lost"]

_APART = ("rungs", "audits", "track", "model", "endpoint", "bar", "budget", "name", "goal")
"""Keys of the task file in which two climbs of one benchmark may differ, and two that say what
nobody needs to be told."""


@dataclass(frozen=True)
class Side:
    """One of the two."""

    folder: Path
    """Of its climb."""
    rung: str
    label: str
    """How it is called beside the other."""
    result: RungResult


@dataclass(frozen=True)
class Mark:
    """One metric of both."""

    metric: str
    a: Estimate | None
    b: Estimate | None
    change: Comparison | None
    """b minus a, paired; None where no item was marked for both."""
    p_value: float | None
    """Corrected: for the primary as the ladder does, for the others for each other (Holm)."""
    outcome: Outcome | None
    """What b is, seen from a; only the primary, which has a margin, can be equivalent."""


@dataclass(frozen=True)
class Item:
    """A test item on which the two differ in the primary metric."""

    id: str
    change: Change
    """By b."""
    marks: tuple[float, float]
    """Of a and b."""
    input: str
    target: str
    answers: tuple[str, str]
    """Of a and b."""


@dataclass(frozen=True)
class Pair:
    """What sets two rungs apart."""

    a: Side
    b: Side
    ladder: Ladder
    """Of these two alone, under the names of their labels."""
    marks: tuple[Mark, ...]
    """Primary first."""
    items: tuple[Item, ...]
    """Largest change first."""

    @property
    def metric(self) -> str:
        """The primary one."""
        return self.ladder.bar.primary.metric

    @property
    def sentence(self) -> str:
        """The primary in words; empty where it could not be compared."""
        contrast = next(iter(self.ladder.contrasts), None)
        return contrast_sentence(self.ladder, contrast) if contrast else ""

    @property
    def measures(self) -> dict[str, tuple[Estimate | None, Estimate | None]]:
        """What is measured of both and not paired: latency, cost, what is of all items at once."""
        a, b = self.a.result, self.b.result
        names = dict.fromkeys([*a.estimates, *b.estimates, *a.timings, *b.timings])
        return {n: (a.measured(n), b.measured(n)) for n in names if n not in (*a.scores, *b.scores)}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "a": str(self.a.folder / "rungs" / slug(self.a.rung)),
            "b": str(self.b.folder / "rungs" / slug(self.b.rung)),
            "benchmark": self.ladder.results.digest,
            "metric": self.metric,
            "n": self.ladder.results.n_test,
            "currency": self.ladder.spec.budget.prices.currency,
            "sentence": self.sentence,
            "marks": [_mark_to_json(m) for m in self.marks],
            "measures": {k: [e and e.to_json() for e in v] for k, v in self.measures.items()},
            "items": [vars(i) for i in self.items],
        }


def _mark_to_json(mark: Mark) -> dict[str, Any]:
    parts = {k: getattr(mark, k) for k in ("a", "b", "change")}
    return {**vars(mark), **{k: v and v.to_json() for k, v in parts.items()}}


def pair(one: str, other: str) -> Pair:
    """Compare `FOLDER:RUNG` with `FOLDER:RUNG`.

    Without `:RUNG`, it is the one that is enough, or else the best. Without a folder (`:RUNG`),
    the second is of the same climb as the first.

    Raises `StoreError` without such a climb or rung, and `BenchmarkError` where the two were
    measured on different benchmarks.
    """
    left, name = _named(one)
    right, other_name = _named(other, left)
    results, spec, _ = read_results(left)
    others, other_spec, _ = read_results(right)
    if results.digest != others.digest:
        raise BenchmarkError(
            f"{left} and {right} were measured on different benchmarks "
            f"({results.digest[:8]} and {others.digest[:8]}): {_difference(spec, other_spec)}",
            hint="climb both with the same task file and data, then compare",
        )
    a, b = _rung(results, name, left), _rung(others, other_name, right)
    if (left.resolve(), a.name) == (right.resolve(), b.name):
        raise BenchmarkError(f"{a.name} is compared with itself", hint="name two rungs")
    labels = (a.name, b.name) if a.name != b.name else (f"{left}:{a.name}", f"{right}:{b.name}")
    both = replace(
        results,
        rungs=tuple(replace(r, name=n) for r, n in zip((a, b), labels, strict=True)),
        # Both were chosen among all that were tried: the correction is for those.
        tried=max(results.tried, others.tried, len({*_names(results), *_names(others)})),
        test_openings=max(results.test_openings, others.test_openings),
    )
    return _pair(
        Side(left, a.name, labels[0], a), Side(right, b.name, labels[1], b), Ladder(both, spec)
    )


def _names(results: Results) -> list[str]:
    return [r.name for r in results.rungs]


def _pair(a: Side, b: Side, ladder: Ladder) -> Pair:
    primary = ladder.bar.primary.metric
    items = tuple(_items(a, b, primary, ladder.higher))
    return Pair(a, b, ladder, (_primary(a, b, ladder), *_others(a, b, ladder)), items)


def _primary(a: Side, b: Side, ladder: Ladder) -> Mark:
    """As the ladder judges it; turned round where the ladder puts a after b."""
    metric = ladder.bar.primary.metric
    change = _compare(a.result, b.result, metric, ladder)
    estimates = a.result.measured(metric), b.result.measured(metric)
    contrast = next(iter(ladder.contrasts), None)
    if contrast is None:
        return Mark(metric, *estimates, change, None, None)
    outcome = contrast.outcome
    if contrast.rung == a.label:
        turned: dict[Outcome, Outcome] = {"better": "worse", "worse": "better"}
        outcome = turned.get(outcome, outcome)
    return Mark(metric, *estimates, change, contrast.p_adjusted, outcome)


def _others(a: Side, b: Side, ladder: Ladder) -> list[Mark]:
    primary = ladder.bar.primary.metric
    shared = [m for m in a.result.scores if m in b.result.scores and m != primary]
    changes = {m: _compare(a.result, b.result, m, ladder) for m in shared}
    tested = [m for m, change in changes.items() if change is not None]
    found = [c.p_value for c in changes.values() if c is not None]
    adjusted = dict(zip(tested, holm(found), strict=True))
    return [
        Mark(
            m, a.result.measured(m), b.result.measured(m), change, adjusted.get(m),
            _outcome(m, change, adjusted[m]) if change else None,
        )
        for m, change in changes.items()
    ]  # fmt: skip


def _outcome(metric: str, change: Comparison, p: float) -> Outcome:
    if p >= ALPHA:
        return "cannot tell"
    higher = higher_is_better(metric)
    return "better" if (change.difference > 0) == higher else "worse"


def _compare(a: RungResult, b: RungResult, metric: str, ladder: Ladder) -> Comparison | None:
    if metric not in a.scores or metric not in b.scores:
        return None
    groups, seed = ladder.results.groups, ladder.spec.seed
    return compare(a.scores[metric], b.scores[metric], groups, seed)


def _items(a: Side, b: Side, metric: str, higher: bool) -> list[Item]:
    """Those that only one of the two gets right, or righter."""
    others = {row["id"]: row for row in _predictions(b)}
    found = []
    for row in _predictions(a):
        other = others[row["id"]]
        before, after = row[f"score_{metric}"], other[f"score_{metric}"]
        if before is None or after is None or before == after:
            continue
        change: Change = "won" if (after > before) == higher else "lost"
        answers = (row["answer"], other["answer"])
        item = Item(row["id"], change, (before, after), row["input"], row["target"] or "", answers)
        found.append(item)
    return sorted(found, key=lambda i: -abs(i.marks[1] - i.marks[0]))


def _predictions(side: Side) -> list[dict[str, Any]]:
    file = side.folder / "rungs" / slug(side.rung) / "predictions.parquet"
    if not file.is_file():
        raise StoreError(
            f"{file} is missing", hint="tailorbird climb writes it, from the answers that are there"
        )
    with said("read", file, ValueError):
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def _named(text: str, default: Path | None = None) -> tuple[Path, str | None]:
    """`runs/x:rag` as folder and rung; a name may itself hold a colon."""
    head, sign, rung = text.partition(":")
    if sign and not head and default is not None:
        return default, rung
    parts = text.split(":")
    for i in range(len(parts), 0, -1):  # the longest folder there is
        folder = Path(":".join(parts[:i]))
        if (folder / "results.json").is_file():
            return folder, ":".join(parts[i:]) or None
    raise StoreError(
        f"no finished climb in {head or text}", hint="name a climb and a rung, as runs/NAME:RUNG"
    )


def _rung(results: Results, name: str | None, folder: Path) -> RungResult:
    known = {r.name: r for r in results.rungs}
    if name is None:
        verdict = read_json(folder / "verdict.json")
        name = verdict["enough"] or verdict["best"]
        if name is None:
            hint = f"name one: {quoted(f'{folder}:RUNG')}"
            raise StoreError(f"{folder} could measure no rung", hint=hint)
    if name not in known:
        raise StoreError(f'{folder} holds no rung "{name}"{nearest(name, known)}')
    return known[name]


def _difference(one: TaskSpec, other: TaskSpec) -> str:
    """Which keys of the two task files differ; if none that matter does, the data do."""
    mine, theirs = (s.model_dump(mode="json") for s in (one, other))
    keys = [k for k in _differing(mine, theirs) if k.split(".")[0] not in _APART]
    return f"they differ in {', '.join(keys)}" if keys else "their task, data or documents differ"


def _differing(one: Any, other: Any, path: str = "") -> Sequence[str]:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [] if one == other else [path]
    keys = dict.fromkeys([*one, *other])
    found = (_differing(one.get(k), other.get(k), f"{path}.{k}".strip(".")) for k in keys)
    return [key for each in found for key in each]
