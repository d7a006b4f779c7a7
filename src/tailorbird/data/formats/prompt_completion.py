"""`{"prompt": "", "completion": ""}`; lists of messages (dialect `messages`) or texts (`text`)."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import messages_of, tools_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Speaker, Turns, others

HOLDS = {
    "messages": CHAT | {"answer", "long_answers"},
    "text": frozenset({"answer", "further"}),
}
KEYS = ("prompt", "completion", "tools")
EXAMPLES = True


def recognise(row: Any) -> bool:
    """Whether the row has a prompt and a completion that nobody judged."""
    return (
        isinstance(row, Mapping)
        and {"prompt", "completion"} <= row.keys()
        and not ("kto_tag" in row or isinstance(row.get("label"), bool))
    )


def read(row: Mapping[str, Any]) -> Record:
    """A text is one turn: the prompt the user's, the completion the assistant's."""
    text = isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str)
    return Record(
        _turns(row, "prompt", "user"),
        (_turns(row, "completion", "assistant"),),
        tools=tools_of(row.get("tools")),
        further=others(row, *KEYS),
        spelling={"dialect": "text" if text else "messages"},
    )


def _turns(row: Mapping[str, Any], name: str, role: Speaker) -> Turns:
    value = row.get(name)
    return turns_of("" if value is None else value, name, role)


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Prompt, completion, and `tools` where there are any."""
    (answer,) = record.answers
    row: dict[str, Any] = {
        "prompt": written(record.prompt, dialect),
        "completion": written(answer, dialect),
    }
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, **record.further}


def written(turns: Turns, dialect: str) -> Any:
    """Turns as TRL reads them: messages, with arguments as objects; or the text of the only one."""
    return turns[0].text if dialect == "text" else messages_of(turns, objects=True)
