"""TRL's preferences: `{"prompt": "", "chosen": "", "rejected": ""}`.

Dialects: lists of messages with the prompt apart (`messages`) or as their common beginning
(`implicit`), texts (`text`), and hh-rlhf's transcripts of Human and Assistant (`transcript`).
SageMaker calls the prompt `input` as well.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tailorbird.data.formats._turns import messages_of, tools_of, turns_of
from tailorbird.data.formats.base import (
    CHAT,
    Record,
    Speaker,
    Turn,
    Turns,
    Unusable,
    others,
)
from tailorbird.data.formats.prompt_completion import written

_CHAT = CHAT | {"ranking", "long_answers"}
HOLDS = {
    "messages": _CHAT,
    "implicit": _CHAT,
    "text": frozenset({"ranking", "further"}),
    "transcript": frozenset({"ranking", "long_answers", "history", "further"}),
}
KEYS = ("prompt", "input", "chosen", "rejected", "tools")
EXAMPLES = False
_NOT_HERE = frozenset({"instruction", "conversations", "messages", "answers"})
_ANSWERS = ("chosen", "rejected")


def recognise(row: Any) -> bool:
    """Whether the row has a chosen and a rejected answer, and its prompt in no other format."""
    return isinstance(row, Mapping) and set(_ANSWERS) <= row.keys() and not _NOT_HERE & row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """`chosen` and `rejected` may repeat the prompt. Raises `Unusable`."""
    key = "input" if row.get("prompt") is None and row.get("input") is not None else "prompt"
    given = row.get(key)
    notes: tuple[str, ...] = ()
    if given is not None:
        prompt = turns_of(given, key, "user")
        answers = tuple(behind(prompt, row.get(name), name) for name in _ANSWERS)
        strings = all(isinstance(value, str) for value in (given, *map(row.get, _ANSWERS)))
        dialect = "text" if strings else "messages"
    else:
        prompt, answers = _parted([_whole(row, name) for name in _ANSWERS])
        dialect = "transcript" if isinstance(row.get("chosen"), str) else "implicit"
        texts = (row[name] for name in _ANSWERS if isinstance(row[name], str))
        if any(_spelt(_transcript(text)) != text for text in texts):
            notes = ("white space around turns of a transcript stripped",)
    return Record(
        prompt,
        answers,
        tools=tools_of(row.get("tools")),
        further=others(row, key, *_ANSWERS, "tools"),
        notes=notes,
        spelling={"dialect": dialect, "prompt": key},
    )


def behind(prompt: Turns, answer: Any, what: str) -> Turns:
    """The turns of an answer; without the prompt where the answer begins with it."""
    turns = turns_of(answer, what, "assistant")
    return turns[len(prompt) :] if turns[: len(prompt)] == prompt else turns


def _whole(row: Mapping[str, Any], name: str) -> Turns:
    value = row.get(name)
    return _transcript(value) if isinstance(value, str) else turns_of(value, name, "assistant")


def _parted(conversations: Sequence[Turns]) -> tuple[Turns, tuple[Turns, ...]]:
    """What all begin with, and how each goes on; nobody is left without a last turn."""
    shared = 0
    for turns in zip(*(turns[:-1] for turns in conversations)):
        if turns.count(turns[0]) < len(turns):
            break
        shared += 1
    return conversations[0][:shared], tuple(turns[shared:] for turns in conversations)


_SPEAKER = re.compile(r"\n\n(Human|Assistant):")
_ROLES: Mapping[str, Speaker] = {"Human": "user", "Assistant": "assistant"}
_NAMES = {role: name for name, role in _ROLES.items()}


def _transcript(text: str) -> Turns:
    before, *parts = _SPEAKER.split(text)
    if before.strip() or not parts:
        raise Unusable("a transcript should begin with a blank line and Human:")
    return tuple(Turn(_ROLES[who], said.strip()) for who, said in zip(parts[::2], parts[1::2]))


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Raises `Unusable` where the common beginning of the answers would not be the prompt."""
    whole = [(*record.prompt, *answer) for answer in record.answers]
    row: dict[str, Any] = {}
    if dialect in ("implicit", "transcript"):
        if _parted(whole)[0] != record.prompt:
            raise Unusable("answers that begin alike")
        write = _as_transcript if dialect == "transcript" else messages_as_objects
        row |= zip(_ANSWERS, map(write, whole))
    else:
        row[record.spelling.get("prompt", "prompt")] = written(record.prompt, dialect)
        if any(turns[: len(record.prompt)] == record.prompt for turns in record.answers):
            raise Unusable("an answer that begins with the prompt")
        row |= {n: written(turns, dialect) for n, turns in zip(_ANSWERS, record.answers)}
    if record.tools:
        row["tools"] = list(record.tools)
    return {**row, **record.further}


def messages_as_objects(turns: Turns) -> list[dict[str, Any]]:
    """Messages as chat templates read them."""
    return messages_of(turns, objects=True)


def _as_transcript(turns: Turns) -> str:
    text = _spelt(turns)
    if _transcript(text) != turns:
        raise Unusable("a turn that a transcript would give back as another")
    return text


def _spelt(turns: Turns) -> str:
    return "".join(f"\n\n{_NAMES[turn.role]}: {turn.text}" for turn in turns)
