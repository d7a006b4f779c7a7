from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.pool import Written, write_splits
from tailorbird.data.remedies import Change, History, row_digest
from tailorbird.errors import DataError
from tailorbird.task.task import Data

ROWS = [
    {"question": f"q {n}", "reply": f"{n % 3}", "who": f"c{n // 2}", "on": "2026-01-02", "x": n}
    for n in range(60)
]
NAMED = {"input": "question", "target": "reply", "group": "who", "time": "on", "fields": ["x"]}
PLAIN = [{"id": f"r{n}", "input": f"q {n}", "target": "a b", "facts": ["a;b"]} for n in range(40)]
CHATS = [
    {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": f"u {n}"},
                  {"role": "assistant", "content": "a"}], "sources": ["d"]}
    for n in range(40)
]  # fmt: skip


def cut(folder: Path, **data: Any) -> Written:
    return write_splits(Data.model_validate(data), folder, None, 0, folder / "cut")


@pytest.mark.parametrize(
    ("rows", "data"),
    [
        (ROWS, {"columns": NAMED, "splits": {"by": "group"}, "train_limit": 9}),
        (ROWS, {"columns": NAMED, "splits": {"by": "stratum"}, "max_input_chars": 3}),
        (PLAIN, {}),
        ([r | {"n": r["id"]} for r in PLAIN], {"format": "columns", "columns": {"id": "n"}}),
        ([{"input": "q", "target": "a"}] * 40, {"drop_leaks": True}),
        (CHATS, {}),
        (CHATS, {"format": "messages"}),
        ([[f"q {n}", "a"] for n in range(40)], {"columns": {"input": 0, "target": 1}}),
    ],
)
def test_the_splits_stay_as_they_are(
    rows: Any, data: dict[str, Any], write: Any, load: Any, tmp_path: Path
) -> None:
    write("pool.jsonl", rows)
    before = load(all="pool.jsonl", **data)
    written = cut(tmp_path, all="pool.jsonl", **data)
    after = load(**{k: v for k, v in data.items() if k != "splits"} | written.keys)
    for split, examples in before.splits.items():
        bare = [replace(e, provenance=None) for e in after.splits[split]]
        assert bare == [replace(e, provenance=None) for e in examples]
    assert sum(written.rows.values()) == len(rows)


@pytest.mark.parametrize(
    ("held", "named"), [({}, "id"), ({"id": "u"}, "row_id"), ({"id": 1, "row_id": 2}, "row_id_2")]
)
def test_unlabelled_inputs_keep_their_ids(
    held: dict[str, Any], named: str, write: Any, load: Any, tmp_path: Path
) -> None:
    write("pool.jsonl", ROWS)
    write("un.jsonl", ["", {"question": "one"}, {"question": "two"} | held])
    data = {"columns": NAMED, "unlabelled": "un.jsonl"}
    before = load(all="pool.jsonl", **data).unlabelled
    assert [e.id for e in before] == ["un-000002", "un-000003"]
    keys = cut(tmp_path, all="pool.jsonl", **data).keys
    assert keys["columns"]["id"] == named
    after = load(**data | keys).unlabelled
    assert [(e.id, e.input) for e in after] == [(e.id, e.input) for e in before]


def test_other_unlabelled_inputs_are_refused(write: Any, tmp_path: Path) -> None:
    """Ids that are made up of a file's name are others where a split's file has taken that."""
    write("pool.jsonl", ROWS)
    write("more/dev.jsonl", [{"question": "one"}])
    with pytest.raises(DataError, match="without answers would be read otherwise"):
        cut(tmp_path, all="pool.jsonl", columns=NAMED, unlabelled="more/dev.jsonl")
    assert not list((tmp_path / "cut").iterdir())


def test_made_up_rows_and_remedies_stay_so(write: Any, load: Any, tmp_path: Path) -> None:
    write("pool.jsonl", [*PLAIN, PLAIN[0] | {"id": "new", "input": "?", "synthetic": True}])
    first, second, *_ = load(all="pool.jsonl").splits["train"]
    for row, action, value in ((first, "drop", None), (second, "relabel", "other")):
        change = Change(digest=row_digest(row), part="train", value=value)
        History.read(tmp_path).add("labels", action, "why", {row.id: change})
    cut_files = cut(tmp_path, all="pool.jsonl").keys
    after = load(**cut_files)
    found = {e.id: e for e in after.splits["train"]}
    assert first.id not in found
    assert found[second.id].target == "other"
    assert found["new"].made_up
    assert after.accounts[-1].dropped == {}


def test_what_cannot_be_cut_is_refused(write: Any, tmp_path: Path) -> None:
    write("pool.jsonl", PLAIN)
    with pytest.raises(DataError, match=r"no data\.all to cut"):
        cut(tmp_path, train="pool.jsonl", test="pool.jsonl")
    write("cut/dev.jsonl", "mine")
    with pytest.raises(DataError, match=r"dev\.jsonl exists already"):
        cut(tmp_path, all="pool.jsonl")
    assert [p.name for p in (tmp_path / "cut").iterdir()] == ["dev.jsonl"]
    (tmp_path / "cut" / "dev.jsonl").unlink()
    row = {"schemaVersion": "bedrock-conversation-2024", "messages": [
        {"role": "user", "content": [{"text": "u"}]},
        {"role": "assistant", "content": [{"text": "a"}]}]}  # fmt: skip
    write("pool.jsonl", [row] * 20)
    with pytest.raises(DataError, match="cannot be written as converse"):
        cut(tmp_path, all="pool.jsonl", format="converse")
    assert not list((tmp_path / "cut").iterdir())
