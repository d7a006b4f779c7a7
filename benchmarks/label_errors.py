"""How well the doctor finds labels that were made wrong, and what such labels cost a rung.

    OMP_NUM_THREADS=1 python benchmarks/label_errors.py DATA [--seed 0] [--features tfidf]

DATA holds `clinc150` (15,000 training rows of 150 intents) and `bitext_support` (6,480 rows of 27
intents, of which a fifth is kept for testing). A share of the training labels is replaced: by any
other label (random), or by the one that a classifier most often takes for it (similar). Labels
that were wrong before count as falsely suspected. Brackets: 95 % intervals.
"""

import argparse
import csv
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tailorbird.approaches._classifier import Head
from tailorbird.approaches.linear import TfIdf
from tailorbird.data.doctor.base import Finding, Patient, make_check
from tailorbird.evaluate.statistics import estimate_mean
from tailorbird.task.types import Example

Pairs = list[tuple[str, str]]
"""Inputs with their labels."""
SHARES = (0.0, 0.02, 0.05, 0.1)


class Pool(NamedTuple):
    """One data set."""

    train: Pairs
    test: Pairs


def clinc(folder: Path) -> Pool:
    data = json.loads((folder / "data_full.json").read_text("utf-8"))
    return Pool([(t, y) for t, y in data["train"]], [(t, y) for t, y in data["test"]])


def bitext(folder: Path, seed: int) -> Pool:
    with (folder / "support_v1_canned.csv").open(encoding="utf-8", newline="") as file:
        rows = [(r["instruction"], r["intent"]) for r in csv.DictReader(file)]
    random.Random(seed).shuffle(rows)
    fifth = len(rows) // 5
    return Pool(rows[fifth:], rows[:fifth])


def answers(train: Pairs, test: Pairs) -> list[str]:
    """What a linear rung that was trained on `train` answers in test."""
    features = TfIdf.fit([text for text, _ in train])
    head = Head.fit(features([t for t, _ in train]), [y for _, y in train], 30.0)
    found = head.probabilities(features([t for t, _ in test]))
    return [head.classes[i] for i in found.argmax(axis=1)]


def taken_for(pool: Pool) -> Mapping[str, str]:
    """Each label -> the one that it is most often taken for."""
    confused: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, gold), answer in zip(pool.test, answers(*pool)):
        if answer != gold:
            confused[gold][answer] += 1
    labels = sorted({y for _, y in pool.train})
    return {
        y: confused[y].most_common(1)[0][0] if confused[y] else labels[n - 1]
        for n, y in enumerate(labels)
    }


def spoilt(train: Pairs, share: float, similar: Mapping[str, str] | None, seed: int) -> Pairs:
    """`train` with a share of its labels replaced."""
    rng = random.Random(seed)
    labels = sorted({y for _, y in train})
    wrong = set(rng.sample(range(len(train)), round(share * len(train))))

    def other(label: str) -> str:
        return similar[label] if similar else rng.choice([y for y in labels if y != label])

    return [(t, other(y) if n in wrong else y) for n, (t, y) in enumerate(train)]


def suspected(train: Pairs, features: str, cache: Path) -> Finding | None:
    """What the doctor says of likely errors."""
    rows = [Example(str(n), text, label) for n, (text, label) in enumerate(train)]
    patient = Patient(None, {"train": len(rows)}, cache, quiet=True)
    examination = make_check("labels", {"features": features}).start(patient)
    examination.look("train", rows)
    return next((f for f in examination.findings() if "suspects" in f.details), None)


def share_of(hits: Sequence[bool]) -> str:
    found = estimate_mean([float(h) for h in hits], [None] * len(hits), 0)
    if found is None:
        return "-"
    return f"{100 * found.value:.0f} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def right(answered: Sequence[str], test: Pairs) -> float:
    return sum(a == y for a, (_, y) in zip(answered, test)) / len(test)


def report(name: str, pool: Pool, options: argparse.Namespace, cache: Path) -> None:
    similar, sound = taken_for(pool), right(answers(*pool), pool.test)
    print(f"\n{name}: {len(pool.train):,} rows; a linear rung is right in {100 * sound:.1f} %")
    print("errors      %  suspects  wrong %       at k %       recall %     expected  label %"
          "  lost  mended  s")  # fmt: skip
    for kind, chosen in (("random", None), ("similar", similar)):
        for share in SHARES if chosen is None else SHARES[1:]:
            train = spoilt(pool.train, share, chosen, options.seed)
            begun = time.process_time()
            finding = suspected(train, options.features, cache)
            seconds = time.process_time() - begun
            changes = dict(finding.remedy.changes) if finding and finding.remedy else {}
            wrong = {str(n) for n, (a, b) in enumerate(zip(train, pool.train)) if a != b}
            hits = [row in wrong for row in changes]
            good = [pool.train[int(r)][1] == y for r, y in changes.items() if r in wrong]
            mended = [(t, str(changes.get(str(n), y))) for n, (t, y) in enumerate(train)]
            lost = sound - right(answers(train, pool.test), pool.test)
            left = sound - right(answers(mended, pool.test), pool.test)
            expected = finding.details["expected"] if finding else 0
            print(
                f"{kind:8} {100 * share:4.0f} {len(changes):9,}  {share_of(hits):12} "
                f"{share_of(hits[: len(wrong)]) if wrong else '-':12} "
                f"{share_of([w in changes for w in wrong]):12} {expected:8.0f} "
                f"{100 * sum(good) / max(1, len(good)):8.0f} {100 * lost:5.1f} {100 * left:7.1f}"
                f" {seconds:3.0f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", choices=["tfidf", "encoder"], default="tfidf")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report("clinc150", clinc(options.data / "clinc150"), options, Path(folder))
        report(
            "bitext", bitext(options.data / "bitext_support", options.seed), options, Path(folder)
        )


if __name__ == "__main__":
    main()
