"""Nothing that was made up is ever tested on: both doors of the data are closed to it."""

from collections.abc import Callable
from typing import Any

import pytest

from tailorbird.data.preferences import load_preferences
from tailorbird.data.provenance import made_up_by
from tailorbird.data.read import Loaded
from tailorbird.errors import DataError
from tailorbird.task.task import File

Write = Callable[[str, Any], str]
Load = Callable[..., Loaded]
MADE = {"generator": "variations", "teacher": None}


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"input": f"question {n}", "target": f"answer {n}", **more}


@pytest.mark.parametrize("columns", [{}, {"columns": {"input": "input"}}])
def test_a_test_file_with_made_up_rows_is_refused(write: Write, load: Load, columns: Any):
    train = write("train.jsonl", [row(1)])
    test = write("test.jsonl", [row(2), row(3, synthetic=MADE)])
    with pytest.raises(DataError, match=r"test\.jsonl: .* 1 row .* first row 2 \(by variations\)"):
        load(train=train, test=test, **columns)


def test_of_one_pool_they_go_to_train(write: Write, load: Load):
    found = [row(n) for n in range(200)]
    made = [row(n, id=f"made-{n}", synthetic=MADE) for n in range(200, 400)]
    alone = load(all=write("found.jsonl", found))
    mixed = [x for pair in zip(made, found, strict=True) for x in pair]
    loaded = load(all=[write("found.jsonl", found), write("made.jsonl", made)])
    assert loaded.splits["test"] == alone.splits["test"]
    assert loaded.splits["dev"] == alone.splits["dev"]
    assert [e.id for e in loaded.splits["train"] if e.made_up] == [r["id"] for r in made]
    # Whatever file they stand in, and between whatever rows.
    one = load(all=write("mixed.jsonl", mixed))
    assert len(one.splits["test"]) > 20
    assert not any(e.made_up for e in (*one.splits["test"], *one.splits["dev"]))
    assert sum(e.made_up for e in one.splits["train"]) == 200


def test_of_a_group_that_is_tested_on_they_are_dropped(write: Write, load: Load):
    found = [row(n, group=f"g{n}") for n in range(50)]
    made = [row(n + 50, group=f"g{n}", synthetic=MADE) for n in range(50)]
    pool = write("pool.jsonl", [*found, *made])
    loaded = load(all=pool, splits={"by": "group", "dev": 0.2, "test": 0.3})
    held = {e.group for s in ("dev", "test") for e in loaded.splits[s]}
    train = [e for e in loaded.splits["train"] if e.made_up]
    assert held
    assert len(train) == 50 - len(held)
    assert not held & {e.group for e in train}
    (account,) = loaded.accounts
    reasons = {r: n for r, n in account.dropped.items() if r.startswith("made up from a group")}
    assert sum(reasons.values()) == len(held)


def test_the_order_of_time_moves_none_of_them(write: Write, load: Load):
    rows = [row(n, when=f"2026-01-{n + 1:02}") for n in range(20)]
    late = [row(n, when="2027-01-01", synthetic=MADE) for n in range(20, 25)]
    pool = write("pool.jsonl", [*rows, *late])
    loaded = load(all=pool, columns={"time": "when"}, splits={"by": "time"})
    assert [e.made_up for e in loaded.splits["test"]] == [False] * 4


def test_preferences_know_it_too(write: Write, tmp_path):
    pair = {"prompt": "When?", "chosen": "At nine.", "rejected": "At ten."}
    file = write("pairs.jsonl", [pair, {**pair, "synthetic": MADE}])
    found = load_preferences([File(path=file)], tmp_path, None).comparisons
    assert [c.provenance and c.provenance.synthetic for c in found] == [None, "variations"]


@pytest.mark.parametrize(
    ("said", "maker"),
    [
        (MADE, "variations"),
        ("questions", "questions"),
        (True, "unknown"),
        ({}, "unknown"),
        (1, "unknown"),
        (None, None),
        (False, None),
        ("no", None),
        (float("nan"), None),
    ],
)
def test_what_a_row_says_of_its_maker(said: Any, maker: str | None):
    assert made_up_by({"synthetic": said}) == maker


def test_a_row_that_is_no_object_was_found():
    assert made_up_by(["a", "b"]) is None
