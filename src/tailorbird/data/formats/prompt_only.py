"""Prompts alone, as TRL reads them for GRPO: `{"prompt": ""}`, with any further columns."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import tools_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, others
from tailorbird.data.formats.prompt_completion import written

HOLDS = {
    "messages": CHAT | {"prompt", "prefill"},
    "text": frozenset({"prompt", "further"}),
}
KEYS = ("prompt", "tools")
EXAMPLES = False
_ANSWERED = frozenset(
    {"completion", "chosen", "rejected", "answers", "answer", "response", "output", "target",
     "reward_model", "messages", "conversations", "instruction"}
)  # fmt: skip


def recognise(row: Any) -> bool:
    """Whether the row has a prompt, and nothing that could be its answer."""
    return isinstance(row, Mapping) and "prompt" in row and not _ANSWERED & row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """What stands beside the prompt is kept as further columns."""
    return Record(
        turns_of(row.get("prompt"), "prompt", "user"),
        tools=tools_of(row.get("tools")),
        further=others(row, *KEYS),
        spelling={"dialect": "text" if isinstance(row.get("prompt"), str) else "messages"},
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The prompt, and `tools` where there are any."""
    row: dict[str, Any] = {"prompt": written(record.prompt, dialect)}
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, **record.further}
