"""Rows in tables of text: lists and objects stand in a cell as JSON, and an empty cell is no value.

A text that merely looks like JSON stays a text: only columns that some format fills with lists or
objects are unpacked, and where a format has a text there as well, only lists of messages are.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

_NESTED = frozenset(
    {"messages", "conversations", "history", "answers", "preferred_output", "non_preferred_output",
     "request", "reward_model", "extra_info", "toolConfig", "metadata"}
)  # fmt: skip
"""Columns that hold lists or objects, whatever the format."""
_EITHER = frozenset({"prompt", "completion", "chosen", "rejected", "system", "input", "response"})
"""Columns that hold a text in some formats, and messages or an object in others."""
_ASKED = frozenset({"prompt", "input", "instruction", "query", "text"})
"""Columns whose emptiness is a value."""
_ANSWERS = (("completion",), ("output",), ("target",), ("chosen", "rejected"))
"""The same, unless the row has its answer elsewhere: a table has the columns of all its rows."""
_SPEAKS = ({"role", "content"}, {"role", "tool_calls"}, {"from", "value"}, {"text"})
_HOLDS = {"input": "messages", "response": "choices"}


def packed(row: Mapping[str, Any]) -> dict[str, str]:
    """The row as cells."""
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def unpacked(cells: Mapping[str, Any], named: Collection[str] = ()) -> dict[str, Any]:
    """The row that `packed` was given, but that numbers of further columns are texts.

    `named`: columns whose emptiness is a value as well.
    """
    kept = {*_ASKED, *_answer_columns(cells), *named}
    filled = {name: cell for name, cell in cells.items() if cell != "" or name in kept}
    return {name: _value(name, cell) for name, cell in filled.items()}


def _answer_columns(cells: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the row has its answer: the first columns that are there, of those that are filled."""
    there = [columns for columns in _ANSWERS if all(name in cells for name in columns)]
    filled = [columns for columns in there if any(cells[name] != "" for name in columns)]
    if not filled and (cells.get("messages") or cells.get("conversations")):
        return ()
    return next(iter(filled or there), ())


def _value(name: str, cell: Any) -> Any:
    if name == "label" and cell in ("true", "false"):
        return cell == "true"  # TRL's judgement of an answer; other labels are words
    if name not in _NESTED | _EITHER or not isinstance(cell, str) or cell[:1] not in ("[", "{"):
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return value if name in _NESTED or _is_chat(name, value) else cell


def _is_chat(name: str, value: Any) -> bool:
    if isinstance(value, list):
        return value != [] and all(
            isinstance(turn, dict) and any(keys <= turn.keys() for keys in _SPEAKS)
            for turn in value
        )
    if not isinstance(value, dict):
        return False
    turn = name in ("chosen", "rejected") and any(keys <= value.keys() for keys in _SPEAKS)
    return turn or _HOLDS.get(name) in value
