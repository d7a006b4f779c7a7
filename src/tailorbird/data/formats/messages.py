"""OpenAI's chat format: `{"messages": [{"role": "user", "content": "..."}, ...]}`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats.base import Draft, Unusable, conversation, turn


def recognise(row: Any) -> bool:
    """Whether the row holds a list of messages."""
    return isinstance(row, Mapping) and isinstance(row.get("messages"), list)


def convert(row: Any) -> Draft:
    """The last assistant turn is the target. Raises `Unusable` for tool turns and images."""
    messages = row["messages"]
    draft = conversation([turn(message) for message in messages])
    if messages[-1].get("weight") == 0:
        raise Unusable("the last assistant turn has weight 0")
    return replace(draft, notes=("tool definitions left out",)) if row.get("tools") else draft
