"""OpenAI's reinforcement files: `{"messages": [], "tools": [], "reference_answer": ...}`.

The reference answer is any JSON value; it and further columns are what a grader compares with.
"""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import messages_of, tools_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others
from tailorbird.data.formats.messages import answered

HOLDS = {"": CHAT | {"reference", "unprompted"}}
KEYS = ("messages", "tools", "reference_answer")
EXAMPLES = True


def recognise(row: Any) -> bool:
    """Whether the row has messages without an answer, and a reference answer."""
    messages = row.get("messages") if isinstance(row, Mapping) else None
    return isinstance(messages, list) and "reference_answer" in row and not answered(messages)


def read(row: Mapping[str, Any]) -> Record:
    """All messages are the prompt. Raises `Unusable`."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise Unusable("messages is not a list")
    return Record(
        turns_of(messages, "messages", "user"),
        reference=row.get("reference_answer"),
        tools=tools_of(row.get("tools")),
        further=others(row, *KEYS),
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The reference answer comes last, before further columns."""
    row: dict[str, Any] = {"messages": messages_of(record.prompt)}
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, "reference_answer": record.reference, **record.further}
