"""Which of two sentences is grammatical."""

import argparse
import gzip
import json
from collections import defaultdict

from base_model.subject import Subject
from base_model.table import Table, interval
from tailorbird.evaluate.capabilities.blimp import first_of_each
from tailorbird.models.text import log_probabilities

NEEDS: tuple[str, ...] = ("blimp/blimp.jsonl.gz",)
"""Files of the data folder."""


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """BLiMP (Warstadt et al. 2020, TACL 8:377): 67 paradigms of pairs that differ in grammar.

    A pair is right when the acceptable sentence has the higher probability, summed over its
    tokens after the start token; what would end the text is not counted. Chance is 50 %.
    """
    with gzip.open(options.data_folder / NEEDS[0], "rt", encoding="utf-8") as file:
        pairs = first_of_each(map(json.loads, file), options.per_paradigm)
    texts = [pair[f"sentence_{kind}"] for pair in pairs for kind in ("good", "bad")]
    rows = [[subject.start, *subject.ids(text)] for text in texts]
    totals = log_probabilities(subject.parts[0], rows)
    marks: dict[str, list[float]] = defaultdict(list)
    for pair, good, bad in zip(pairs, totals[::2], totals[1::2]):
        for name in ("all", pair["linguistics_term"]):
            marks[name].append(float(good > bad))
    found = [(name, interval(m), len(m)) for name, m in marks.items()]
    return Table(("phenomenon", "accuracy", "pairs"), found, "Wilson intervals; a pair is a unit.")
