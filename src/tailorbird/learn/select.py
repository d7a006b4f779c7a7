"""What to label next: a pool, what rungs of a climb say of it, and a strategy.

runs/NAME/label/
  RUNG-DIGEST.jsonl   what a rung says of the pool, or of dev; a kill costs one chunk
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tailorbird.approaches.base import Solver
from tailorbird.data.split import nested_subset
from tailorbird.errors import TaskError, nearest
from tailorbird.evaluate.chunks import in_chunks
from tailorbird.evaluate.results import RungResult
from tailorbird.evaluate.run import CHUNK, prediction_of
from tailorbird.learn.records import Entry, key_of
from tailorbird.learn.strategies.base import Opinion, Pool, Strategy, choose
from tailorbird.learn.vectors import embedder
from tailorbird.learn.weak_spots import WeakSpots, weak_spots
from tailorbird.models.base import Progress
from tailorbird.registry import module
from tailorbird.run_folder import load_fitted, read_results, slug
from tailorbird.store import digest, read_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction
from tailorbird.words import counted

ALIKE = "one of a batch"
"""All that is said of rows in a batch with control items: a rung was fitted on those, and no
strategy chose them, so that a reason or a suggestion would tell them from the others."""


@dataclass(frozen=True)
class Request:
    """What is wanted."""

    n: int
    strategy: Strategy
    name: str
    """The strategy's."""
    rungs: tuple[str, ...] = ()
    """Whose opinions count; none named: the best, or all but majority where the strategy compares
    them."""
    consider: int = 10_000
    """Rows of the pool that are looked at: of more, a seeded choice."""
    vectors: str = "minilm"
    """By which inputs are compared: tfidf, minilm, or another sentence encoder."""
    controls: int = 0
    """Training rows among them whose label is known, to measure annotators."""


@dataclass(frozen=True)
class Selection:
    """What should be labelled, and why."""

    entries: tuple[Entry, ...]
    """Best first, controls among them."""
    pool: int
    """Rows that could be chosen."""
    considered: int
    """Of them, how many were looked at."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> rows of the unlabelled files that could not be chosen."""
    rungs: tuple[str, ...] = ()
    """Whose opinions counted."""
    spots: WeakSpots | None = None
    """None: there is no climb, or no dev split."""


def select(
    task: Task,
    out: Path,
    request: Request,
    queued: Collection[str] = (),
    quiet: bool = False,
) -> Selection:
    """Choose `request.n` unlabelled inputs of `task`.

    Args:
        task: with its unlabelled inputs.
        out: the climb's folder; without a climb, no rung has an opinion.
        request: how many, and how.
        queued: `key_of` the inputs that wait for a label or have one already.
        quiet: no progress bars.

    Raises `TaskError` where there are no unlabelled inputs, or the strategy needs what the climb
    has not.
    """
    closed = task.without_test()
    seed = task.spec.seed
    left_out: Counter[str] = Counter()
    looked = nested_subset(_free(closed, queued, left_out), request.consider, seed)
    found = _opinions(closed, out, request, looked, quiet)
    pool = _pool(closed, out, request, looked, found, queued)
    chosen = choose(request.strategy, pool, request.n, seed)
    entries = [
        Entry(
            looked[c.index],
            c.why,
            request.name,
            1 - place / len(chosen),
            pool.opinion.answers[c.index] if pool.opinion else None,
        )
        for place, c in enumerate(chosen)
    ]
    controls = _controls(closed, request.controls, seed + len(queued))
    if controls:
        entries = [replace(e, why=ALIKE, suggestion=None) for e in (*entries, *controls)]
    free = len(closed.unlabelled) - left_out.total()
    return Selection(
        tuple(sorted(entries, key=lambda e: -e.priority)), free, len(looked), dict(left_out),
        tuple(o.rung for o in found.opinions), _spots(closed, found, pool, seed),
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """What rungs say."""

    opinions: tuple[Opinion, ...] = ()
    dev: tuple[Prediction, ...] = ()
    """The first rung's answers to dev."""
    wrong: tuple[float | None, ...] = ()


def _free(task: Task, queued: Collection[str], left_out: Counter[str]) -> Iterator[Example]:
    """Unlabelled inputs that may be chosen, as they are read; why others may not is counted."""
    if not task.unlabelled:
        raise TaskError(
            "the task has no inputs without labels to choose from",
            hint="name files under data.unlabelled, or give one by --pool FILE",
        )
    waiting = set(queued)
    asked: set[str] = set()
    labelled = {e.folded for split in task.splits.values() for e in split}
    for example in task.unlabelled:
        if task.in_test(example):
            left_out["the same input stands in test"] += 1
        elif (key := key_of(example)) in waiting:
            left_out["in the queue already"] += 1
        elif example.folded in labelled:
            left_out["labelled already"] += 1
        elif key in asked:
            left_out["another row of the pool asks the same"] += 1
        else:
            asked.add(key)
            yield replace(example, target=None)


def _opinions(
    task: Task, out: Path, request: Request, pool: Sequence[Example], quiet: bool
) -> _Found:
    if not (out / "results.json").is_file():
        if request.rungs:
            read_results(out)  # says that there is no climb
        return _Found()
    measured = _measured(task, out)
    rungs = [_named(name, measured) for name in request.rungs] or _usual(request, measured)
    dev = tuple(task.splits.get("dev", ()))
    opinions: list[Opinion] = []
    answers: tuple[Prediction, ...] = ()
    for rung in rungs:
        folder = out / "rungs" / slug(rung)
        solver = load_fitted(folder, task, out / "cache")
        opinions.append(_opinion(rung, _asked(solver, folder, pool, out, quiet)))
        if dev and not answers:
            answers = tuple(_asked(solver, folder, dev, out, quiet))
    return _Found(tuple(opinions), answers, _wrong(task, answers))


def _measured(task: Task, out: Path) -> dict[str, float]:
    """Rungs that were fitted, with how right they are, best first."""
    results, _, _ = read_results(out)
    metric = task.spec.bar.primary.metric
    higher = module("task.scorers", metric).BETTER == "higher"

    def mark(rung: RungResult) -> float:
        found = rung.estimates.get(metric)
        value = found.value if found else 0.0
        return value if higher or not found else 1 - value

    fitted = [r for r in results.rungs if (out / "rungs" / slug(r.name) / "fitted.json").is_file()]
    return {r.name: mark(r) for r in sorted(fitted, key=lambda r: (-mark(r), r.name))}


def _named(name: str, measured: Mapping[str, float]) -> str:
    if name not in measured:
        raise TaskError(f'the climb has no rung "{name}"{nearest(name, measured)}')
    return name


def _usual(request: Request, measured: Mapping[str, float]) -> list[str]:
    every = getattr(request.strategy, "COMPARES", False)
    rungs = [name for name in measured if name != "majority"] or list(measured)
    return rungs if every else rungs[:1]


def _asked(
    solver: Solver, folder: Path, examples: Sequence[Example], out: Path, quiet: bool
) -> list[Prediction]:
    """What a rung says of some inputs, from disk where it was asked before."""
    fingerprint = read_json(folder / "rung.json")["fingerprint"]
    name = digest([fingerprint, [e.folded for e in examples]])[:12]

    def answer(chunk: Sequence[Example], tick: Progress) -> list[Any]:
        hidden = [replace(e, target=None) for e in chunk]
        return [asdict(p) for p in solver.predict(hidden, tick)]

    title = f"asking {folder.name} about {counted(len(examples), 'input')}"
    file = out / "label" / f"{folder.name}-{name}.jsonl"
    return [prediction_of(r) for r in in_chunks(file, examples, CHUNK, answer, title, quiet)]


def _opinion(rung: str, predictions: Sequence[Prediction]) -> Opinion:
    """Answers as arrays; what a failed one lacks is as unsure as can be."""
    answers = tuple(p.text for p in predictions)
    confidence = None
    if any(p.confidence is not None for p in predictions):
        confidence = np.array([p.confidence or 0.0 for p in predictions])
    labels = tuple(sorted({label for p in predictions for label in p.label_scores or ()}))
    if not labels:
        return Opinion(rung, answers, confidence=confidence)
    even = dict.fromkeys(labels, 1 / len(labels))
    table = [[(p.label_scores or even).get(x, 0.0) for x in labels] for p in predictions]
    return Opinion(rung, answers, labels, np.array(table), confidence)


def _wrong(task: Task, answers: Sequence[Prediction]) -> tuple[float | None, ...]:
    """How wrong each answer to dev is, by the primary metric."""
    if not answers:
        return ()
    metric = task.spec.bar.primary.metric
    higher = module("task.scorers", metric).BETTER == "higher"
    marks = [s.value for s in task.score_all(metric, task.examples("dev"), answers)]
    return tuple(m if m is None or not higher else 1 - m for m in marks)


def _pool(
    task: Task, out: Path, request: Request, looked: Sequence[Example], found: _Found,
    queued: Collection[str],
) -> Pool:  # fmt: skip
    texts = tuple(e.text for e in looked)
    train = tuple(e.text for e in task.examples("train"))
    dev = task.splits.get("dev", ())
    keys = set(queued)
    waiting = tuple(e.text for e in task.unlabelled if key_of(e) in keys)
    marked = [(e.text, w) for e, w in zip(dev, found.wrong) if w is not None]
    lists = (texts, train, tuple(e.text for e in dev))
    return Pool(
        texts,
        embedder(request.vectors, lists, out / "cache", task.spec.seed),
        (*train, *waiting),
        max(1, len(task.labels)),
        found.opinions,
        tuple(text for text, _ in marked),
        tuple(w for _, w in marked),
    )


def _spots(task: Task, found: _Found, pool: Pool, seed: int) -> WeakSpots | None:
    if not found.dev:
        return None
    vectors = pool.vectors if len(pool) else None
    return weak_spots(
        found.opinions[0].rung, task.examples("dev"), found.dev, found.wrong, pool.embed, vectors,
        seed,
    )  # fmt: skip


def _controls(task: Task, n: int, seed: int) -> list[Entry]:
    """Training rows at random, at random places among the others."""
    rng = Random(seed)
    train = task.examples("train")
    return [
        Entry(e, ALIKE, "random", rng.random(), purpose="control", gold=e.target)
        for e in rng.sample(train, min(n, len(train)))
    ]
