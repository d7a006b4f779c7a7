import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.cells import packed, unpacked

CHAT = [{"role": "user", "content": "hi"}]
ROWS: list[dict[str, Any]] = [
    {"messages": CHAT, "id": "a"},
    {"conversations": [{"from": "human", "value": "hi"}], "chosen": {"from": "gpt", "value": "a"}},
    {"prompt": CHAT, "completion": "[1, 2]"},
    {"prompt": "", "completion": ""},
    {"prompt": '{"a": 1}', "completion": '{"role": "user"}', "label": True},
    {"instruction": "i", "input": "", "output": "", "history": [["q", "a"]], "system": "s"},
    {"input": {"messages": CHAT}, "preferred_output": CHAT, "non_preferred_output": CHAT},
    {"request": {"messages": CHAT}, "response": {"choices": [{"message": CHAT[0]}]}},
    {"prompt": "p", "reward_model": {"style": "rule", "ground_truth": "3"}},
    {"prompt": "p", "completion": "[not JSON", "tools": '[{"name": "f"}]'},
    {"query": "q", "response": '{"answer": 3}', "metadata": {"a": 1}},
    {"system": [{"text": "s"}], "messages": [{"role": "user", "content": [{"text": "hi"}]}]},
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_unpacked_as_it_was(row: dict[str, Any]) -> None:
    cells = packed(row)
    assert all(isinstance(cell, str) for cell in cells.values())
    assert unpacked(cells) == row


def test_empty_cells_of_other_rows_are_no_values() -> None:
    every = dict.fromkeys(["chosen", "rejected", "output", "kto_tag", "system", "score"], "")
    assert unpacked({"instruction": "i", "input": ""} | every | {"output": "o"}) == {
        "instruction": "i", "input": "", "output": "o",
    }  # fmt: skip
    assert unpacked({"instruction": "i"} | every | {"chosen": "c"}) == {
        "instruction": "i", "chosen": "c", "rejected": "",
    }  # fmt: skip
    assert unpacked({"messages": json.dumps(CHAT)} | every) == {"messages": CHAT}


def test_numbers_of_further_columns_become_texts() -> None:
    assert unpacked(packed({"text": "t", "score": 0.5, "none": None})) == {
        "text": "t", "score": "0.5",
    }  # fmt: skip


@given(st.dictionaries(st.sampled_from(["prompt", "output", "messages", "x"]), st.text(max_size=9)))
def test_any_cells_can_be_unpacked(cells: dict[str, str]) -> None:
    assert unpacked(cells).keys() <= cells.keys()
