"""Messages of chat formats to turns and back: `{role, content}` and `{from, value}`."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tailorbird.data.formats.base import Call, Record, Speaker, Turn, Turns, Unusable, text_of

ROLES: Final[Mapping[str, Speaker]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "observation": "tool",
    "function": "tool",
}
_KEYS: Final = frozenset(
    {"role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id", "name",
     "weight", "reasoning_content"}
)  # fmt: skip


# ---- reading -----------------------------------------------------------------------------------


def turns_of(value: Any, what: str, role: Speaker) -> Turns:
    """A list of messages, or one text that `role` says. Raises `Unusable`."""
    if isinstance(value, (list, tuple)):
        return tuple(turn_of(message) for message in value)
    text = text_of(value, what)
    if text is None:
        raise Unusable(f"no {what}")
    return (Turn(role, text),)


def turn_of(message: Any) -> Turn:
    """One turn, written `{role, content}` or `{from, value}`. Raises `Unusable`."""
    if not isinstance(message, Mapping):
        raise Unusable("a message is not an object")
    name = message.get("role") or message.get("from")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise Unusable(f'role "{name}" is not supported')
    content = message.get("content")
    said = content_of(message.get("value") if content is None else content)
    calls = calls_of(message.get("tool_calls"))
    if message.get("function_call"):
        calls = (*calls, call_of(message["function_call"], None))
    if name == "function_call":
        said, calls = None, _called(said)
    if calls and role != "assistant":
        raise Unusable(f"tool calls in a {role} turn")
    return Turn(
        role,
        said,
        calls,
        text_of(message.get("tool_call_id"), "tool_call_id"),
        text_of(message.get("name"), "name"),
        _weight(message.get("weight")),
        text_of(message.get("reasoning_content"), "reasoning_content"),
        {k: v for k, v in message.items() if k not in _KEYS and v not in (None, [], {})},
    )


def content_of(content: Any) -> str | tuple[str, ...] | None:
    """A text, several texts, or nothing, from a text or a list of text parts."""
    if not isinstance(content, (list, tuple)):
        return text_of(content, "content")
    return joined([_part(part) for part in content])


def joined(texts: Sequence[str]) -> str | tuple[str, ...] | None:
    """The content that consists of these texts."""
    return tuple(texts) if len(texts) > 1 else texts[0] if texts else None


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type", "text") if isinstance(part, Mapping) else type(part).__name__
    if kind != "text":
        raise Unusable(f'content part "{kind}" is not supported')
    return text_of(part.get("text"), "content") or ""


def _weight(value: Any) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return None if isinstance(value, float) and math.isnan(value) else value
    raise Unusable("the weight of a turn is not a number")


def calls_of(value: Any) -> tuple[Call, ...]:
    """OpenAI's `tool_calls`."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise Unusable("tool_calls is not a list")
    return tuple(_call(call) for call in value)


def _call(call: Any) -> Call:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        raise Unusable("a tool call holds no function")
    known(call, "a tool call", "id", "type", "function")
    return call_of(function, text_of(call.get("id"), "the id of a tool call"))


def call_of(function: Any, name: str | None) -> Call:
    """The call `{name, arguments}` whose id is `name`."""
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise Unusable("a tool call names no function")
    known(function, "a tool call", "name", "arguments")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        return Call(function["name"], arguments_of(arguments), name, arguments)
    if arguments is None or isinstance(arguments, Mapping):
        return Call(function["name"], dict(arguments or {}), name)
    raise Unusable("the arguments of a tool call are neither an object nor text")


def known(value: Mapping[str, Any], what: str, *keys: str) -> None:
    """Raise `Unusable` where `value` holds more than these keys: it would be lost."""
    for key, inner in value.items():
        if key not in keys and inner is not None:
            raise Unusable(f'"{key}" of {what} is not supported')


def arguments_of(text: str) -> Any:
    """The JSON object that `text` spells, or `text` itself where no object says all of it."""
    try:
        found = json.loads(text, object_pairs_hook=_unequal, parse_constant=_refuse)
        json.dumps(found, allow_nan=False)  # 1e999 is read as infinity, which is no JSON
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def _unequal(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _called(said: str | tuple[str, ...] | None) -> tuple[Call, ...]:
    """ShareGPT's function_call: a call, or a list of calls, as JSON."""
    try:
        found = json.loads(said) if isinstance(said, str) else None
    except (ValueError, RecursionError):
        found = None
    calls = found if isinstance(found, list) else [found]
    if not all(isinstance(call, Mapping) for call in calls):
        raise Unusable("a function_call is not valid JSON")
    return tuple(call_of(call, None) for call in calls)


def tools_of(value: Any) -> tuple[Any, ...]:
    """Tool definitions, from a list or from its JSON text. Raises `Unusable`."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Unusable("tools is not valid JSON") from None
    if value is None or value == "" or value == {}:
        return ()
    if not isinstance(value, (list, tuple)):
        raise Unusable("tools is not a list")
    return tuple(value)


def closed(turns: Turns, row: Mapping[str, Any]) -> Record:
    """A whole conversation, with its `tools`: the answer is the last turn, if an assistant's."""
    answers = (turns[-1:],) if turns and turns[-1].role == "assistant" else ()
    return Record(turns[:-1] if answers else turns, answers, tools=tools_of(row.get("tools")))


# ---- writing -----------------------------------------------------------------------------------


def messages_of(turns: Iterable[Turn], objects: bool = False) -> list[dict[str, Any]]:
    """OpenAI's messages. `objects`: arguments of tool calls as objects, as templates expect."""
    return [_message(turn, objects) for turn in turns]


def _message(turn: Turn, objects: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"role": turn.role}
    if isinstance(turn.content, tuple):
        said["content"] = [{"type": "text", "text": text} for text in turn.content]
    elif turn.content is not None or not turn.calls:
        said["content"] = turn.content
    if turn.calls:
        said["tool_calls"] = [_written(call, objects) for call in turn.calls]
    named = {
        "tool_call_id": turn.call_id,
        "name": turn.name,
        "weight": turn.weight,
        "reasoning_content": turn.thought,
    }
    return said | {k: v for k, v in named.items() if v is not None} | dict(turn.further)


def _written(call: Call, objects: bool) -> dict[str, Any]:
    arguments = call.arguments if objects else arguments_text(call)
    head = {} if call.id is None else {"id": call.id}
    return {
        **head, "type": "function", "function": {"name": call.name, "arguments": arguments},
    }  # fmt: skip


def arguments_text(call: Call) -> str:
    """The arguments as JSON, as the row spelt them if it did."""
    if call.text is not None:
        return call.text
    if isinstance(call.arguments, str):
        return call.arguments
    return json.dumps(call.arguments, ensure_ascii=False)


def has_objects(turns: Iterable[Turn]) -> bool:
    """Whether a row held the arguments of a call as an object."""
    return any(call.text is None for turn in turns for call in turn.calls)


def exchanges(prompt: Turns) -> tuple[str | None, list[tuple[str, str]], str]:
    """The system prompt, earlier questions with their answers, and the last question.

    Raises `Unusable` where the turns do not alternate.
    """
    system = prompt[0].text if prompt and prompt[0].role == "system" else None
    if system == "":
        raise Unusable("an empty system prompt")
    rest = prompt if system is None else prompt[1:]
    for turn, wanted in zip(rest, ("user", "assistant") * len(rest)):
        if turn.role != wanted:
            raise Unusable(f"{_a(turn.role)} turn in the place of {_a(wanted)} turn")
    if len(rest) % 2 == 0:
        raise Unusable("a prompt that does not end with a user turn")
    texts = [turn.text for turn in rest]
    return system, list(zip(texts[:-1:2], texts[1:-1:2])), texts[-1]


def _a(role: str) -> str:
    return f"an {role}" if role == "assistant" else f"a {role}"
