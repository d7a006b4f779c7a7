"""Alpaca: `{"instruction": "", "input": "", "output": "", "system": "", "history": [[q, a]]}`.

As LLaMA-Factory has it: `chosen` and `rejected` in place of `output` for a preference, and
`kto_tag` beside it for a judgement.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tailorbird.data.formats._turns import exchanges
from tailorbird.data.formats.base import (
    Record,
    Turn,
    Turns,
    Unusable,
    others,
    text_of,
    truth_of,
)

HOLDS = {
    "": frozenset({"answer", "judgement", "ranking", "system", "history", "further"}),
}
KEYS = (
    "instruction", "input", "output", "chosen", "rejected", "kto_tag", "system", "history",
)  # fmt: skip
EXAMPLES = True


def recognise(row: Any) -> bool:
    """Whether the row has an instruction, and an output or two of them."""
    return (
        isinstance(row, Mapping)
        and "instruction" in row
        and ("output" in row or {"chosen", "rejected"} <= row.keys())
    )


def read(row: Mapping[str, Any]) -> Record:
    """Instruction and input, joined by a newline as LLaMA-Factory does, are the last user turn."""
    parts = [text_of(row.get(name), name) for name in ("instruction", "input")]
    asked = Turn("user", "\n".join(part for part in parts if part))
    ranked = row.get("chosen") is not None or row.get("rejected") is not None
    names = ("chosen", "rejected") if ranked else ("output",)
    tag = row.get("kto_tag")
    return Record(
        (*_earlier(row), asked),
        tuple((Turn("assistant", text_of(row.get(name), name) or ""),) for name in names),
        None if tag is None or ranked else truth_of(tag, "kto_tag"),
        further=others(row, *KEYS),
        spelling={"input": parts[1]} if all(parts) else {},
    )


def _earlier(row: Mapping[str, Any]) -> Iterator[Turn]:
    system = text_of(row.get("system"), "system")
    if system:
        yield Turn("system", system)
    history = row.get("history") or []
    pairs = isinstance(history, list) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in history
    )
    if not pairs:
        raise Unusable("history is not a list of [question, answer] pairs")
    for question, answer in history:
        yield Turn("user", text_of(question, "history") or "")
        yield Turn("assistant", text_of(answer, "history") or "")


def write(record: Record, dialect: str) -> dict[str, Any]:
    """The question is the instruction; `input` is what the row that was read had there."""
    system, pairs, question = exchanges(record.prompt)
    given = record.spelling.get("input", "")
    if not (given and question.endswith(f"\n{given}")):
        given = ""
    cut = len(question) - len(given) - 1 if given else len(question)
    row: dict[str, Any] = {"instruction": question[:cut], "input": given}
    names = ("chosen", "rejected") if len(record.answers) > 1 else ("output",)
    row |= zip(names, map(_said, record.answers))
    if record.good is not None:
        row["kto_tag"] = record.good
    if system is not None:
        row["system"] = system
    if pairs:
        row["history"] = [list(pair) for pair in pairs]
    return {**row, **record.further}


def _said(answer: Turns) -> str:
    return answer[0].text
