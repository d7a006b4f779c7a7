import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.formats import columns
from tailorbird.data.formats.base import (
    Draft,
    Unusable,
    annotate,
    draft,
    text_of,
    texts_of,
    truth_of,
)
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.registry import module, names
from tailorbird.task.task import Columns
from tailorbird.task.types import Message

SYSTEM, USER, BOT = Message("system", "s"), Message("user", "u"), Message("assistant", "a")


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def convert(name: str, row: Any) -> Draft:
    form = module("data.formats", name)
    assert form.recognise(row)
    return draft(form.read(row))


ROWS: dict[str, Any] = {
    "messages": {"messages": [says("user", "u"), says("assistant", "a")]},
    "alpaca": {"instruction": "u", "input": "", "output": "a"},
    "sharegpt": {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]},
    "prompt_completion": {"prompt": "u", "completion": "a"},
    "columns": {"input": "u", "target": "a"},
    "genqa": {"query": "u", "response": "a"},
    "converse": {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [says("user", [{"text": "u"}]), says("assistant", [{"text": "a"}])],
    },
    "openai_reinforcement": {"messages": [says("user", "u")], "reference_answer": "a"},
    "verl": {"prompt": [says("user", "u")], "reward_model": {"ground_truth": "a"}},
}


def test_every_format_of_examples_is_tested() -> None:
    every = names("data.formats")
    assert sorted(ROWS) == [name for name in every if module("data.formats", name).EXAMPLES]


@pytest.mark.parametrize("name", ROWS)
def test_every_format_says_the_same_and_recognises_only_itself(name: str) -> None:
    assert convert(name, ROWS[name]) == Draft("u", "a")
    assert [n for n in ROWS if module("data.formats", n).recognise(ROWS[name])] == [name]


KEYS = ("messages", "conversations", "role", "from", "content", "value", "tools", "system",
        "prompt", "completion", "instruction", "output", "history", "input", "target")  # fmt: skip
LEAVES = st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["user", "assistant"])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    name=st.sampled_from(sorted(ROWS)),
    rest=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3),
    replaced=JSON,
)
def test_any_json_converts_or_says_why_not(name: str, rest: Any, replaced: Any) -> None:
    key = next(iter(ROWS[name]))
    for row in (ROWS[name] | rest, ROWS[name] | {key: replaced}, replaced):
        if module("data.formats", name).recognise(row):
            with contextlib.suppress(Unusable):
                assert isinstance(annotate(convert(name, row), row), Draft)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([says("system", "s"), says("user", "u"), says("assistant", "a")], (SYSTEM, USER)),
        ([says("developer", "s"), says("user", "u"), says("assistant", "a")], (SYSTEM, USER)),
        ([says("user", "u"), says("user", "u"), says("assistant", "a")], (USER, USER)),
        (
            [says("user", "u"), says("assistant", "a"), says("user", "u"), says("assistant", "a")],
            (USER, BOT, USER),
        ),
        ([says("user", [{"type": "text", "text": "u"}]), says("assistant", ["a"])], "u"),
        ([says("user", [{"text": "x"}, {"text": "y"}]), says("assistant", "a")], "x\ny"),
        ([says("assistant", "a")], ()),
    ],
)
def test_messages(messages: list[Any], expected: Any) -> None:
    assert convert("messages", {"messages": messages}) == Draft(expected, "a")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "ends without an assistant turn"),
        ([says("user", "u")], "ends without an assistant turn"),
        ([says("assistant", "a"), says("user", "u")], "ends without an assistant turn"),
        ([says("tool", "u"), says("assistant", "a")], 'role "tool" is not supported'),
        ([says("critic", "u"), says("assistant", "a")], 'role "critic" is not supported'),
        ([{"content": "u"}], 'role "None" is not supported'),
        ([{"role": ["user"], "content": "u"}], "role \"['user']\" is not supported"),
        (["u", "a"], "a message is not an object"),
        (
            [says("assistant", None, tool_calls=[{"function": {"name": "f"}}])],
            "tool calls are not supported",
        ),
        ([says("assistant", None, tool_calls=[{}])], "a tool call holds no function"),
        ([says("user", [{"type": "image_url"}])], 'content part "image_url" is not supported'),
        ([says("user", [3])], 'content part "int" is not supported'),
        ([says("user", {"a": 1})], "content is of type dict, not text"),
        (
            [says("user", "u"), says("assistant", "a", weight=0)],
            "the last assistant turn has weight 0",
        ),
    ],
)
def test_messages_that_cannot_be_used(messages: list[Any], reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        convert("messages", {"messages": messages})
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["messages", "sharegpt"])
def test_tool_definitions_are_left_out_and_noted(name: str) -> None:
    assert convert(name, ROWS[name] | {"tools": [{}]}).notes == ("tool definitions left out",)
    assert convert(name, ROWS[name] | {"tools": []}).notes == ()


def test_alpaca_with_everything() -> None:
    row = {"instruction": "u", "input": "x", "output": "a", "system": "s", "history": [["u", "a"]]}
    expected = (SYSTEM, USER, BOT, Message("user", "u\nx"))
    assert convert("alpaca", row) == Draft(expected, "a")
    bare = {"instruction": "u", "output": "a", "system": None, "history": None}
    assert convert("alpaca", bare) == Draft("u", "a")


@pytest.mark.parametrize("history", ["text", ["u", "abc"], [["u"]], {"u": "a"}])
def test_alpaca_with_broken_history(history: Any) -> None:
    with pytest.raises(Unusable, match="history is not a list of"):
        convert("alpaca", {"instruction": "u", "output": "a", "history": history})


@pytest.mark.parametrize(("user", "bot"), [("human", "gpt"), ("user", "assistant")])
def test_sharegpt_dialects(user: str, bot: str) -> None:
    turns = [{"from": user, "value": "u"}, {"from": bot, "value": "a"}]
    assert convert("sharegpt", {"conversations": turns}) == Draft("u", "a")
    with_system = {"conversations": turns, "system": "s"}
    assert convert("sharegpt", with_system) == Draft((SYSTEM, USER), "a")
    in_line = {"conversations": [{"from": "system", "value": "s"}, *turns]}
    assert convert("sharegpt", in_line) == Draft((SYSTEM, USER), "a")
    by_role = {"conversations": [says(user, "u"), says(bot, "a")]}
    assert convert("sharegpt", by_role) == Draft("u", "a")


def test_sharegpt_tools_are_named() -> None:
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {}}'}
    with pytest.raises(Unusable, match="tool calls are not supported"):
        convert("sharegpt", {"conversations": [call]})
    with pytest.raises(Unusable, match="a function_call is not valid JSON"):
        convert("sharegpt", {"conversations": [call | {"value": "f()"}]})


@pytest.mark.parametrize("prompt", ["u", [says("user", "u")]])
@pytest.mark.parametrize("completion", ["a", [says("assistant", "a")]])
def test_prompt_completion_of_strings_or_messages(prompt: Any, completion: Any) -> None:
    row = {"prompt": prompt, "completion": completion}
    assert convert("prompt_completion", row) == Draft("u", "a")


def test_rows_carry_their_own_id_group_sources_and_facts() -> None:
    row = ROWS["messages"] | {
        "id": 7,
        "group": "g",
        "sources": "d1; d2",
        "facts": ["30 days", 5],
        "answerable": False,
    }
    draft = annotate(convert("messages", row), row)
    assert draft == Draft(
        "u", "a", "7", ("d1", "d2"), ("30 days", "5"), answerable=False, group="g"
    )
    with pytest.raises(Unusable, match="an entry of sources is of type dict"):
        annotate(draft, row | {"sources": [{"url": "x"}]})


def test_columns_with_everything() -> None:
    named = Columns(
        id="no", input="mail.body", target="labels.0", sources="docs", facts="must",
        answerable="ok", group="customer", time="at", fields=("channel", "mail.lang"),
    )  # fmt: skip
    row = {
        "no": 12, "mail": {"body": "hello", "lang": "en"}, "labels": ["claim", "x"],
        "docs": "d1;d2;", "must": ["a", "b"], "ok": "False", "customer": 4,
        "at": "2024-02-29T12:00:00+01:00", "channel": None,
    }  # fmt: skip
    assert columns.convert(row, named) == Draft(
        input="hello",
        target="claim",
        id="12",
        sources=("d1", "d2"),
        facts=("a", "b"),
        answerable=False,
        group="4",
        time=datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=1))),
        fields={"mail.lang": "en"},
    )


def test_columns_by_position_and_messages_as_input() -> None:
    assert columns.convert(["u", "a"], Columns(input=0, target=1)) == Draft("u", "a")
    row = {"input": [says("system", "s"), says("user", "u")], "target": True}
    assert columns.convert(row) == Draft((SYSTEM, USER), "true")
    assert columns.convert({"input": "u"}, Columns(target=None)) == Draft("u", None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"target": "a"}, 'no column "input"'),
        ({"input": "u"}, 'no column "target"'),
        ({"input": "u", "target": ["a"]}, "target is of type list, not text"),
        ({"input": "u", "target": b"a"}, "target is of type bytes, not text"),
        ({"input": "u", "target": "a", "at": "yesterday"}, "time is not ISO 8601"),
        ({"input": "u", "target": "a", "ok": "maybe"}, "answerable is neither true nor false"),
        ("text", "a row is of type str, not an object or array"),
    ],
)
def test_columns_that_cannot_be_used(row: Any, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        columns.convert(row, Columns(time="at", answerable="ok"))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (datetime(2024, 1, 2), datetime(2024, 1, 2, tzinfo=UTC)),
        (datetime(2024, 1, 2).date(), datetime(2024, 1, 2, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_times(value: Any, expected: datetime | None) -> None:
    draft = columns.convert({"input": "u", "target": "a", "at": value}, Columns(time="at"))
    assert draft.time == expected


def test_scalars() -> None:
    assert [text_of(v, "x") for v in (1, 1.5, True, "", None, float("nan"))] == [
        "1", "1.5", "true", "", None, None,
    ]  # fmt: skip
    assert texts_of(None, "x") == texts_of("", "x") == texts_of([], "x") == ()
    assert [truth_of(v, "x") for v in (True, "TRUE", 1, "1", None, False, 0, "no")] == [
        True, True, True, True, True, False, False, False,
    ]  # fmt: skip


def test_lookup() -> None:
    row = {"a": {"b": [10, {"c": 5}]}, "a.b": "named", "n": None}
    assert lookup(row, "a.b") == "named"
    assert lookup(row, "a.b.1.c") == 5
    assert lookup(row, "n") is None
    assert lookup(row, "a.x") is lookup(row, 3) is lookup([1], 1) is lookup("s", 0) is MISSING
    assert list(names_in({"a": {"b": 1}, "c": 2})) == ["a", "a.b", "c"]
    assert list(names_in(["x", "y"])) == ["0", "1"]
