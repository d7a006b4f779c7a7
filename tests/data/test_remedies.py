"""Steps that mend data: recorded, applied while rows are read, taken back, accounted for."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.read import Loaded, rows_as_held
from tailorbird.data.remedies import (
    FILE,
    Action,
    Change,
    History,
    changed,
    rewriting,
    row_digest,
)
from tailorbird.errors import DataError
from tailorbird.task.task import Data
from tailorbird.task.types import Example, Message, Split

Write, Load = Callable[[str, Any], str], Callable[..., Loaded]
ROWS = [{"input": f"question {i}", "target": f"answer {i}"} for i in range(6)]
TEST = [{"input": f"asked {i}", "target": f"answer {i}"} for i in range(3)]
FILES = {"train": "train.jsonl", "test": "test.jsonl"}


@pytest.fixture
def files(write: Write) -> Mapping[str, str]:
    write("train.jsonl", ROWS)
    write("test.jsonl", TEST)
    return FILES


def step(
    folder: Path, action: Action, changes: Mapping[str, str | None], data: Any = FILES,
    reason: str = "a reason",
) -> History:  # fmt: skip
    """Record a step for the rows as the files hold them."""
    held = {e.id: e for e in rows_as_held(Data.model_validate(data), folder, None)}
    rows = {
        row: Change(digest=row_digest(held[row]), part="train", value=value)
        for row, value in changes.items()
    }
    return History.read(folder).add("labels", action, reason, rows)


def ids(loaded: Loaded, split: Split = "train") -> list[str]:
    return [e.id for e in loaded.splits[split]]


def lines(loaded: Loaded) -> list[str]:
    for account in loaded.accounts:
        account.verify()
    return [line for account in loaded.accounts for line in account.lines()]


# ---- reading ---------------------------------------------------------------------------------


def test_a_dropped_row_is_gone_and_accounted_for(tmp_path: Path, files: Any, load: Load):
    before = (tmp_path / "train.jsonl").read_bytes()
    step(tmp_path, "drop", {"train-000002": None, "train-000005": None})
    loaded = load(**files)
    assert ids(loaded) == ["train-000001", "train-000003", "train-000004", "train-000006"]
    assert lines(loaded) == [
        "train.jsonl: 6 rows read, 4 kept, 2 dropped",
        f"  dropped 2: a reason (step 1 of {FILE}) (first at row 2)",
        "test.jsonl: 3 rows read, 3 kept, 0 dropped",
        f"{FILE}: 2 changes read, 2 kept, 0 dropped",
    ]
    assert (tmp_path / "train.jsonl").read_bytes() == before


def test_a_relabelled_row_has_its_new_target(tmp_path: Path, files: Any, load: Load):
    step(tmp_path, "relabel", {"train-000001": "other"})
    loaded = load(**files)
    assert [e.target for e in loaded.splits["train"]][:2] == ["other", "answer 1"]
    assert f"  changed 1: a reason (step 1 of {FILE}) (first at row 1)" in lines(loaded)


def test_a_rewritten_row_keeps_all_that_belongs_together(tmp_path: Path):
    turns = (Message("system", "Be brief."), Message("user", "Call Ann."))
    before = Example("a", turns, "Ann.", facts=("Ann",), fields={"name": "Ann"}, group="g")
    new = replace(
        before, input=(turns[0], Message("user", "Call [PERSON].")), target="[PERSON].",
        facts=("[PERSON]",), fields={"name": "[PERSON]"},
    )  # fmt: skip
    assert changed(before, "rewrite", rewriting(new)) == new
    plain = Example("a", "Call Ann.", None)
    assert changed(plain, "rewrite", rewriting(replace(plain, input="Call."))).input == "Call."


@pytest.mark.parametrize("value", ["no JSON", "[]", '{"input": "a"}', '{"input": 3, "target": ""}'])
def test_what_rewrites_nothing_is_refused(value: str):
    with pytest.raises(DataError, match="rewrites nothing"):
        changed(Example("a", "b", "c"), "rewrite", value)


def test_a_change_without_a_value_is_refused():
    with pytest.raises(DataError, match="row a: relabel needs a value"):
        changed(Example("a", "b", "c"), "relabel", None)


def test_a_new_group_counts_before_the_pool_is_cut(tmp_path: Path, write: Write, load: Load):
    write("all.jsonl", [{"input": f"q {i}", "target": "a", "g": f"g{i}"} for i in range(60)])
    data = {"all": "all.jsonl", "splits": {"by": "group"},
            "columns": {"input": "input", "target": "target", "group": "g"}}  # fmt: skip
    apart = load(**data)
    pair = ids(apart, "test")[0], ids(apart)[0]
    step(tmp_path, "regroup", dict.fromkeys(pair, "case"), data)
    joined = load(**data)
    sides = [s for s in joined.splits for row in pair if row in ids(joined, s)]
    assert len(sides) == 2
    assert len(set(sides)) == 1
    assert {e.group for s in joined.splits.values() for e in s if e.id in pair} == {"case"}
    others = set(ids(apart)) - set(pair)
    assert others <= set(ids(joined)), "no other row changes sides"


def test_a_new_label_moves_no_row(tmp_path: Path, write: Write, load: Load):
    write("all.jsonl", [{"input": f"q {i}", "target": "ab"[i % 2]} for i in range(60)])
    data = {"all": "all.jsonl", "splits": {"by": "stratum"}}
    before = load(**data)
    step(tmp_path, "relabel", dict.fromkeys(ids(before)[:10], "b"), data)
    after = load(**data)
    assert {s: ids(after, s) for s in after.splits} == {s: ids(before, s) for s in before.splits}


def test_unlabelled_inputs_are_mended_as_well(tmp_path: Path, files: Any, write: Write, load: Load):
    write("pool.jsonl", [{"input": f"pool {i}"} for i in range(3)])
    data = {**files, "unlabelled": "pool.jsonl"}
    step(tmp_path, "drop", {"pool-000002": None}, data)
    assert [e.id for e in load(**data).unlabelled] == ["pool-000001", "pool-000003"]


def test_rows_are_taken_as_held_whatever_becomes_of_them(tmp_path: Path, write: Write):
    """A limit or a leak leaves rows out of a split; they can be mended all the same."""
    write("train.jsonl", [*ROWS, TEST[0]])
    write("test.jsonl", TEST)
    data = Data.model_validate({**FILES, "train_limit": 2, "drop_leaks": True})
    held = [e.id for e in rows_as_held(data, tmp_path, None)]
    assert held == [f"train-{i:06d}" for i in range(1, 8)] + [f"test-{i:06d}" for i in range(1, 4)]


def test_rows_as_held_are_not_gathered(tmp_path: Path, files: Any, write: Write):
    """The unlabelled ones may be too many for memory: each is given as it is read."""
    write("pool.jsonl", b'{"input": "first"}\n')
    data = Data.model_validate({**files, "unlabelled": ["pool.jsonl", "later.jsonl"]})
    rows = rows_as_held(data, tmp_path, None)
    assert [next(rows).id for _ in range(10)][-1] == "pool-000001"
    with pytest.raises(DataError, match="later"):
        next(rows)


# ---- rows that have changed since ------------------------------------------------------------


def test_a_row_that_has_changed_is_left_alone_and_said(
    tmp_path: Path, files: Any, write: Write, load: Load
):
    step(tmp_path, "drop", {"train-000001": None, "train-000002": None})
    write("train.jsonl", [{**ROWS[0], "target": "corrected"}, *ROWS[1:]])
    loaded = load(**files)
    assert "train-000001" in ids(loaded)
    assert "train-000002" not in ids(loaded)
    assert lines(loaded)[-2:] == [
        f"{FILE}: 2 changes read, 1 kept, 1 dropped",
        "  dropped 1: the row is not as it was at step 1 (first at train-000001)",
    ]


def test_rows_that_moved_in_their_file_are_not_mistaken(
    tmp_path: Path, files: Any, write: Write, load: Load
):
    """Ids of rows without one count lines: after an insertion they name other rows."""
    step(tmp_path, "drop", {"train-000002": None, "train-000006": None})
    write("train.jsonl", [{"input": "first", "target": "new"}, *ROWS])
    loaded = load(**files)
    assert len(ids(loaded)) == 7
    assert "  dropped 2: the row is not as it was at step 1 (first at train-000002)" in lines(
        loaded
    )


def test_a_row_that_is_gone_is_said(tmp_path: Path, files: Any, write: Write, load: Load):
    step(tmp_path, "drop", {"train-000006": None})
    write("train.jsonl", ROWS[:5])
    assert "  dropped 1: no row has the id that step 1 names (first at train-000006)" in lines(
        load(**files)
    )


def test_the_digest_is_of_the_row_in_the_file_not_of_earlier_steps(
    tmp_path: Path, files: Any, load: Load
):
    step(tmp_path, "relabel", {"train-000001": "other"})
    step(tmp_path, "drop", {"train-000001": None})
    loaded = load(**files)
    assert "train-000001" not in ids(loaded)
    History.read(tmp_path).undo(1)
    assert "train-000001" not in ids(load(**files)), "step 2 stands by itself"


# ---- history ---------------------------------------------------------------------------------


def test_steps_are_taken_back_and_may_come_again(tmp_path: Path, files: Any, load: Load):
    step(tmp_path, "drop", {"train-000001": None})
    history = History.read(tmp_path).undo(1)
    assert len(ids(load(**files))) == 6
    history = history.undo(2)
    assert len(ids(load(**files))) == 5
    assert history.undone == {2}
    assert [line.split(": ", 1)[1] for line in history.lines()] == [
        "labels: 1 row dropped, a reason", "step 1 taken back (taken back)", "step 2 taken back",
    ]  # fmt: skip
    assert History.read(tmp_path) == history, "what was appended is what is read"


def test_what_cannot_be_taken_back(tmp_path: Path, files: Any):
    history = step(tmp_path, "drop", {"train-000001": None}).undo(1)
    for number, said in ((0, "no step 0"), (3, "no step 3"), (1, "step 1 was taken back before")):
        with pytest.raises(DataError, match=said):
            history.undo(number)
    assert len((tmp_path / FILE).read_text().splitlines()) == 2


def test_a_step_that_a_later_rewriting_rests_on(tmp_path: Path, files: Any, load: Load):
    step(tmp_path, "relabel", {"train-000001": "Ann", "train-000002": "Bob"})
    new = rewriting(Example("train-000001", "question", "[PERSON]"))
    history = step(tmp_path, "rewrite", {"train-000001": new})
    with pytest.raises(DataError, match="step 2 came after step 1 and rewrote the same rows"):
        history.undo(1)
    history.undo(2).undo(1)
    assert [e.target for e in load(**files).splits["train"]][:2] == ["answer 0", "answer 1"]


def test_a_step_that_comes_back_under_a_later_rewriting(tmp_path: Path, files: Any, load: Load):
    """The rewriting holds the target as it was without step 1, and would undo it unsaid."""
    step(tmp_path, "relabel", {"train-000001": "Ann"}).undo(1)
    new = rewriting(Example("train-000001", "question", "answer 0"))
    history = step(tmp_path, "rewrite", {"train-000001": new})
    with pytest.raises(DataError, match="step 3 came after step 1 and rewrote the same rows"):
        history.undo(2)
    history.undo(3).undo(2)
    assert load(**files).splits["train"][0].target == "Ann"


def test_two_writers_number_their_steps_one_after_the_other(tmp_path: Path, files: Any):
    change = {row: Change(digest="0" * 16, part="train") for row in ("a", "b")}
    one, two = History.read(tmp_path), History.read(tmp_path)
    one.add("labels", "drop", "r", {"a": change["a"]})
    assert len(two.add("labels", "drop", "r", {"b": change["b"]}).steps) == 2
    two.undo(1)
    with pytest.raises(DataError, match="step 1 was made meanwhile"):
        History(one.file).add("labels", "drop", "r", change)
    assert [s.step for s in History.read(tmp_path).steps] == [1, 2, 3]


def test_writers_wait_for_one_another(tmp_path: Path):
    def write(n: int) -> None:
        rows = {f"row {n}": Change(digest="0" * 16, part="train")}
        History(tmp_path / FILE).add("labels", "drop", "r", rows)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert [s.step for s in History.read(tmp_path).steps] == list(range(1, 41))


def test_a_change_that_was_not_made_is_not_counted_as_kept(tmp_path: Path, files: Any, load: Load):
    step(tmp_path, "drop", {"train-000001": None})
    step(tmp_path, "relabel", {"train-000001": "x", "train-000002": "y"})
    assert lines(load(**files))[-2:] == [
        f"{FILE}: 3 changes read, 2 kept, 1 dropped",
        "  dropped 1: step 1 drops the row before step 2 (first at train-000001)",
    ]


def test_a_change_of_a_row_that_stands_in_no_split(tmp_path: Path, write: Write, load: Load):
    rows = [{"input": f"q {i}", "target": "a", "group": f"g{i % 10}"} for i in range(40)]
    made = [{**row, "input": f"made {i}", "synthetic": "m"} for i, row in enumerate(rows)]
    write("all.jsonl", [*rows, *made])
    data = {"all": "all.jsonl", "splits": {"by": "group"},
            "columns": {"group": "group"}}  # fmt: skip
    left = {f"all-{n:06d}" for n in range(1, 81)} - {
        e.id for s in load(**data).splits.values() for e in s
    }
    step(tmp_path, "relabel", {min(left): "b"}, data)
    assert lines(load(**data))[-2:] == [
        f"{FILE}: 1 change read, 0 kept, 1 dropped",
        f"  dropped 1: no split has the row that step 1 names (first at {min(left)})",
    ]


def test_no_file_is_no_step(tmp_path: Path, files: Any, load: Load):
    assert History.read(tmp_path).steps == ()
    assert not any(FILE in line for line in lines(load(**files)))
    assert not (tmp_path / FILE).exists()


def test_a_step_that_a_kill_tore_is_none_and_the_next_takes_its_place(
    tmp_path: Path, files: Any, load: Load
):
    step(tmp_path, "drop", {"train-000001": None})
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes() + b'{"step": 2, "check": "lab')
    assert len(ids(load(**files))) == 5
    step(tmp_path, "drop", {"train-000002": None})
    assert [s.step for s in History.read(tmp_path).steps] == [1, 2]


GOOD = {"step": 1, "check": "labels", "action": "drop", "reason": "r",
        "when": "2026-01-02T03:04:05Z", "rows": {}}  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (["{no json", json.dumps(GOOD)], "line 1 is not JSON"),
        ([json.dumps([1])], "line 1 is no step"),
        ([json.dumps({**GOOD, "step": 2})], "line 1: step 2 stands where step 1 should"),
        ([json.dumps(GOOD), json.dumps(GOOD)], "line 2: step 1 stands where step 2 should"),
        ([json.dumps({**GOOD, "action": "burn"})], "action"),
        ([json.dumps({**GOOD, "acton": "drop"})], "acton"),
        ([json.dumps({**GOOD, "rows": {"a": {"digest": "x"}}})], "part"),
        ([json.dumps({"step": 1, "undo": 1, "when": GOOD["when"]})], "line 1: step 1 stands"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, broken: list[str], said: str):
    (tmp_path / FILE).write_text("\n".join(broken) + "\n")
    with pytest.raises(DataError, match=said) as caught:
        History.read(tmp_path)
    assert FILE in str(caught.value)
    assert "last copy" in str(caught.value.hint)
