"""Rows as they are written: in the columns that the task names, with where they came from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tailorbird.data import example_rows
from tailorbird.data.example_rows import given
from tailorbird.data.synth.base import Row
from tailorbird.task.task import Data


def as_row(row: Row, passed: Sequence[str], data: Data) -> dict[str, Any]:
    """An example, so that the task reads it as it reads its own rows. Raises as `example_rows`."""
    example = replace(row.example, time=None)
    return example_rows.as_row(example, data, {"synthetic": row.provenance(passed)})


def as_preference(row: Row, passed: Sequence[str]) -> dict[str, Any]:
    """A pair, in TRL's shape."""
    example = row.example
    asked = given(example.input)
    answers = {"chosen": example.target, "rejected": row.made.rejected}
    if not isinstance(asked, str):
        answers = {k: [{"role": "assistant", "content": v}] for k, v in answers.items()}  # type: ignore[misc]
    return {
        "id": example.id,
        "prompt": asked,
        **answers,
        "group": example.group,
        "synthetic": row.provenance(passed),
    }
