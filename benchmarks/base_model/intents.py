"""Choosing a label, with and without examples."""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from random import Random

from base_model.subject import SEED, Subject
from base_model.table import Cell, Table, interval
from tailorbird.approaches._prompted import Demonstration, build_prompt
from tailorbird.models.base import LM, TokenLogprobs
from tailorbird.task.types import Example, Prompt

NEEDS: tuple[str, ...] = ("clinc150/data_full.json",)
"""Files of the data folder."""

SORTING = "Name the intent of the message.\nAnswer with one of these labels: "
"""In the words of the mix and of the prompting rungs; the labels follow."""
SIZES, SHOTS = (5, 10), (0, 1, 2, 4)
"""Labels to choose from, and examples of each that are shown."""
QUERIES = 10
"""Test messages of each label."""
LABEL_TOKENS = 32
"""Room that a prompt leaves for a label."""

Messages = dict[str, list[str]]
"""Label -> messages."""


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """CLINC150 (Larson et al. 2019, EMNLP): messages to an assistant, 150 intents.

    Choosing from `SIZES` labels drawn at random, the same for every number of examples; examples
    are earlier turns from the training split, in a random order. The label with the highest
    probability is the answer, as in the prompting rungs. Intervals hold the messages of one draw
    of labels together.
    """
    text = (options.data_folder / NEEDS[0]).read_text("utf-8")
    train, test = (by_label(json.loads(text)[split]) for split in ("train", "test"))
    rows = [
        sorting_row(subject.lm, train, test, size, shots, options.subsets)
        for size in SIZES
        for shots in SHOTS
    ]
    columns = ("labels", "examples of each", "accuracy", "chance", "longest prompt", "messages")
    return Table((*columns, "draws of labels"), rows)


def by_label(pairs: Sequence[tuple[str, str]]) -> Messages:
    messages: Messages = defaultdict(list)
    for text, label in pairs:
        messages[label].append(text)
    return messages


def sorting_row(
    lm: LM, train: Messages, test: Messages, size: int, shots: int, subsets: int
) -> tuple[Cell, ...]:
    """Accuracy over all draws of labels; none where a prompt is longer than the context."""
    marks: list[float] = []
    groups: list[str] = []
    longest = 0
    for draw in range(subsets):
        rng = Random(f"{SEED} {size} {draw}")
        labels = rng.sample(sorted(train), size)
        wanted = [label for label in labels for _ in test[label][:QUERIES]]
        prompts = sorting_prompts(rng, labels, train, test, shots)
        if any((lm.room(p, LABEL_TOKENS) or 0) < 0 for p in prompts):
            return size, shots, "too long for the context", 100 / size, None, 0, 0
        scores = lm.score(prompts, labels)
        marks += [float(likeliest(row) == labels.index(w)) for row, w in zip(scores, wanted)]
        groups += [str(draw)] * len(wanted)
        longest = max(longest, *(row[0].prompt_tokens for row in scores))
    return size, shots, interval(marks, groups), 100 / size, longest, len(marks), subsets


def likeliest(row: Sequence[TokenLogprobs]) -> int:
    return max(range(len(row)), key=lambda i: row[i].total)


def sorting_prompts(
    rng: Random, labels: list[str], train: Messages, test: Messages, shots: int
) -> list[Prompt]:
    """One prompt per test message; those of one draw share their examples."""
    pool = {label: rng.sample(train[label], max(SHOTS)) for label in labels}
    examples = [Demonstration(text, label) for label in labels for text in pool[label][:shots]]
    rng.shuffle(examples)
    system = SORTING + ", ".join(labels)
    return [
        build_prompt(system, Example("", text), examples)
        for label in labels
        for text in test[label][:QUERIES]
    ]
