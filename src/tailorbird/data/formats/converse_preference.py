"""Preferences in Converse's words (SageMaker's `dpo`): the last message has two `candidates`.

Each is `{"content": [...], "preferenceLabel": "preferred"}` or `"non-preferred"`.
"""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats.base import Record, Turn, Unusable
from tailorbird.data.formats.converse import (
    CONVERSE,
    KEYS,
    blocks_of,
    frame,
    framed,
    messages_in,
    system_of,
    turns_in,
)
from tailorbird.data.formats.messages import has_candidates

__all__ = ["EXAMPLES", "HOLDS", "KEYS", "read", "recognise", "write"]

HOLDS = {"": CONVERSE | {"ranking"}}
EXAMPLES = False
_LABELS = ("preferred", "non-preferred")


def recognise(row: Any) -> bool:
    """Whether a message has candidates."""
    messages = row.get("messages") if isinstance(row, Mapping) else None
    return isinstance(messages, list) and has_candidates(messages)


def read(row: Mapping[str, Any]) -> Record:
    """Raises `Unusable` unless one candidate is preferred to one other."""
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    candidates = last.get("candidates") if isinstance(last, Mapping) else None
    if not isinstance(messages, list) or not isinstance(candidates, list):
        raise Unusable("the last message has no candidates")
    found = {str(c.get("preferenceLabel")): c for c in candidates if isinstance(c, Mapping)}
    if len(candidates) != 2 or found.keys() != set(_LABELS):
        raise Unusable("the candidates are not one preferred and one non-preferred")
    answers = tuple(turns_in([_message(found[label])]) for label in _LABELS)
    return framed(row, Record((*system_of(row), *turns_in(messages[:-1])), answers))


def _message(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": candidate.get("content")}


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The preferred candidate comes first. Raises `Unusable` where turns do not alternate."""
    messages = messages_in(record.prompt)
    messages_in([*record.prompt, *record.answers[0]])  # raises where the answer does not follow
    candidates = [_candidate(turn, label) for (turn,), label in zip(record.answers, _LABELS)]
    return frame(record, [*messages, {"role": "assistant", "candidates": candidates}])


def _candidate(turn: Turn, label: str) -> dict[str, Any]:
    return {"content": list(blocks_of(turn)), "preferenceLabel": label}
