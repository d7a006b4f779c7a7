"""Raw text, for continued pre-training: `{"text": "..."}`."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats.base import Record, Unusable, others, text_of

HOLDS = {"": frozenset({"text", "further"})}
KEYS = ("text",)
EXAMPLES = False
_NOT_HERE = frozenset(
    {"messages", "conversations", "prompt", "instruction", "query", "input", "chosen", "rejected",
     "completion", "request"}
)  # fmt: skip


def recognise(row: Any) -> bool:
    """Whether the row has a text, and no conversation beside it."""
    return isinstance(row, Mapping) and "text" in row and not _NOT_HERE & row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """Raises `Unusable` where there is no text."""
    text = text_of(row.get("text"), "text")
    if text is None:
        raise Unusable("no text")
    return Record(text=text, further=others(row, *KEYS))


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The text comes first."""
    return {"text": record.text, **record.further}
