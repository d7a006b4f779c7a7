"""Every shape of preference becomes the same comparison; what cannot is dropped with a reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.preferences import Preferences, load_preferences
from tailorbird.errors import DataError
from tailorbird.task.benchmark import load_task
from tailorbird.task.check import check_benchmark
from tailorbird.task.task import File, load_spec
from tailorbird.task.types import Message
from tailorbird.testing import small_task


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


ASKED = said("user", "When do you open?")
BETTER, WORSE = said("assistant", "From 9 am."), said("assistant", "No idea.")
SHAPES: dict[str, dict[str, Any]] = {
    "strings": {"prompt": "When do you open?", "chosen": "From 9 am.", "rejected": "No idea."},
    "messages": {"prompt": [ASKED], "chosen": [BETTER], "rejected": [WORSE]},
    "whole conversations beside the prompt": {
        "prompt": "When do you open?", "chosen": [ASKED, BETTER], "rejected": [ASKED, WORSE],
    },
    "implicit prompt": {"chosen": [ASKED, BETTER], "rejected": [ASKED, WORSE]},
    "transcripts": {
        "chosen": "\n\nHuman: When do you open?\n\nAssistant: From 9 am.",
        "rejected": "\n\nHuman: When do you open?\n\nAssistant: No idea.",
    },
    "openai": {
        "input": {"messages": [ASKED], "tools": []},
        "preferred_output": [BETTER],
        "non_preferred_output": [WORSE],
    },
    "ranking": {"prompt": "When do you open?", "answers": ["From 9 am.", "No idea."]},
    "alpaca": {"instruction": "When do you", "input": "open?", "chosen": "From 9 am.",
               "rejected": "No idea."},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "When do you open?"}],
        "chosen": {"from": "gpt", "value": "From 9 am."},
        "rejected": {"from": "gpt", "value": "No idea."},
    },
    "converse": {
        "messages": [
            {"role": "user", "content": [{"text": "When do you open?"}]},
            {"role": "assistant", "candidates": [
                {"content": [{"text": "No idea."}], "preferenceLabel": "non-preferred"},
                {"content": [{"text": "From 9 am."}], "preferenceLabel": "preferred"},
            ]},
        ],
    },
    "ranking of messages": {"prompt": [ASKED], "answers": [[BETTER], [WORSE]]},
}  # fmt: skip


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Preferences]:
    def read(*names: str, **more: Any) -> Preferences:
        return load_preferences([File(path=name) for name in names], tmp_path, None, **more)

    return read


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_of_ranked_answers(shape: str, write: Any, read: Any) -> None:
    [found] = read(write("p.jsonl", [SHAPES[shape]])).comparisons
    assert found.input == ("When do you\nopen?" if shape == "alpaca" else "When do you open?")
    assert found.answers == ("From 9 am.", "No idea.")
    assert found.good is None
    assert found.id == "p-000001"
    assert found.provenance is not None


@pytest.mark.parametrize(
    ("column", "value", "good"),
    [("label", True, True), ("label", False, False), ("label", 0, False), ("kto_tag", True, True)],
)
def test_shape_of_one_judged_answer(
    column: str, value: Any, good: bool, write: Any, read: Any
) -> None:
    row = {"prompt": [ASKED], "completion": [BETTER], column: value}
    [found] = read(write("p.jsonl", [row])).comparisons
    assert (found.input, found.answers) == ("When do you open?", ("From 9 am.",))
    assert found.good is good


def test_longer_rankings_and_conversations_are_kept_whole(write: Any, read: Any) -> None:
    rows = [
        {"prompt": "Why?", "answers": ["a", "b", "c", "d"], "id": "one", "group": "g"},
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: So.",
            "rejected": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: Go away.",
        },
    ]
    one, two = read(write("p.jsonl", rows)).comparisons
    assert (one.id, one.group, one.answers) == ("one", "g", ("a", "b", "c", "d"))
    assert two.input == (
        Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Why?"),
    )  # fmt: skip
    assert two.answers == ("So.", "Go away.")


def test_white_space_that_a_transcript_loses_is_counted(write: Any, read: Any) -> None:
    row = dict(SHAPES["transcripts"])
    row["rejected"] += " \n"
    [account] = read(write("p.jsonl", [SHAPES["transcripts"], row])).accounts
    assert account.changed == {"white space around turns of a transcript stripped": 1}


def test_tables(write: Any, read: Any, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    write("p.csv", "prompt,chosen,rejected\nWhy?,So.,No.\n")
    write("k.csv", "prompt,completion,label\nWhy?,So.,true\nWhy?,No.,0\n")
    table = pyarrow.Table.from_pylist([SHAPES["messages"]])
    pyarrow.parquet.write_table(table, tmp_path / "p.parquet")
    write("p.json", json.dumps([SHAPES["openai"]]))
    found = read("p.csv", "k.csv", "p.parquet", "p.json").comparisons
    assert [c.answers for c in found] == [
        ("So.", "No."), ("So.",), ("No.",), ("From 9 am.", "No idea."), ("From 9 am.", "No idea."),
    ]  # fmt: skip
    assert [c.good for c in found] == [None, True, False, None, None]
    assert len({c.id for c in found}) == 5


BAD: list[tuple[Any, str]] = [
    ([1], "a row is of type list, not an object"),
    ({"text": "a"}, "not of the shape of a preference"),
    ({"prompt": "a", "chosen": "b", "rejected": " b "}, "two answers are equal"),
    ({"prompt": "a", "chosen": "b", "rejected": "  "}, "an answer is empty"),
    ({"prompt": "a", "chosen": "b", "rejected": None}, "no rejected"),
    ({"prompt": " ", "chosen": "b", "rejected": "c"}, "empty prompt"),
    ({"prompt": "a", "chosen": 3, "rejected": {}}, "rejected is of type dict, not text"),
    ({"prompt": "a", "answers": ["b"]}, "answers is not a list of two or more"),
    ({"prompt": "a", "completion": "b", "label": None}, "no label"),
    ({"prompt": "a", "completion": "b", "label": "maybe"}, "label is neither true nor false"),
    ({"prompt": "a", "completion": "b"}, "not of the shape of a preference"),
    ({"chosen": "b", "rejected": "c"}, "a transcript should begin with a blank line and Human:"),
    (
        {"chosen": [ASKED, BETTER], "rejected": [said("user", "Why?"), WORSE]},
        "the answers do not follow the same prompt",
    ),
    ({"chosen": [ASKED], "rejected": [ASKED, WORSE]}, "ends without an assistant turn"),
    (
        {"input": "a", "preferred_output": [BETTER], "non_preferred_output": [WORSE]},
        "input holds no messages",
    ),
    (
        {"prompt": [said("tool", "x")], "chosen": "b", "rejected": "c"},
        'role "tool" is not supported',
    ),
]


def test_what_cannot_be_used_is_counted(write: Any, read: Any) -> None:
    rows = [SHAPES["strings"], *(row for row, _ in BAD)]
    [account] = read(write("p.jsonl", rows)).accounts
    assert (account.read, account.kept, account.dropped.total()) == (len(rows), 1, len(BAD))
    reasons: dict[str, int] = {}
    for _, reason in BAD:
        reasons[reason] = reasons.get(reason, 0) + 1
    assert dict(account.dropped) == reasons


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_a_file_without_a_preference_is_an_error(
    row: Any, reason: str, write: Any, read: Any
) -> None:
    with pytest.raises(DataError, match="none of 1 row can be used as a preference") as caught:
        read(write("p.jsonl", [row]))
    assert reason in str(caught.value)


def test_an_empty_file_is_an_error(write: Any, read: Any) -> None:
    with pytest.raises(DataError, match=r"p\.jsonl is empty"):
        read(write("p.jsonl", ""))


def test_broken_lines_and_repeated_ids_are_counted(write: Any, read: Any) -> None:
    row = json.dumps(SHAPES["strings"] | {"id": "x"})
    found = read(write("p.jsonl", f"{row}\n{{\n{row}\n"))
    assert [c.id for c in found.comparisons] == ["x", "x#2"]
    [account] = found.accounts
    assert account.dropped == {"not valid JSON": 1}
    assert account.changed == {"duplicate id made unique": 1}


def test_a_row_that_is_dropped_takes_no_id_and_changes_nothing(write: Any, read: Any) -> None:
    row = SHAPES["transcripts"] | {"id": "x"}
    worse = row | {"rejected": f"{row['rejected']} \n", "group": ["a", "list"]}
    found = read(write("p.jsonl", [worse, row, worse | {"group": "g", "id": {}}]))
    assert [c.id for c in found.comparisons] == ["x"]
    [account] = found.accounts
    assert account.dropped == {
        "group is of type list, not text": 1, "id is of type dict, not text": 1,
    }  # fmt: skip
    assert not account.changed


# ---- in a task ---------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    small_task("answer", tmp_path)
    return tmp_path


def rows_about(task: Any) -> list[dict[str, Any]]:
    """One preference on a test question, one on another."""
    told = task.examples("test")[0].text.upper()
    return [{"prompt": p, "chosen": "Yes.", "rejected": "No."} for p in (told, "Are you open?")]


def under_instructions(row: dict[str, Any]) -> dict[str, Any]:
    prompt = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": row["prompt"]}]
    return {"prompt": prompt} | {
        k: [{"role": "assistant", "content": row[k]}] for k in ("chosen", "rejected")
    }


def test_a_task_names_its_preferences(shop: Path, write: Any) -> None:
    plain = load_task(load_spec(shop), shop)
    name = write("p.jsonl", rows_about(plain)[1:])
    task = load_task(load_spec(shop, {"data.preferences": name}), shop)
    assert [c.input for c in task.comparisons] == ["Are you open?"]
    assert [a.kept for a in task.accounts if a.file == "p.jsonl"] == [1]
    assert task.digest != plain.digest
    assert not [f for f in check_benchmark(task) if f.level == "error"]
    other = write("p.jsonl", [rows_about(plain)[1] | {"rejected": "Never."}])
    changed = load_task(load_spec(shop, {"data.preferences": other}), shop)
    assert changed.digest != task.digest


@pytest.mark.parametrize("told", [dict, under_instructions])
def test_a_preference_on_a_test_question_is_a_leak(shop: Path, write: Any, told: Any) -> None:
    plain = load_task(load_spec(shop), shop)
    rows = [told(row) for row in rows_about(plain)]
    settings = {"data.preferences": write("p.jsonl", rows)}
    task = load_task(load_spec(shop, settings), shop)
    [error] = [f for f in check_benchmark(task) if f.level == "error"]
    assert "1 preference has the input of a test item, first 'p-000001'" in error.text
    task = load_task(load_spec(shop, settings | {"data.drop_leaks": True}), shop)
    assert not [f for f in check_benchmark(task) if f.level == "error"]
    [account] = [a for a in task.accounts if a.file == "p.jsonl"]
    assert account.dropped == {"the same input stands in test": 1}
    assert len(task.comparisons) == 1


def test_a_group_of_the_test_items_is_a_leak(shop: Path, write: Any) -> None:
    row = {"prompt": "Are you open?", "chosen": "Yes.", "rejected": "No.", "group": "customer 7"}
    settings = {"data.preferences": write("p.jsonl", [row]), "data.columns.group": "answerable"}
    task = load_task(load_spec(shop, settings), shop)
    assert not any("preferences have the group" in f.text for f in check_benchmark(task))
    write("p.jsonl", [row | {"group": "true"}])
    task = load_task(load_spec(shop, settings), shop)
    assert any("1 preference has the group of a test item" in f.text for f in check_benchmark(task))
