"""How often the passages found state every required fact, by kind of retriever and their number.

    python benchmarks/retrieval.py studies/insurance-email [--kinds dense cases trained]
        [--words 20] [--hold-out] [--test] [--data-folder DATA] [--cache FOLDER]

Measured on the answerable examples of `dev`. `--hold-out` (for the insurance study) draws new mails
from its generator, of which the retriever learns from 4,000 and is measured on 500 others: their
questions are worded otherwise (a seventh of every question's wordings is kept for them), and
every twelfth group of questions is asked in them alone. Training time is processor time.
"""

import argparse
import importlib.util
import json
import random
import sys
import time
import tomllib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tailorbird.retrieve.passages import PassageIndex
from tailorbird.task.benchmark import load_task
from tailorbird.task.facts import states
from tailorbird.task.task import load_spec
from tailorbird.task.types import Example

DEPTHS = (1, 2, 3, 4)

Splits = tuple[Sequence[Example], dict[str, Sequence[Example]]]
"""What is learned from, and what is measured on, by name."""


def held_out(study: Path) -> Splits:
    """Mails of the study's generator: some wordings, and some questions, are held out."""
    spec = importlib.util.spec_from_file_location("generate", study / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = generate
    spec.loader.exec_module(generate)
    lines = (study / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    families = [generate.Family(**json.loads(line)) for line in lines]
    phrases = tomllib.loads((study / "phrases.toml").read_text(encoding="utf-8"))
    never = set(sorted({f.group for f in families})[::12])
    rng, seen, held = random.Random(5), [], []
    for family in families:
        wordings = rng.sample(family.questions, len(family.questions))
        n = max(1, len(wordings) // 7)
        held.append(family._replace(questions=wordings[:n]))
        if family.group not in never:
            seen.append(family._replace(questions=wordings[n:]))
    learned = [example(r) for r in islice(generate.rows(seen, phrases, 0), 4000)]
    others = [example(r) for r in islice(generate.rows(held, phrases, 1), 500)]
    return learned, {
        "new wordings": [e for e in others if e.group not in never],
        "new questions": [e for e in others if e.group in never],
    }


def example(row: dict[str, Any]) -> Example:
    return Example(
        row["id"], row["email"], row["reply"], tuple(row["sources"]), tuple(row["facts"]),
        row["answerable"], row["group"],
    )  # fmt: skip


def recall(index: PassageIndex, examples: Sequence[Example]) -> dict[str, Any]:
    """Share of the answerable examples all of whose facts stand in the first k passages."""
    asked = [e for e in examples if e.answerable and e.facts]
    rows = index.search([e.text for e in asked], max(DEPTHS))
    found: dict[str, Any] = {"n": len(asked)}
    for k in DEPTHS:
        right = [
            all(any(states(p.shown, fact) for p in row[:k]) for fact in e.facts)
            for e, row in zip(asked, rows)
        ]
        found[f"first {k}"] = round(100 * sum(right) / len(right))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    kinds = ["sparse", "dense", "hybrid", "cases", "trained"]
    parser.add_argument("--kinds", nargs="+", default=kinds)
    parser.add_argument("--words", type=int, help="documents.chunk_words")
    parser.add_argument("--hold-out", action="store_true", help="measure on new mails too")
    parser.add_argument("--test", action="store_true", help="measure on test too")
    parser.add_argument("--data-folder", type=Path)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    task = load_task(load_spec(options.study, {}), options.study, options.data_folder)
    assert task.spec.documents, "the study names no documents"
    words = options.words or task.spec.documents.chunk_words
    learned, measured = task.examples("train"), {}
    if options.hold_out:
        learned, measured = held_out(options.study)
    measured["dev"] = task.examples("dev")
    if options.test:
        measured["test"] = task.examples("test")
    rows = []
    for kind in options.kinds:
        begun = time.process_time()
        index = PassageIndex.build(task.documents, words, kind, options.cache, learned)
        seconds = round(time.process_time() - begun)
        for name, examples in measured.items():
            rows.append(
                {"kind": kind, "words": words, "on": name, **recall(index, examples), "s": seconds}
            )
            print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
