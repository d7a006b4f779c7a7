"""Do the intervals of metrics over all answers cover the truth, and what do they take?

python benchmarks/metric_intervals.py             coverage on simulated test splits, and seconds
python benchmarks/metric_intervals.py --splits 50 quicker and rougher

Three labels; probabilities are the true ones (honest) or too sure (boastful). The truth is the
metric on 40,000 items of the same kind.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

from tailorbird.evaluate.metrics.base import estimate
from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import Example, Prediction

METRICS = ("macro_f1", "weighted_f1", "roc_auc", "pr_auc", "brier", "ece")
SHARES = {"balanced": (1 / 3, 1 / 3, 1 / 3), "skewed": (0.8, 0.1, 0.1)}
Answers = tuple[list[Example], list[Prediction]]


def split(n: int, shares: tuple[float, ...], too_sure: float, seed: int) -> Answers:
    """Gold labels, and predictions from normal evidence about each label."""
    rng = np.random.default_rng(seed)
    strength = 2.0
    gold = rng.choice(len(shares), n, p=shares)
    evidence = rng.normal(size=(n, len(shares))) + strength * np.eye(len(shares))[gold]
    logits = too_sure * (strength * evidence + np.log(shares))
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    labels = [f"l{i}" for i in range(len(shares))]
    examples = [Example(str(i), "", labels[g]) for i, g in enumerate(gold)]
    predictions = [
        Prediction(labels[row.argmax()], dict(zip(labels, map(float, row))), float(row.max()))
        for row in odds
    ]
    return examples, predictions


def task(labels: int) -> Task:
    """A task of so many labels."""
    spec = TaskSpec.model_validate(
        {
            "name": "simulated",
            "goal": "Label it.",
            "kind": "label",
            "data": {"train": "-", "test": "-"},
            "outputs": {"labels": [f"l{i}" for i in range(labels)]},
            "bar": {"primary": {"metric": "label", "at_least": 0.5}},
            "rungs": ["majority"],
        }
    )
    return Task(spec, {})


def coverage(n: int, shares: str, too_sure: float, splits: int) -> Iterator[str]:
    """For each metric, the share of splits whose interval holds the truth, and its mean width."""
    of = task(len(SHARES[shares]))
    population = split(40_000, SHARES[shares], too_sure, 10**6)
    truth = {m: module("evaluate.metrics", m).weighted(*population, of).value for m in METRICS}
    found = [split(n, SHARES[shares], too_sure, seed) for seed in range(splits)]
    for metric in METRICS:
        intervals = [estimate(metric, *answers, of, i) for i, answers in enumerate(found)]
        held = np.mean([e.low <= truth[metric] <= e.high for e in intervals])
        width = np.mean([e.high - e.low for e in intervals])
        yield f"{metric} {100 * held:.0f} % ({width:.3f})"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=200)
    splits = parser.parse_args().splits
    for shares in SHARES:
        for name, too_sure in (("honest", 1.0), ("boastful", 2.0)):
            for n in (50, 200):
                cells = ", ".join(coverage(n, shares, too_sure, splits))
                print(f"{shares}, {name}, n = {n}: {cells}", flush=True)
    for labels in (3, 77, 150):
        answers, of = split(5_000, (1 / labels,) * labels, 1.0, 0), task(labels)
        for metric in METRICS:
            begun = time.process_time()
            estimate(metric, *answers, of, 0)
            print(f"5,000 items, {labels} labels, {metric}: {time.process_time() - begun:.1f} s")


if __name__ == "__main__":
    main()
