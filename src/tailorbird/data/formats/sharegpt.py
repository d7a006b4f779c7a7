"""ShareGPT: `{"conversations": [{"from": "human", "value": "..."}, ...], "system": "..."}`.

Three vocabularies: `human` and `gpt` (dialect `human`), `user` and `assistant` (`user`), or the
latter under OpenAI's keys (`roles`). As LLaMA-Factory has it, `function_call` turns hold calls as
JSON, `observation` turns what tools answered, `tools` is JSON in a string, `chosen` and `rejected`
are two turns, and `kto_tag` says whether the last turn is wanted.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats._turns import closed, turn_of, turns_of
from tailorbird.data.formats.base import (
    Call,
    Record,
    Turn,
    Unusable,
    others,
    text_of,
    truth_of,
)

_HELD = frozenset(
    {"answer", "prompt", "judgement", "ranking", "unprompted", "system", "history", "calls",
     "tools", "further"}
)  # fmt: skip
HOLDS = {"human": _HELD, "user": _HELD, "roles": _HELD}
KEYS = ("conversations", "chosen", "rejected", "kto_tag", "system", "tools")
EXAMPLES = True
_NAMES = {
    "human": {"user": "human", "assistant": "gpt"},
    "user": {},
    "roles": {},
}


def recognise(row: Any) -> bool:
    """Whether the row holds a list of conversation turns."""
    return isinstance(row, Mapping) and isinstance(row.get("conversations"), list)


def read(row: Mapping[str, Any]) -> Record:
    """The last turn is the answer, if an assistant's; a `system` column comes before all turns."""
    messages = row.get("conversations")
    if not isinstance(messages, list):
        raise Unusable("conversations is not a list")
    turns = turns_of(messages, "conversations", "user")
    system = text_of(row.get("system"), "system")
    if system:
        turns = (Turn("system", system), *turns)
    record = closed(turns, row)
    if row.get("chosen") is not None or row.get("rejected") is not None:
        answers = tuple((turn_of(row.get(name)),) for name in ("chosen", "rejected"))
        record = replace(record, prompt=turns, answers=answers)
    elif row.get("kto_tag") is not None:
        if not record.answers:
            raise Unusable("ends without an assistant turn")
        record = replace(record, good=truth_of(row["kto_tag"], "kto_tag"))
    return replace(record, tools=tuple(map(_wrapped, record.tools)), further=others(row, *KEYS),
                   spelling=_spelling(messages, row))  # fmt: skip


def _spelling(messages: list[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    said = [*messages, *(row[name] for name in ("chosen", "rejected") if row.get(name) is not None)]
    keys = set[str]().union(*(m.keys() for m in said))
    names = {str(m.get("from")) for m in said}
    dialect = "human" if "from" in keys or not keys else "roles"
    if dialect == "human" and {"user", "assistant"} & names and not {"human", "gpt"} & names:
        dialect = "user"
    tools = {"tools": row["tools"]} if isinstance(row.get("tools"), str) else {}
    return {"dialect": dialect, "system": bool(row.get("system")), **tools}


def write(record: Record, dialect: str) -> dict[str, Any]:
    """A system prompt is the first turn, unless the row that was read had it apart."""
    ranked = len(record.answers) > 1
    turns = list(record.prompt if ranked else record.turns)
    leads = bool(turns) and turns[0].role == "system" and turns[0].text
    system = turns.pop(0).text if leads and record.spelling.get("system") else None
    row: dict[str, Any] = {"conversations": [_message(turn, dialect) for turn in turns]}
    if ranked:
        for name, (answer,) in zip(("chosen", "rejected"), record.answers):
            row[name] = _message(answer, dialect)
    if record.good is not None:
        row["kto_tag"] = record.good
    if system:
        row["system"] = system
    if record.tools:
        bare = json.dumps([_bare(tool) for tool in record.tools], ensure_ascii=False)
        row["tools"] = record.spelling.get("tools") or bare
    return {**row, **record.further}


def _message(turn: Turn, dialect: str) -> dict[str, Any]:
    who, what = ("role", "content") if dialect == "roles" else ("from", "value")
    if turn.calls:
        if turn.content is not None:
            raise Unusable("text beside a tool call")
        calls = [_written(call) for call in turn.calls]
        said = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
        return {who: "function_call", what: said}
    if turn.role == "tool":
        return {who: "observation", what: turn.text}
    return {who: _NAMES[dialect].get(turn.role, turn.role), what: turn.text}


def _written(call: Call) -> dict[str, Any]:
    return {"name": call.name, "arguments": call.arguments}


def _wrapped(tool: Any) -> Any:
    """LLaMA-Factory writes definitions without OpenAI's wrapper."""
    bare = isinstance(tool, Mapping) and "name" in tool and "function" not in tool
    return {"type": "function", "function": tool} if bare else tool


def _bare(tool: Any) -> Any:
    wrapper = isinstance(tool, Mapping) and tool.keys() == {"type", "function"}
    inner = tool["function"] if wrapper and tool["type"] == "function" else None
    named = isinstance(inner, Mapping) and "name" in inner and "function" not in inner
    return inner if named else tool
