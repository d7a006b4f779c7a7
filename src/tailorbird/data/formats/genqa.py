"""SageMaker's GenQA: `{"query": "", "response": "", "system": ""}`, for evaluation."""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import exchanges
from tailorbird.data.formats.base import Record, Turn, Unusable, others, text_of

HOLDS = {"": frozenset({"answer", "prompt", "system", "further"})}
KEYS = ("query", "response", "system", "images", "history")
EXAMPLES = True
_NOT_HERE = frozenset(
    {"messages", "conversations", "prompt", "instruction", "input", "text", "history", "request"}
)


def recognise(row: Any) -> bool:
    """Whether the row has a query, and no earlier turns."""
    return isinstance(row, Mapping) and "query" in row and not _NOT_HERE & row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """Without a response, the query alone. Raises `Unusable`."""
    for name in ("history", "images"):
        if row.get(name):
            raise Unusable(f'"{name}" of genqa is not supported')
    query, response = (text_of(row.get(name), name) for name in ("query", "response"))
    if query is None:
        raise Unusable("no query")
    system = text_of(row.get("system"), "system")
    return Record(
        (*([Turn("system", system)] if system else []), Turn("user", query)),
        () if response is None else ((Turn("assistant", response),),),
        further=others(row, *KEYS),
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Query, response and system prompt."""
    system, _, query = exchanges(record.prompt)
    row: dict[str, Any] = {"query": query}
    if record.answers:
        row["response"] = record.answers[0][0].text
    if system is not None:
        row["system"] = system
    return {**row, **record.further}
