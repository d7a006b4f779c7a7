"""Several answers in their order: `{"prompt": "", "answers": ["best", "second", "worst"]}`."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import tools_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others
from tailorbird.data.formats.preference import behind
from tailorbird.data.formats.prompt_completion import written

HOLDS = {
    "messages": CHAT | {"ranking", "rankings", "long_answers"},
    "text": frozenset({"ranking", "rankings", "further"}),
}
KEYS = ("prompt", "answers", "tools")
EXAMPLES = False


def recognise(row: Any) -> bool:
    """Whether the row has a prompt and answers."""
    return isinstance(row, Mapping) and {"prompt", "answers"} <= row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """Answers are texts or lists of messages. Raises `Unusable`."""
    answers = row.get("answers")
    if not isinstance(answers, list) or len(answers) < 2:
        raise Unusable("answers is not a list of two or more")
    prompt = turns_of(row.get("prompt"), "prompt", "user")
    text = all(isinstance(value, str) for value in (row["prompt"], *answers))
    return Record(
        prompt,
        tuple(behind(prompt, answer, "answer") for answer in answers),
        tools=tools_of(row.get("tools")),
        further=others(row, *KEYS),
        spelling={"dialect": "text" if text else "messages"},
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The best answer comes first."""
    if any(turns[: len(record.prompt)] == record.prompt for turns in record.answers):
        raise Unusable("an answer that begins with the prompt")
    row: dict[str, Any] = {
        "prompt": written(record.prompt, dialect),
        "answers": [written(answer, dialect) for answer in record.answers],
    }
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, **record.further}
