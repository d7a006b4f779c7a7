"""Alpaca: `{"instruction": "", "input": "", "output": "", "system": "", "history": [[q, a]]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

from tailorbird.data.formats.base import Draft, Unusable, conversation, text_of
from tailorbird.task.types import Message


def recognise(row: Any) -> bool:
    """Whether the row has an instruction and an output."""
    return isinstance(row, Mapping) and {"instruction", "output"} <= row.keys()


def convert(row: Any) -> Draft:
    """Instruction and input, joined by a newline as LLaMA-Factory does, are the last user turn."""
    parts = [text_of(row.get(name), name) for name in ("instruction", "input")]
    asked = Message("user", "\n".join(part for part in parts if part))
    answer = Message("assistant", text_of(row["output"], "output") or "")
    return conversation([*_earlier(row), asked, answer])


def _earlier(row: Mapping[str, Any]) -> Iterator[Message]:
    system = text_of(row.get("system"), "system")
    if system:
        yield Message("system", system)
    history = row.get("history") or []
    pairs = isinstance(history, list) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in history
    )
    if not pairs:
        raise Unusable("history is not a list of [question, answer] pairs")
    for question, answer in history:
        yield Message("user", text_of(question, "history") or "")
        yield Message("assistant", text_of(answer, "history") or "")
