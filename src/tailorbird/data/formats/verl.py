"""verl's rows: `{"data_source", "prompt": [], "ability", "reward_model": {...}, "extra_info"}`.

`reward_model` is `{"style": "rule", "ground_truth": ...}`; the ground truth is any JSON value.
"""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others
from tailorbird.data.formats.prompt_completion import written

HOLDS = {
    "messages": (CHAT | {"reference", "prefill"}) - {"tools"},
    "text": frozenset({"reference", "further"}),
}
KEYS = ("prompt",)
EXAMPLES = True
_RULE = {"style": "rule"}


def recognise(row: Any) -> bool:
    """Whether the row has a prompt and a reward model."""
    return isinstance(row, Mapping) and {"prompt", "reward_model"} <= row.keys()


def read(row: Mapping[str, Any]) -> Record:
    """Raises `Unusable` where the reward model is not an object."""
    model = row.get("reward_model")
    if not isinstance(model, Mapping):
        raise Unusable("reward_model is not an object")
    further = others(row, "prompt", "reward_model")
    rest = others(model, "ground_truth")
    return Record(
        turns_of(row.get("prompt"), "prompt", "user"),
        reference=model.get("ground_truth"),
        further=further if rest == _RULE else further | {"reward_model": rest},
        spelling={"dialect": "text" if isinstance(row.get("prompt"), str) else "messages"},
    )


def write(record: Record, dialect: str) -> dict[str, Any]:
    """Raises `Unusable` without `data_source`, by which verl finds the reward."""
    further = dict(record.further)
    if "data_source" not in further:
        raise Unusable('no "data_source", by which verl finds the reward')
    model = further.pop("reward_model", _RULE)
    if not isinstance(model, Mapping) or "ground_truth" in model:
        raise Unusable('a further column "reward_model" that is not of verl')
    row: dict[str, Any] = {"data_source": further.pop("data_source")}
    row["prompt"] = written(record.prompt, dialect)
    if "ability" in further:
        row["ability"] = further.pop("ability")
    row["reward_model"] = {**model, "ground_truth": record.reference}
    return {**row, **further}
