"""What every format gives: a `Draft` of an example, or the reason why a row cannot be one.

A format is a file beside this one with two functions:

    recognise(row) -> bool     cheap, and true of rows of this shape alone
    convert(row) -> Draft      raises `Unusable` with the reason
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tailorbird.task.types import Message, Prompt, Role


class Unusable(Exception):
    """A row that cannot become an example. Caught where rows are counted; never leaves `data`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row says, before ids are made unique and lengths are cut. Fields as in `Example`."""

    input: str | Prompt
    target: str | None
    id: str | None = None
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    answerable: bool = True
    group: str | None = None
    time: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What of the row was left out or changed."""


def annotate(draft: Draft, row: Any) -> Draft:
    """The draft with the row's own `id`, `group`, `sources`, `facts` and `answerable`, if any.

    For formats that name only the conversation. Raises `Unusable` when one is malformed.
    """
    if not isinstance(row, Mapping):
        return draft
    return replace(
        draft,
        id=text_of(row.get("id"), "id"),
        group=text_of(row.get("group"), "group"),
        sources=texts_of(row.get("sources"), "sources"),
        facts=texts_of(row.get("facts"), "facts"),
        answerable=truth_of(row.get("answerable"), "answerable"),
    )


def made_up_by(row: Any) -> str | None:
    """What made the row up, by its key `synthetic`; None where it was found.

    `tailorbird synth` writes an object there, others may write a name or true.
    """
    said = row.get("synthetic") if isinstance(row, Mapping) else None
    if isinstance(said, Mapping):
        said = said.get("generator") or True
    if said is None or str(said).strip().casefold() in ("", "false", "0", "0.0", "no", "nan"):
        return None
    return said.strip() if isinstance(said, str) else "unknown"


def text_of(value: Any, what: str) -> str | None:
    """A scalar as text; None for what is absent. Raises `Unusable` for lists, objects, bytes."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None  # data frames write NaN where a text is absent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple, set, bytes)):
        raise Unusable(f"{what} is of type {type(value).__name__}, not text")
    return str(value)


def texts_of(value: Any, what: str) -> tuple[str, ...]:
    """Strings from a list, or from one string separated by `;`. Raises `Unusable` for objects."""
    if value is None:
        return ()
    parts = value if isinstance(value, (list, tuple)) else (text_of(value, what) or "").split(";")
    texts = (text_of(part, f"an entry of {what}") for part in parts)
    return tuple(text.strip() for text in texts if text and text.strip())


def truth_of(value: Any, what: str) -> bool:
    """A yes or no; absent means yes. Raises `Unusable` for anything else."""
    word = (text_of(value, what) or "true").strip().lower()
    if word in ("", "true", "1", "1.0", "yes"):
        return True
    if word in ("false", "0", "0.0", "no"):
        return False
    raise Unusable(f"{what} is neither true nor false")


ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}


def turn(message: Any) -> Message:
    """One turn, written `{role, content}` or `{from, value}`. Raises `Unusable` for tool turns."""
    if not isinstance(message, Mapping):
        raise Unusable("a message is not an object")
    name = message.get("role") or message.get("from")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise Unusable(f'role "{name}" is not supported')
    if message.get("tool_calls") or message.get("function_call"):
        raise Unusable("tool calls are not supported")
    content = message.get("content")
    return Message(role, _content(message.get("value") if content is None else content))


def _content(content: Any) -> str:
    if not isinstance(content, (list, tuple)):
        return text_of(content, "content") or ""
    return "\n".join(_part(part) for part in content)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type", "text") if isinstance(part, Mapping) else type(part).__name__
    if kind != "text":
        raise Unusable(f'content part "{kind}" is not supported')
    return text_of(part.get("text"), "content") or ""


def prompt_of(turns: Sequence[Message]) -> str | Prompt:
    """Turns as an input; a single user turn is its text, so equal inputs compare equal."""
    return turns[0].content if [t.role for t in turns] == ["user"] else tuple(turns)


def conversation(turns: Sequence[Message]) -> Draft:
    """The last assistant turn as target, all before it as input.

    Raises `Unusable` when something else comes last: nobody has said what the answer should be.
    """
    if not turns or turns[-1].role != "assistant":
        raise Unusable("ends without an assistant turn")
    return Draft(prompt_of(turns[:-1]), turns[-1].content)
