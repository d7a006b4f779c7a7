"""TRL's unpaired preferences (KTO): `{"prompt": "", "completion": "", "label": true}`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats import prompt_completion
from tailorbird.data.formats.base import CHAT, Record, Unusable, text_of, truth_of

HOLDS = {
    "messages": CHAT | {"judgement", "long_answers"},
    "text": frozenset({"judgement", "further"}),
}
KEYS = (*prompt_completion.KEYS, "label", "kto_tag")
EXAMPLES = False


def recognise(row: Any) -> bool:
    """Whether the row has a prompt, a completion and a true or false `label` or `kto_tag`."""
    return (
        isinstance(row, Mapping)
        and {"prompt", "completion"} <= row.keys()
        and ("kto_tag" in row or isinstance(row.get("label"), bool))
    )


def read(row: Mapping[str, Any]) -> Record:
    """The label may also be 0 or 1, or a word. Raises `Unusable` where there is none."""
    for name in ("prompt", "completion"):
        if row.get(name) is None:
            raise Unusable(f"no {name}")
    record = prompt_completion.read(row)
    key = "label" if "label" in row else "kto_tag"
    if not (text_of(row.get(key), "label") or "").strip():
        raise Unusable("no label")
    further = {k: v for k, v in record.further.items() if k != key}
    spelling = {**record.spelling, "label": key}
    return replace(record, good=truth_of(row[key], "label"), further=further, spelling=spelling)


def write(record: Record, dialect: str) -> dict[str, Any]:
    """`label` stands behind the completion."""
    row = prompt_completion.write(replace(record, further={}), dialect)
    tools = {"tools": row.pop("tools")} if "tools" in row else {}
    label = record.spelling.get("label", "label")
    return {**row, label: record.good, **tools, **record.further}
