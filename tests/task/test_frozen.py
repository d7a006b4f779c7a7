"""A frozen test split: other items are refused, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.errors import BenchmarkError, TaskError
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.check import check_benchmark
from tailorbird.task.task import load_spec
from tailorbird.task.types import Message


def loaded(folder: Path, frozen: str | None = None, word: str = "ticket") -> Task:
    rows = [{"input": f"{word} {i}", "target": "ab"[i % 2]} for i in range(200)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = {"all": "rows.jsonl"} | ({"frozen": frozen} if frozen else {})
    task = {
        "name": "t", "goal": "Name it.", "kind": "label", "data": data, "rungs": ["majority"],
        "bar": {"primary": {"metric": "label", "at_least": 0.5}},
    }  # fmt: skip
    (folder / "task.yaml").write_text(json.dumps(task))
    return load_task(load_spec(folder, {}), folder)


def test_the_same_items_pass_and_others_do_not(tmp_path: Path):
    plain = loaded(tmp_path)
    kept = loaded(tmp_path, plain.test_digest[:12].upper())
    assert kept.digest == plain.digest  # freezing redoes no rung
    assert any(
        f"the test split is {plain.test_digest[:12]}" in f.text for f in check_benchmark(kept)
    )
    with pytest.raises(BenchmarkError, match=r"was frozen as .*, and is") as caught:
        loaded(tmp_path, plain.test_digest[:12], word="letter")
    assert "data.frozen" in str(caught.value.hint)


@pytest.mark.parametrize(
    "other",
    [
        {"facts": ("£5",)}, {"sources": ("page",)}, {"answerable": False}, {"target": "c"},
        {"input": (Message("system", "Be brief."), Message("user", "ticket 1"))},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_whatever_an_item_is_marked_by_counts(tmp_path: Path, other: dict[str, Any]):
    plain = loaded(tmp_path)
    first, *rest = plain.examples("test")
    changed = replace(plain, splits={**plain.splits, "test": (replace(first, **other), *rest)})
    assert changed.test_digest != plain.test_digest
    renamed = replace(plain, splits={**plain.splits, "test": (replace(first, id="new"), *rest)})
    assert renamed.test_digest == plain.test_digest


def test_rows_for_training_are_nobodys_concern(tmp_path: Path):
    plain = loaded(tmp_path)
    spec = load_spec(tmp_path, {"data.train_limit": 20, "data.frozen": plain.test_digest})
    few = load_task(spec, tmp_path)
    assert (len(few.examples("train")), few.test_digest) == (20, plain.test_digest)


def test_too_short_to_tell(tmp_path: Path):
    with pytest.raises(TaskError, match=r"data\.frozen"):
        loaded(tmp_path, "abc")
