"""Small honest tasks, made in code: a shop's messages to label, and questions on its handbook."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tailorbird.store import write_json, write_text
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec
from tailorbird.task.types import SPLITS

_ITEMS = ("kettle", "desk lamp", "rucksack", "toaster", "armchair", "radio", "teapot", "bookcase")
_SAID = {
    "billing": (
        "I was charged twice for the {}.",
        "The invoice for my {} shows the wrong amount.",
        "Why did the price of the {} change on my card statement?",
    ),
    "delivery": (
        "When will the {} arrive?",
        "The courier never brought my {}.",
        "Please send the {} to my new address.",
    ),
    "returns": (
        "I want to send the {} back.",
        "The {} is broken, may I return it?",
        "How do I exchange the {} for another one?",
    ),
    "opening_hours": (
        "Is the shop open on Sunday? I want to see the {}.",
        "At what time do you open, so that I can look at the {}?",
        "Until when are you open to collect the {}?",
    ),
}
"""Label -> what customers say about an item."""
_TURN = {"train": slice(0, 4), "dev": slice(4, 5), "test": slice(5, 8)}
"""Which items a split speaks of: no message stands in two splits."""

_DOCUMENTS = {
    "returns": "You may return an item within 14 days. Refunds are paid within 5 working days.",
    "delivery": "Standard delivery costs £4.50. Express delivery costs £12 and takes 2 days.",
    "guarantee": "Lamps have a guarantee of 24 months. Quote the code LW-20 when you write.",
    "contact": "Call 01632 960 200 from 9 am. Complaints are read by Nadia Holm.",
    "gift-cards": "A gift card is valid for 18 months. The largest one is worth £250.",
    "repairs": "A repair costs £35. The workshop needs 10 working days.",
}
_ASKED: tuple[tuple[str | None, str, str, tuple[str, ...]], ...] = (
    ("returns", "how long may I keep an item before I return it", "Within 14 days.", ("14 days",)),
    ("returns", "when is a refund paid", "Within 5 working days.", ("5 working days",)),
    ("delivery", "what does standard delivery cost", "It costs £4.50.", ("£4.50",)),
    ("delivery", "what does express delivery cost", "It costs £12.", ("£12",)),
    ("guarantee", "how long is the guarantee on lamps", "It lasts 24 months.", ("24 months",)),
    ("guarantee", "which code do I quote for the guarantee", "Quote LW-20.", ("LW-20",)),
    ("contact", "which number do I call", "Call 01632 960 200.", ("01632 960 200",)),
    ("contact", "who reads complaints", "Nadia Holm reads them.", ("Nadia Holm",)),
    ("gift-cards", "how long is a gift card valid", "For 18 months.", ("18 months",)),
    ("gift-cards", "how much is the largest gift card", "It is worth £250.", ("£250",)),
    ("repairs", "what does a repair cost", "It costs £35.", ("£35",)),
    ("repairs", "how long does a repair take", "It takes 10 working days.", ("10 working days",)),
    (None, "where can I park", "The handbook does not say.", ()),
    (None, "do you hire students", "The handbook does not say.", ()),
    (None, "do you sell to other shops", "The handbook does not say.", ()),
)
"""Supporting document, question, answer, required facts."""
_WORDINGS = {
    "train": ("{}?", "Hello, {}? Thank you."),
    "dev": ("A question: {}?",),
    "test": ("Please tell me, {}?", "Good morning, {}? Kind regards.", "I wonder: {}?"),
}


def small_task(kind: Literal["label", "answer"], folder: Path) -> Task:
    """Write a task into `folder`, data and all, and load it.

    label: four labels, 48 training and 36 test messages. answer: six documents, facts, sources
    and questions that no document answers; 30 training and 45 test questions.
    """
    rows = _label_rows if kind == "label" else _answer_rows
    for split in SPLITS:
        _write_rows(folder / f"{split}.jsonl", rows(split))
    if kind == "answer":
        documents = ({"id": i, "title": i.title(), "text": t} for i, t in _DOCUMENTS.items())
        _write_rows(folder / "documents.jsonl", documents)
    # JSON is YAML, too.
    write_json(folder / "task.yaml", _SPEC | (_LABEL_SPEC if kind == "label" else _ANSWER_SPEC))
    return load_task(load_spec(folder), folder)


def _label_rows(split: str) -> Iterator[Mapping[str, Any]]:
    for item in _ITEMS[_TURN[split]]:
        for label, messages in _SAID.items():
            for message in messages:
                yield {"input": message.format(item), "target": label}


def _answer_rows(split: str) -> Iterator[Mapping[str, Any]]:
    for wording in _WORDINGS[split]:
        for document, question, answer, facts in _ASKED:
            yield {
                "input": wording.format(question),
                "target": answer,
                "sources": [document] if document else [],
                "facts": facts,
                "answerable": document is not None,
                "topic": document or "other",
            }


def _write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


_SPEC: dict[str, Any] = {
    "data": {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"},
    "rungs": ["majority", "nearest", "linear"],
}
_LABEL_SPEC: dict[str, Any] = {
    "name": "small-label",
    "goal": "Name what a customer's message is about.",
    "kind": "label",
    "outputs": {"max_tokens": 8},
    "bar": {"primary": {"metric": "label", "at_least": 0.8}},
}
_ANSWER_SPEC: dict[str, Any] = {
    "name": "small-answer",
    "goal": "Answer the customer from the handbook in one short sentence.",
    "kind": "answer",
    "data": _SPEC["data"]
    | {
        "columns": {
            "sources": "sources",
            "facts": "facts",
            "answerable": "answerable",
            "fields": ["topic"],
        }
    },
    "documents": {"path": "documents.jsonl", "chunk_words": 40},
    "outputs": {"abstain": "The handbook does not say", "max_tokens": 16},
    "bar": {
        "primary": {"metric": "facts", "at_least": 0.8},
        "guards": [{"metric": "unsupported", "at_most": 0.1}],
    },
}
