"""How many labels does a strategy save against choosing at random? A simulation on real intents.

    python benchmarks/active_learning.py clinc150 --data ../shared/data
    python benchmarks/active_learning.py bitext --data ../shared/data --skew
        [--strategies random combined ...] [--seeds 5] [--batch N] [--rounds 10] [--save FILE.json]

A pool of inputs whose labels are known is labelled batch by batch: the strategy chooses, the labels
are looked up, the learner (logistic regression over MiniLM's sentence vectors, folded to 128
dimensions) is fitted anew and marked on items that are never chosen from. Where a strategy has
nothing to go by in the first batch, that batch is random's. With --skew, labels of the pool are as
frequent as 1 / rank^0.7, in an order that the seed draws; the items that are marked are not skewed.

Each seed draws a pool of its own (and 50 of the 151 labels of clinc150), the same for all
strategies, and differences are paired over seeds. `labels to X` are read off the curve, straight
between rounds. A run that was killed goes on where it was.
"""

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from base_model.table import Table

from tailorbird.approaches._classifier import Head
from tailorbird.data.rows import read_rows
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.learn.strategies.base import Embed, Opinion, Pool, choose, make_strategy
from tailorbird.learn.vectors import embedder
from tailorbird.models.encoder import embed
from tailorbird.registry import names
from tailorbird.store import append_jsonl, read_jsonl, write_json

POOL, WIDTH, STRENGTH, SKEW = 4000, 128, 30.0, 0.7
READ = 8000
"""Inputs that pools are drawn from: sentence vectors take their time."""
INTENTS = {"clinc150": 50, "bitext": 27}
"""Labels that each seed draws; a batch is as many rows."""
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class World:
    """Everything that has a label, as vectors."""

    pool: Pairs
    apart: Pairs
    """Never chosen from."""
    cache: Path

    @cached_property
    def vectors(self) -> dict[str, Any]:
        """Text -> float32[WIDTH], unit length."""
        texts = list(dict.fromkeys(t for part in (self.pool, self.apart) for t, _ in part))
        full = embed(texts, self.cache)
        centre = full.mean(axis=0)
        _, _, axes = np.linalg.svd(full[::3] - centre, full_matrices=False)
        folded = (full - centre) @ axes[:WIDTH].T
        folded /= np.linalg.norm(folded, axis=1, keepdims=True)
        return dict(zip(texts, folded.astype(np.float32)))

    def embed(self, texts: Sequence[str]) -> Any:
        """float32[N, WIDTH]"""
        return np.stack([self.vectors[t] for t in texts])


def world(name: str, data: Path, cache: Path) -> World:
    """The pool, and items apart from it."""
    if name == "clinc150":
        parts = {
            key: [(str(r.value[0]), str(r.value[1])) for k in (key, f"oos_{key}")
                  for r in read_rows("clinc150/data_full.json", k, data, None)]
            for key in ("train", "val")
        }  # fmt: skip
        pool, apart = parts["train"], parts["val"]
    else:
        rows = read_rows("bitext_support/support_v1_canned.csv", None, data, None)
        texts = {" ".join(r.value["instruction"].casefold().split()): r.value for r in rows}
        pairs = [(str(v["instruction"]), str(v["intent"])) for v in texts.values()]
        Random(0).shuffle(pairs)
        pool, apart = pairs[1800:], pairs[:1800]
    Random(1).shuffle(apart)
    pool = Random(2).sample(pool, min(READ, len(pool)))
    apart = apart[:1800]
    taken = {text for text, _ in apart}
    return World([p for p in pool if p[0] not in taken], apart, cache)


@dataclass(frozen=True)
class Game:
    """What one seed draws."""

    of: World
    labels: tuple[str, ...]
    pool: Pairs
    dev: Pairs
    """What `expected_effect` may see the marks of; for others it does not exist."""
    marked: Pairs

    @classmethod
    def drawn(cls, of: World, intents: int, seed: int, skew: bool) -> "Game":
        """Some intents, the pool, and a third of the items apart as dev."""
        rng = Random(seed)
        labels = sorted({label for _, label in of.pool})
        labels = rng.sample(labels, min(intents, len(labels)))
        rows = {label: [p for p in of.pool if p[1] == label] for label in labels}
        if skew:
            most = max(map(len, rows.values()))
            sizes = {label: max(2, round(most / r**SKEW)) for r, label in enumerate(labels, 1)}
            rows = {x: rng.sample(mine, min(len(mine), sizes[x])) for x, mine in rows.items()}
        pool = [p for mine in rows.values() for p in mine]
        apart = [p for p in of.apart if p[1] in rows]
        rng.shuffle(pool)
        rng.shuffle(apart)
        third = len(apart) // 3
        return cls(of, tuple(labels), pool[:POOL], apart[:third], apart[third:])

    @property
    def embed(self) -> Any:
        """Texts -> float32[N, WIDTH]"""
        return self.of.embed


def curve(of: Game, strategy: str, seed: int, batch: int, rounds: int) -> list[float]:
    """The share of marked items that are right after each round."""
    pool = of.pool
    words = embedder("tfidf", [[t for t, _ in pool]]) if strategy == "disagreement" else None
    known: list[int] = []
    marks: list[float] = []
    head: Head | None = None
    for number in range(rounds):
        left = sorted(set(range(len(pool))) - set(known))
        view = _view(of, [pool[i] for i in left], [pool[i] for i in known], head, words)
        view = view if strategy == "expected_effect" else replace(view, dev=(), wrong=())
        made = make_strategy(strategy, {})
        if made.missing(view) is not None:
            made = make_strategy("random", {})
        known += [left[c.index] for c in choose(made, view, batch, 1000 * seed + number)]
        head = Head.fit(
            of.embed([pool[i][0] for i in known]), [pool[i][1] for i in known], STRENGTH
        )
        marks.append(
            float(np.mean([a == b for a, (_, b) in zip(answers(of, head, of.marked), of.marked)]))
        )
    return marks


def answers(of: Game, head: Head, pairs: Pairs) -> list[str]:
    best = head.probabilities(of.embed([t for t, _ in pairs])).argmax(axis=1)
    return [head.classes[i] for i in best]


def _view(of: Game, pool: Pairs, known: Pairs, head: Head | None, words: Embed | None) -> Pool:
    """What a strategy sees; `words` make a second rung."""
    texts = tuple(t for t, _ in pool)
    seen = Pool(texts, of.embed, tuple(t for t, _ in known), len(of.labels))
    if head is None:
        return seen
    opinions = [_opinion("encoder", head, of.embed(texts))]
    if words is not None:
        other = Head.fit(words([t for t, _ in known]), [label for _, label in known], STRENGTH)
        opinions.append(_opinion("linear", other, words(texts)))
    found = zip(answers(of, head, of.dev), of.dev)
    wrong = tuple(float(said != label) for said, (_, label) in found)
    return replace(seen, opinions=tuple(opinions), dev=tuple(t for t, _ in of.dev), wrong=wrong)


def _opinion(name: str, head: Head, features: Any) -> Opinion:
    table = head.probabilities(features)
    best = table.argmax(axis=1)
    said = tuple(head.classes[i] for i in best)
    return Opinion(name, said, head.classes, table, table.max(axis=1))


def needed(marks: Sequence[float], goal: float, batch: int) -> float | None:
    """Labels at which the curve first reaches `goal`; None where it never does."""
    before = 0.0
    for number, mark in enumerate(marks):
        if mark >= goal:
            share = (goal - before) / (mark - before) if mark > before else 1.0
            return batch * (number + share)
        before = mark
    return None


def saved(
    curves: dict[str, list[list[float]]], strategy: str, goal: float, batch: int
) -> Estimate | None:
    """The share of random's labels that the strategy does without, paired over seeds."""
    pairs = [
        (needed(a, goal, batch), needed(b, goal, batch))
        for a, b in zip(curves["random"], curves[strategy])
    ]
    shares = [1 - b / a for a, b in pairs if a is not None and b is not None]
    if len(shares) < len(pairs):
        return None
    return estimate_mean(shares, [None] * len(shares), 0, bounded=False)


def difference(curves: dict[str, list[list[float]]], strategy: str, at: int) -> Estimate | None:
    """Points above random after `at` rounds, paired over seeds."""
    gains = [b[at] - a[at] for a, b in zip(curves["random"], curves[strategy])]
    return estimate_mean(gains, [None] * len(gains), 0, bounded=False)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("world", choices=sorted(INTENTS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--strategies", nargs="+", default=names("learn.strategies"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, help="default: as many as there are labels")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--skew", action="store_true")
    parser.add_argument("--goals", type=float, nargs="+", help="marks to reach, in [0, 1]")
    parser.add_argument("--out", type=Path, default=Path("runs/active-learning"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    return parser.parse_args()


def main() -> None:
    warnings.simplefilter("ignore", UserWarning)  # "many classes": that is the point here
    options = arguments()
    of = world(options.world, options.data, options.out / "cache")
    batch = options.batch or INTENTS[options.world]
    key = {"world": options.world, "skew": options.skew, "batch": batch, "rounds": options.rounds}
    file = options.out / "curves.jsonl"
    curves: dict[str, list[list[float]]] = {}
    for strategy in dict.fromkeys(["random", *options.strategies]):
        for seed in range(options.seeds):
            this = key | {"strategy": strategy, "seed": seed}
            done = [r for r in read_jsonl(file) if {k: r[k] for k in this} == this]
            if not done:
                begun = time.process_time()
                game = Game.drawn(of, INTENTS[options.world], seed, options.skew)
                marks = curve(game, strategy, seed, batch, options.rounds)
                spent = round(time.process_time() - begun, 1)
                done = [this | {"marks": marks, "cpu_seconds": spent}]
                append_jsonl(file, done)
                print(json.dumps(done[0]), flush=True)
            curves.setdefault(strategy, []).append(done[0]["marks"])
    last = np.mean(curves["random"], axis=0)
    goals = options.goals or [round(float(last[i]), 2) for i in (options.rounds // 2 - 1, -1)]
    table = _table(curves, goals, batch, options.rounds)
    print(table.markdown())
    if options.save:
        write_json(options.save, key | {"seeds": options.seeds, "curves": curves} | table.to_json())


def _table(
    curves: dict[str, list[list[float]]], goals: Sequence[float], batch: int, rounds: int
) -> Table:
    middle = rounds // 2 - 1
    columns = ["strategy"]
    for at in (0, middle, rounds - 1):
        labels = batch * (at + 1)
        columns += [f"right at {labels}, %", f"above random at {labels}, points"]
    for goal in goals:
        columns += [f"labels to {100 * goal:.0f} %", f"saved to {100 * goal:.0f} %, %"]
    rows = []
    for strategy in curves:
        row: list[Any] = [strategy]
        for at in (0, middle, rounds - 1):
            row += [round(100 * float(np.mean([c[at] for c in curves[strategy]])), 1)]
            row += [difference(curves, strategy, at)]
        for goal in goals:
            each = [needed(c, goal, batch) for c in curves[strategy]]
            reached = [e for e in each if e is not None]
            row += [round(float(np.mean(reached))) if len(reached) == len(each) else "not reached"]
            row += [saved(curves, strategy, goal, batch)]
        rows.append(row)
    return Table(tuple(columns), rows)


if __name__ == "__main__":
    main()
