"""Whether the very rows that fledgling was trained on hold test items of a study."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from base_model.subject import Subject
from base_model.table import Cell, Table
from tailorbird.data.overlap import Protected

NEEDS: tuple[str, ...] = ("clinc150/data_full.json",)
"""Files of the data folder."""
STUDIES = Path(__file__).parents[2] / "studies"
CHOSEN = (10, 13)
"""Words in common that count; 13 is what Brown et al. 2020 (appendix C) took."""


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """Test items that share a run of words with a training row (`--rows`: their folders).

    Items of fewer than five words are not looked for, shorter ones than the run as a whole.
    """
    tests = {
        "insurance-email": _jsonl(STUDIES / "insurance-email" / "test.jsonl", "email"),
        "vagov-procedures": _jsonl(STUDIES / "vagov-procedures" / "test.jsonl", "question"),
        "procedure-qa": _jsonl(STUDIES / "procedure-qa" / "test.jsonl", "question"),
        "clinc150": _clinc(options.data_folder / NEEDS[0]),
    }
    items = {f"{name} {i}": text for name, rows in tests.items() for i, text in rows.items()}
    rows: list[tuple[Cell, ...]] = []
    for words in CHOSEN:
        protected = Protected(items, words)
        found = protected.found_in_all(texts(options.rows))
        for name, own in tests.items():
            unchecked = sum(u.startswith(name) for u in protected.unchecked)
            runs = [o.run for o in found if o.name.startswith(name)]
            counts = len(runs), len(own) - unchecked, len(own)
            rows.append((name, words, *counts, "; ".join(dict.fromkeys(runs[:3]))))
    columns = ("test set", "words in common", "found", "looked for", "items", "for example")
    return Table(columns, rows)


def texts(folders: list[Path]) -> Iterator[str]:
    """Every document of the rows, decoded by the tokenizer that they were written with."""
    for folder in folders:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder.parents[1] / "tokenizer")
        tokens = np.load(folder / "tokens.npy", mmap_mode="r")
        segment = np.load(folder / "segment.npy", mmap_mode="r")
        for row, parts in zip(tokens, segment):
            cuts = np.flatnonzero(parts[1:] != parts[:-1]) + 1
            for ids in np.split(row, cuts):
                yield tokenizer.decode(ids.tolist(), skip_special_tokens=True)


def _jsonl(path: Path, column: str) -> dict[str, str]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {str(i): row[column] for i, row in enumerate(rows)}


def _clinc(path: Path) -> dict[str, str]:
    splits = json.loads(path.read_text("utf-8"))
    pairs = [*splits["test"], *splits["oos_test"]]
    return {str(i): text for i, (text, _) in enumerate(pairs)}
