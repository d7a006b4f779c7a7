import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.data import json_text
from tailorbird.data.json_list import elements
from tailorbird.data.json_text import JsonText, NotJson, Scanner

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def read(content: bytes, window: int, key: str | None = None) -> list[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_WINDOW", window)
        stream = io.BufferedReader(io.BytesIO(content))
        return [parsed.value for parsed in elements(stream, key, "t.json")]


@settings(max_examples=50)
@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_lists_are_read_through_windows_of_any_size(
    rows: list[Any], window: int, ascii_: bool, indent: int | None
) -> None:
    content = json.dumps(rows, ensure_ascii=ascii_, indent=indent).encode("utf-8", "replace")
    assert read(content, window) == json.loads(content)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), VALUES, st.integers(1, 40))
def test_lists_inside_are_found_and_the_rest_is_passed(
    around: dict[str, Any], first: Any, window: int
) -> None:
    whole = {**around, "data": {"x": first, "rows": [1, first, "end"], "y": first}, "z": around}
    content = json.dumps(whole).encode()
    wanted = json.loads(content)["data"]["rows"]
    assert read(content, window, "data.rows") == wanted


@settings(max_examples=80)
@given(st.lists(VALUES, max_size=3), st.data(), st.integers(1, 40))
def test_what_json_refuses_is_refused(rows: list[Any], data: st.DataObject, window: int) -> None:
    """A character taken out, put in or replaced: the same verdict, and the same value."""
    text = json.dumps(rows)
    at = data.draw(st.integers(1, len(text) - 1))
    put = data.draw(st.sampled_from(["", *'[]{},:"\\u0e-.tfn x']))
    text = text[:at] + put + text[at + data.draw(st.integers(0, 1)) :]
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(NotJson):
            read(text.encode(), window)
    else:
        assert read(text.encode(), window) == expected


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('{"a": [1], "a": [2]}', "a", 'the key "a" stands twice'),
        ("[1] 2", None, "more follows"),
        ('{"a": [1]} x', "a", "more follows"),
        ("[1, 2", None, "not valid JSON"),
        ('{"a": [1], "b": }', "a", "not valid JSON"),
        ('[1, "open', None, "not valid JSON"),
        ("[" * 100_000, None, "nested too deeply"),
        ("[1" + "0" * 5000 + "]", None, "4,300 digits"),
        ("{a: [1]}", "a", "not valid JSON"),
    ],
)
def test_broken_lists(text: str, key: str | None, said: str) -> None:
    with pytest.raises(NotJson, match=said):
        read(text.encode(), 2**20, key)


def test_bytes_that_are_not_utf8_are_the_row_s_own_matter() -> None:
    content = b'[{"a": "caf\xe9"}, {"b": "\xc3\xa9"}]'
    stream = io.BufferedReader(io.BytesIO(content))
    first, second = elements(stream, None, "t.json")
    assert (first.value, first.notes) == ({"a": "café"}, ("not UTF-8, read as cp1252",))
    assert (second.value, second.notes) == ({"b": "é"}, ())


def test_a_long_list_that_is_passed_is_not_held() -> None:
    """Ten megabytes of rows pass through a window of a few kilobytes."""
    row = json.dumps({"text": "word " * 20})
    content = f'{{"train": [{",".join([row] * 90_000)}], "test": [1, 2]}}'.encode()
    stream = io.BufferedReader(io.BytesIO(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_WINDOW", 4096)
        text = JsonText(stream, Scanner())
        longest = 0
        for name in text.members():
            if name == "train":
                for _ in text.elements():
                    text.skip()
                    longest = max(longest, len(text._text))
            else:
                assert [text.value().value for _ in text.elements()] == [1, 2]
    assert longest < 10_000
