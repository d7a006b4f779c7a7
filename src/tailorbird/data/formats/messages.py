"""OpenAI's chat format: `{"messages": [{"role": "user", "content": "..."}, ...], "tools": []}`.

Its tool calls hold their arguments as text; where they are objects (dialect `objects`, read by
chat templates, TRL and NeMo), they are written so again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats._turns import closed, has_objects, messages_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others

_HELD = CHAT | {"answer", "prompt", "unprompted"}
HOLDS = {"openai": _HELD, "objects": _HELD}
KEYS = ("messages", "tools")
EXAMPLES = True
_NOT_HERE = frozenset({"schemaVersion", "rejected", "kto_tag"})


def recognise(row: Any) -> bool:
    """Whether the row holds a list of messages, and nothing that makes it another format."""
    messages = row.get("messages") if isinstance(row, Mapping) else None
    if not isinstance(messages, list) or _NOT_HERE & row.keys():
        return False
    if "reference_answer" in row and not answered(messages):
        return False
    return not (blocks_only(messages) or has_candidates(messages))


def answered(messages: list[Any]) -> bool:
    """Whether an assistant speaks last."""
    last = messages[-1] if messages else None
    return isinstance(last, Mapping) and last.get("role") == "assistant"


def blocks_only(messages: list[Any]) -> bool:
    """Whether all content is Bedrock's: lists of blocks that name no type."""
    contents = [m.get("content") if isinstance(m, Mapping) else None for m in messages]
    return bool(contents) and all(
        isinstance(content, list)
        and content != []
        and all(isinstance(block, Mapping) and "type" not in block for block in content)
        for content in contents
    )


def has_candidates(messages: list[Any]) -> bool:
    """Whether a turn holds the candidates of a preference, as SageMaker writes them."""
    return any(isinstance(m, Mapping) and "candidates" in m for m in messages)


def read(row: Mapping[str, Any]) -> Record:
    """The last turn is the answer, if it is an assistant's."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise Unusable("messages is not a list")
    turns = turns_of(messages, "messages", "user")
    spelling = {"dialect": "objects"} if has_objects(turns) else {}
    further = others(row, *KEYS)
    return replace(closed(turns, row), further=further, spelling=spelling)


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Prompt and answer as one list."""
    row: dict[str, Any] = {"messages": messages_of(record.turns, dialect == "objects")}
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, **record.further}
