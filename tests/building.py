"""Tasks made in one line, for tests that need a few chosen examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from tailorbird.task.benchmark import Task
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import Document, Example

SPEC: dict[str, Any] = {
    "name": "made",
    "goal": "Do it.",
    "kind": "label",
    "data": {"train": "a.jsonl", "test": "b.jsonl"},
    "bar": {"primary": {"metric": "label", "at_least": 0.8}},
    "rungs": ["majority"],
}
ANSWERS = {
    "kind": "answer",
    "bar": {"primary": {"metric": "facts", "at_least": 0.8}},
    "outputs": {"abstain": "The pages do not say", "max_tokens": 8},
}


def spec(**changes: Any) -> TaskSpec:
    return parse(TaskSpec, SPEC | changes, "task.yaml")


def examples(pairs: Sequence[tuple[str, str]], split: str = "train") -> tuple[Example, ...]:
    return tuple(Example(f"{split}-{i}", text, target) for i, (text, target) in enumerate(pairs))


def task(
    train: Sequence[tuple[str, str]] | Sequence[Example] = (),
    test: Sequence[Example] = (),
    documents: Mapping[str, str] | None = None,
    dev: Sequence[Example] = (),
    chunk_words: int = 160,
    **changes: Any,
) -> Task:
    """A task of `(input, target)` pairs or examples; `documents`: id -> text."""
    known = [
        e if isinstance(e, Example) else examples([e], f"t{i}")[0] for i, e in enumerate(train)
    ]
    if documents is not None:
        changes["documents"] = {"path": "documents", "chunk_words": chunk_words}
    return Task(
        spec(**changes),
        {"train": tuple(known), "dev": tuple(dev), "test": tuple(test)},
        tuple(Document(i, i.title(), text) for i, text in (documents or {}).items()),
    )
