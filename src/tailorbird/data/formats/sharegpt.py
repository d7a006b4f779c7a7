"""ShareGPT: `{"conversations": [{"from": "human", "value": "..."}, ...], "system": "..."}`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats.base import Draft, conversation, text_of, turn
from tailorbird.task.types import Message


def recognise(row: Any) -> bool:
    """Whether the row holds a list of conversation turns."""
    return isinstance(row, Mapping) and isinstance(row.get("conversations"), list)


def convert(row: Any) -> Draft:
    """The last assistant turn is the target. Raises `Unusable` for tool turns."""
    turns = [turn(message) for message in row["conversations"]]
    system = text_of(row.get("system"), "system")
    if system:
        turns.insert(0, Message("system", system))
    draft = conversation(turns)
    return replace(draft, notes=("tool definitions left out",)) if row.get("tools") else draft
