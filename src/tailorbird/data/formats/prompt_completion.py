"""`{"prompt": "", "completion": ""}`; each is a string or a list of messages."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats.base import Draft, conversation, text_of, turn
from tailorbird.task.types import Message, Role


def recognise(row: Any) -> bool:
    """Whether the row has a prompt and a completion."""
    return isinstance(row, Mapping) and {"prompt", "completion"} <= row.keys()


def convert(row: Any) -> Draft:
    """The last turn of the completion is the target."""
    return conversation([*_turns(row, "prompt", "user"), *_turns(row, "completion", "assistant")])


def _turns(row: Mapping[str, Any], name: str, role: Role) -> list[Message]:
    value = row[name]
    if isinstance(value, list):
        return [turn(message) for message in value]
    return [Message(role, text_of(value, name) or "")]
