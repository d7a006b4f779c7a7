"""Rows whose label a model doubts are found, and shown without either label."""

from dataclasses import replace
from pathlib import Path

import pytest
from labelling import queue_of, study_with_pool

from tailorbird.learn.second_look import doubtful

pytest.importorskip("cleanlab")


def test_wrong_labels_are_found(tmp_path: Path):
    task = study_with_pool(tmp_path / "study")
    train = list(task.examples("train"))
    for place in (3, 30):
        other = "billing" if train[place].target != "billing" else "returns"
        train[place] = replace(train[place], target=other)
    wrong = {train[3].id, train[30].id}
    spoilt = replace(task, splits={**task.splits, "train": tuple(train)}).without_test()
    entries = doubtful(spoilt, 5, tmp_path / "cache", quiet=True)
    # Of two errors in 48 rows it may miss one; a sound row it does not accuse.
    assert entries
    assert {e.example.id for e in entries} <= wrong
    assert doubtful(spoilt, 1, tmp_path / "cache", quiet=True) == entries[:1]

    queue = queue_of(spoilt, tmp_path / "labels.db")
    queue.put(entries, "chief")
    for item in queue.claim("ann", 9):
        assert item.entry.gold is not None
        shown = item.shown()
        assert shown["suggestion"] is None
        assert item.entry.gold not in shown["why"]
