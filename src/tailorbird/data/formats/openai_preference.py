"""OpenAI's preferences: `{"input": {"messages": []}, "preferred_output": [], ...}`.

The other answer is `non_preferred_output`; `tools` and `parallel_tool_calls` stand in `input`.
"""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import known, messages_of, tools_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others
from tailorbird.data.formats.preference import behind

HOLDS = {"": CHAT | {"ranking", "long_answers"}}
KEYS = ("input", "preferred_output", "non_preferred_output")
EXAMPLES = False
_ANSWERS = ("preferred_output", "non_preferred_output")
_PARALLEL = "parallel_tool_calls"


def recognise(row: Any) -> bool:
    """Whether the row has a preferred output and one that is not."""
    return isinstance(row, Mapping) and set(_ANSWERS) <= row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """Raises `Unusable` where `input` holds no messages."""
    given = row.get("input")
    messages = given.get("messages") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(messages, list):
        raise Unusable("input holds no messages")
    known(given, "input", "messages", "tools", _PARALLEL)
    prompt = turns_of(messages, "input", "user")
    return Record(
        prompt,
        tuple(behind(prompt, row.get(name), name) for name in _ANSWERS),
        tools=tools_of(given.get("tools")),
        further=others(row, *KEYS) | others(given, "messages", "tools"),
        spelling={"tools": given.get("tools")},
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """`tools` is written where there are some, or where the row that was read had an empty list."""
    given: dict[str, Any] = {"messages": messages_of(record.prompt)}
    if record.tools or record.spelling.get("tools") == []:
        given["tools"] = list(record.tools)
    further = dict(record.further)
    if _PARALLEL in further:
        given[_PARALLEL] = further.pop(_PARALLEL)
    if any(turns[: len(record.prompt)] == record.prompt for turns in record.answers):
        raise Unusable("an answer that begins with the prompt")
    outputs = {name: messages_of(turns) for name, turns in zip(_ANSWERS, record.answers)}
    return {"input": given, **outputs, **further}
