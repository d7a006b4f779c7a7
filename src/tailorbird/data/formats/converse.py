"""Bedrock Converse: `{"schemaVersion": "", "system": [{"text": ""}], "messages": [...]}`.

Content is a list of blocks: texts, reasoning, tool uses; a user's message also holds what tools
answered. Bedrock wants user and assistant to alternate, and the user to begin.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats._turns import closed, joined, known
from tailorbird.data.formats.base import Call, Record, Turn, Turns, Unusable, others, text_of
from tailorbird.data.formats.messages import blocks_only, has_candidates

CONVERSE = frozenset({"system", "history", "calls", "call_ids", "tools", "parts", "thoughts"})
"""What a Converse conversation can hold beside its answer."""
HOLDS = {"": CONVERSE | {"answer", "prompt"}}
EXAMPLES = True
KEYS = ("schemaVersion", "system", "messages", "toolConfig")
_VERSION = "bedrock-conversation-2024"


def recognise(row: Any) -> bool:
    """Whether the row has a schema version, or messages whose content is blocks without type."""
    messages = row.get("messages") if isinstance(row, Mapping) else None
    if not isinstance(messages, list) or has_candidates(messages):
        return False
    return "schemaVersion" in row or ("reference_answer" not in row and blocks_only(messages))


# ---- reading -----------------------------------------------------------------------------------


def read(row: Mapping[str, Any]) -> Record:
    """Every block of `system` is a system turn. Raises `Unusable` for images and documents."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise Unusable("messages is not a list")
    return framed(row, closed((*system_of(row), *turns_in(messages)), {}))


def framed(row: Mapping[str, Any], record: Record) -> Record:
    """The record with what stands beside the messages."""
    version = {"schemaVersion": row.get("schemaVersion")}
    return replace(
        record, tools=_tools(row.get("toolConfig")), further=others(row, *KEYS), spelling=version
    )


def turns_in(messages: Iterable[Any]) -> Turns:
    """The turns of some messages; every tool result is a turn of its own."""
    return tuple(turn for message in messages for turn in _turns(message))


def system_of(row: Mapping[str, Any]) -> Iterator[Turn]:
    """A system turn for every block of `system`."""
    blocks = row.get("system") or []
    if not isinstance(blocks, list):
        raise Unusable("system is not a list")
    for block in blocks:
        kind, value = _block(block)
        if kind != "text":
            raise Unusable(f'content block "{kind}" is not supported')
        yield Turn("system", text_of(value, "content") or "")


def _block(block: Any) -> tuple[str, Any]:
    held = [] if not isinstance(block, Mapping) else [b for b in block.items() if b[1] is not None]
    if len(held) != 1:
        raise Unusable("a content block should hold one thing")
    return held[0]


def _turns(message: Any) -> Iterator[Turn]:
    if not isinstance(message, Mapping):
        raise Unusable("a message is not an object")
    known(message, "a message", "role", "content")
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant"):
        raise Unusable(f'role "{role}" is not supported')
    blocks = [_block(block) for block in content] if isinstance(content, list) else None
    if blocks is None:
        raise Unusable("content is not a list of blocks")
    results = [value for kind, value in blocks if kind == "toolResult"]
    rest = blocks[len(results) :]
    if any(kind == "toolResult" for kind, _ in rest):
        raise Unusable("a tool result behind other content")
    yield from map(_result, results)
    if rest or not results:
        yield _said("user" if role == "user" else "assistant", rest)


def _said(role: Any, blocks: list[tuple[str, Any]]) -> Turn:
    """One turn from its blocks: reasoning, then texts, then tool uses; another order is refused."""
    order = {"reasoningContent": 0, "text": 1, "toolUse": 2}
    for kind, _ in blocks:
        if kind not in order or (kind != "text" and role == "user"):
            raise Unusable(f'content block "{kind}" is not supported')
    places = [order[kind] for kind, _ in blocks]
    if places != sorted(places) or places.count(0) > 1:
        raise Unusable("content blocks in another order than reasoning, texts, tool uses")
    texts = [text_of(value, "content") or "" for kind, value in blocks if kind == "text"]
    thoughts = [_thought(value) for kind, value in blocks if kind == "reasoningContent"]
    calls = tuple(_call(value) for kind, value in blocks if kind == "toolUse")
    return Turn(role, joined(texts), calls, thought=thoughts[0] if thoughts else None)


def _thought(value: Any) -> str:
    inner = value.get("reasoningText") if isinstance(value, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("text"), str):
        raise Unusable("reasoning holds no text")
    known(inner, "reasoning", "text")
    text: str = inner["text"]
    return text


def _call(value: Any) -> Call:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise Unusable("a tool use names no tool")
    known(value, "a tool use", "toolUseId", "name", "input")
    if not isinstance(value.get("input"), Mapping):
        raise Unusable("the input of a tool use is not an object")
    return Call(value["name"], dict(value["input"]), text_of(value.get("toolUseId"), "toolUseId"))


def _result(value: Any) -> Turn:
    blocks = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(blocks, list):
        raise Unusable("a tool result holds no content")
    if value.get("status", "success") != "success":
        raise Unusable("a tool result that reports an error")
    known(value, "a tool result", "toolUseId", "content", "status")
    held = [_block(block) for block in blocks]
    name = text_of(value.get("toolUseId"), "toolUseId")
    if [kind for kind, _ in held] == ["json"]:
        text = json.dumps(held[0][1], ensure_ascii=False)
        return Turn("tool", text, call_id=name, spelling="json")
    if any(kind != "text" for kind, _ in held):
        raise Unusable("a tool result that is neither text nor one JSON value")
    return Turn("tool", joined([text_of(t, "content") or "" for _, t in held]), call_id=name)


def _tools(config: Any) -> tuple[Any, ...]:
    if config is None:
        return ()
    tools = config.get("tools") if isinstance(config, Mapping) else None
    if not isinstance(tools, list):
        raise Unusable("toolConfig holds no list of tools")
    known(config, "toolConfig", "tools")
    return tuple(_function(tool) for tool in tools)


def _function(tool: Any) -> dict[str, Any]:
    spec = tool.get("toolSpec") if isinstance(tool, Mapping) else None
    if not isinstance(spec, Mapping):
        raise Unusable("a tool has no toolSpec")
    known(spec, "a toolSpec", "name", "description", "inputSchema")
    schema = spec.get("inputSchema")
    function = {k: v for k, v in spec.items() if k != "inputSchema" and v is not None}
    if schema is not None:
        if not isinstance(schema, Mapping) or "json" not in schema:
            raise Unusable("an inputSchema holds no json")
        function["parameters"] = schema["json"]
    return {"type": "function", "function": function}


# ---- writing -----------------------------------------------------------------------------------


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Raises `Unusable` where user and assistant do not alternate."""
    return frame(record, messages_in(record.turns))


def frame(record: Record, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The row around some messages."""
    version = record.spelling.get("schemaVersion", _VERSION)
    row: dict[str, Any] = {} if version is None else {"schemaVersion": version}
    system = [{"text": turn.text} for turn in record.prompt if turn.role == "system"]
    if system:
        row["system"] = system
    row["messages"] = messages
    if record.tools:
        row["toolConfig"] = {"tools": [_spec(tool) for tool in record.tools]}
    return row


def messages_in(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    """Messages of all turns but the system's, which must come first."""
    messages: list[dict[str, Any]] = []
    before = "system"
    for turn in turns:
        if turn.role == "system":
            if messages or isinstance(turn.content, tuple):
                raise Unusable("a system prompt behind other turns, or of several texts")
            continue
        role = "user" if turn.role == "tool" else turn.role
        blocks = list(blocks_of(turn))
        if before == "tool" and role == "user":
            messages[-1]["content"] += blocks
        elif role == before:
            raise Unusable(f"two {role} turns in a row")
        elif not messages and role == "assistant":
            raise Unusable("a conversation that begins with an assistant turn")
        else:
            messages.append({"role": role, "content": blocks})
        before = turn.role
    return messages


def blocks_of(turn: Turn) -> Iterator[dict[str, Any]]:
    """The content blocks of a turn. Raises `Unusable` where a call or its result has no id."""
    texts = turn.content if isinstance(turn.content, tuple) else (turn.content,)
    said = [{"text": text} for text in texts if text is not None]
    if turn.role == "tool":
        if turn.call_id is None:
            raise Unusable("a tool result without the id of its call")
        held = [{"json": json.loads(turn.text)}] if turn.spelling == "json" else said
        yield {"toolResult": {"toolUseId": turn.call_id, "content": held}}
        return
    if turn.thought is not None:
        if turn.role != "assistant":
            raise Unusable("reasoning of a user")
        yield {"reasoningContent": {"reasoningText": {"text": turn.thought}}}
    yield from said
    for call in turn.calls:
        if not isinstance(call.arguments, Mapping):
            raise Unusable("the arguments of a tool call are no JSON object")
        if call.id is None:
            raise Unusable("a tool call without an id")
        use = {"toolUseId": call.id, "name": call.name, "input": dict(call.arguments)}
        yield {"toolUse": use}


def _spec(tool: Any) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Unusable("a tool is not a function with a name")
    known(tool, "a tool", "type", "function")
    known(function, "a tool", "name", "description", "parameters")
    spec = {k: function[k] for k in ("name", "description") if function.get(k) is not None}
    if function.get("parameters") is not None:
        spec["inputSchema"] = {"json": function["parameters"]}
    return {"toolSpec": spec}
