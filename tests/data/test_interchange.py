"""Rows -> records -> rows: byte for byte in the shapes of peers, and nothing lost on the way."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tailorbird.data.formats._turns import arguments_of
from tailorbird.data.formats.base import Call, Record, Turn, Unusable, needs
from tailorbird.data.interchange import (
    Target,
    form,
    read,
    recognise,
    recognised,
    suited,
    without,
    write,
)
from tailorbird.errors import TaskError
from tailorbird.registry import names

FORMATS = names("data.formats")
TARGETS = [Target(name, dialect or None) for name in FORMATS for dialect in form(name).HOLDS]

# ---- rows as peers write them --------------------------------------------------------------------

OPENAI_TOOL = (
    '{"type": "function", "function": {"name": "stock", "description": "Units in stock", '
    '"parameters": {"type": "object", "properties": {"part": {"type": "string"}}}}}'
)
BARE_TOOL = '{\\"name\\": \\"stock\\", \\"parameters\\": {\\"type\\": \\"object\\"}}'
ASKED = '{"role": "user", "content": "Is TX-204 in stock?"}'
ANSWER = '{"role": "assistant", "content": "Yes, three."}'
WORSE = '{"role": "assistant", "content": "Perhaps."}'
CALLED = (
    '{"role": "assistant", "tool_calls": [{"id": "call_a1", "type": "function", "function": '
    '{"name": "stock", "arguments": "{\\"part\\":\\"TX-204\\"}"}}]}, '
    '{"role": "tool", "content": "3", "tool_call_id": "call_a1"}'
)
ROWS: dict[str, list[str]] = {
    "messages": [
        f'{{"messages": [{ASKED}, {ANSWER}]}}',
        f'{{"messages": [{{"role": "system", "content": "Be brief."}}, {ASKED}, '
        '{"role": "assistant", "content": "Hm.", "weight": 0}, {"role": "user", "content": "So?"}, '
        '{"role": "assistant", "content": "Yes, three.", "weight": 1}]}',
        f'{{"messages": [{{"role": "developer", "content": ""}}, {ASKED}, {CALLED}, {ANSWER}], '
        f'"tools": [{OPENAI_TOOL}], "parallel_tool_calls": false}}',
        f'{{"messages": [{ASKED}, {{"role": "user", "content": "Hello?", "name": "ada"}}, '
        f'{ANSWER}], "id": 7, "group": "g"}}',
        '{"messages": [{"role": "user", "content": [{"type": "text", "text": "One."}, '
        '{"type": "text", "text": "Two."}]}, '
        '{"role": "assistant", "content": "Yes.", "reasoning_content": "They count."}]}',
        f'{{"messages": [{ASKED}, {{"role": "assistant", "tool_calls": [{{"type": "function", '
        '"function": {"name": "stock", "arguments": {"part": "TX-204"}}}]}]}',
        f'{{"messages": [{ASKED}]}}',
        '{"messages": [{"role": "assistant", "content": "Welcome."}]}',
    ],
    "openai_preference": [
        f'{{"input": {{"messages": [{ASKED}], "tools": [], "parallel_tool_calls": true}}, '
        f'"preferred_output": [{ANSWER}], "non_preferred_output": [{WORSE}]}}',
        f'{{"input": {{"messages": [{ASKED}], "tools": [{OPENAI_TOOL}]}}, '
        f'"preferred_output": [{CALLED}, {ANSWER}], "non_preferred_output": [{WORSE}], '
        '"id": "p1"}',
    ],
    "openai_reinforcement": [
        f'{{"messages": [{ASKED}], "reference_answer": {{"units": 3, "certain": true}}}}',
        f'{{"messages": [{ASKED}], "tools": [{OPENAI_TOOL}], "reference_answer": "3", '
        '"difficulty": "easy"}',
    ],
    "alpaca": [
        '{"instruction": "Is it in stock?", "input": "", "output": "Yes."}',
        '{"instruction": "Answer the customer.", "input": "Is\\nit?", "output": "Yes.", '
        '"system": "Be brief.", "history": [["Hello", "Hello!"], ["", "Well?"]]}',
        '{"instruction": "Is it?", "input": "TX-204", "chosen": "Yes.", "rejected": "Perhaps."}',
        '{"instruction": "Is it?", "input": "", "output": "Yes.", "kto_tag": true}',
    ],
    "sharegpt": [
        '{"conversations": [{"from": "human", "value": "Is it?"}, '
        '{"from": "gpt", "value": "Yes."}]}',
        '{"conversations": [{"from": "user", "value": "Is it?"}, '
        '{"from": "assistant", "value": "Yes."}]}',
        '{"conversations": [{"role": "user", "content": "Is it?"}, '
        '{"role": "assistant", "content": "Yes."}]}',
        '{"conversations": [{"from": "human", "value": "Is it?"}, {"from": "function_call", '
        '"value": "{\\"name\\": \\"stock\\", \\"arguments\\": {\\"part\\": \\"TX-204\\"}}"}, '
        '{"from": "observation", "value": "3"}, {"from": "gpt", "value": "Yes."}], '
        f'"system": "Be brief.", "tools": "[{BARE_TOOL}]"}}',
        '{"conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", '
        '"value": "Is it?"}], "chosen": {"from": "gpt", "value": "Yes."}, '
        '"rejected": {"from": "gpt", "value": "Perhaps."}}',
        '{"conversations": [{"from": "human", "value": "Is it?"}, '
        '{"from": "gpt", "value": "No."}], "kto_tag": false}',
    ],
    "prompt_completion": [
        '{"prompt": "Is it?", "completion": " Yes."}',
        f'{{"prompt": [{ASKED}], "completion": [{ANSWER}]}}',
        f'{{"prompt": [{ASKED}], "completion": [{{"role": "assistant", "tool_calls": [{{"type": '
        '"function", "function": {"name": "stock", "arguments": {"part": "TX-204"}}}]}, '
        f'{{"role": "tool", "content": "3", "name": "stock"}}, {ANSWER}], '
        f'"tools": [{OPENAI_TOOL}]}}',
    ],
    "preference": [
        '{"prompt": "Is it?", "chosen": "Yes.", "rejected": "Perhaps."}',
        f'{{"prompt": [{ASKED}], "chosen": [{ANSWER}], "rejected": [{WORSE}]}}',
        f'{{"chosen": [{ASKED}, {ANSWER}], "rejected": [{ASKED}, {WORSE}]}}',
        '{"chosen": "\\n\\nHuman: Is it?\\n\\nAssistant: Yes.", '
        '"rejected": "\\n\\nHuman: Is it?\\n\\nAssistant: Perhaps."}',
        '{"input": "Is it?", "chosen": "Yes.", "rejected": "Perhaps.", "difficulty": "easy"}',
    ],
    "kto": [
        '{"prompt": "Is it?", "completion": "Yes.", "label": true}',
        f'{{"prompt": [{ASKED}], "completion": [{WORSE}], "label": false}}',
        '{"prompt": "Is it?", "completion": "Yes.", "kto_tag": false}',
    ],
    "ranking": ['{"prompt": "Is it?", "answers": ["Yes.", "Perhaps.", "Why?"]}'],
    "prompt_only": [
        '{"prompt": "Is it?"}',
        f'{{"prompt": [{ASKED}], "solution": "3", "data_source": "shop"}}',
    ],
    "converse": [
        '{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], '
        '"messages": [{"role": "user", "content": [{"text": "Is it?"}]}, '
        '{"role": "assistant", "content": [{"text": "Yes."}]}]}',
        '{"messages": [{"role": "user", "content": [{"text": "One."}, {"text": "Two."}]}, '
        '{"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": '
        '"They count."}}}, {"text": "Let me see."}, {"toolUse": {"toolUseId": "t1", "name": '
        '"stock", "input": {"part": "TX-204"}}}, {"toolUse": {"toolUseId": "t2", "name": "price", '
        '"input": {}}}]}, {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", '
        '"content": [{"json": {"units": 3}}]}}, {"toolResult": {"toolUseId": "t2", "content": '
        '[{"text": "5 EUR"}]}}, {"text": "And?"}]}, '
        '{"role": "assistant", "content": [{"text": "Yes."}]}], '
        '"toolConfig": {"tools": [{"toolSpec": {"name": "stock", "description": "Units", '
        '"inputSchema": {"json": {"type": "object"}}}}]}}',
    ],
    "converse_preference": [
        '{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], '
        '"messages": [{"role": "user", "content": [{"text": "Is it?"}]}, {"role": "assistant", '
        '"candidates": [{"content": [{"text": "Yes."}], "preferenceLabel": "preferred"}, '
        '{"content": [{"text": "Perhaps."}], "preferenceLabel": "non-preferred"}]}]}',
    ],
    "genqa": [
        '{"query": "Is it?", "response": "Yes.", "system": "Be brief.", "metadata": {"a": 1}}',
        '{"query": "Is it?"}',
    ],
    "verl": [
        f'{{"data_source": "shop", "prompt": [{ASKED}], "ability": "stock", "reward_model": '
        '{"style": "rule", "ground_truth": "3"}, "extra_info": {"split": "train", "index": 0}}',
        '{"data_source": "shop", "prompt": "Is it?", "reward_model": {"style": "model", '
        '"ground_truth": ["3", 3]}, "id": "v1"}',
    ],
    "log": [
        '{"timestamp": 1715854074, "workload_id": "stock", "client_id": "web", '
        f'"request": {{"model": "small", "messages": [{ASKED}], "temperature": 0.2, '
        f'"tools": [{OPENAI_TOOL}]}}, '
        '"response": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1715854074, '
        f'"model": "small", "choices": [{{"index": 0, "message": {ANSWER}, "finish_reason": '
        '"stop"}], "usage": {"prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22}}}',
        f'{{"request": {{"messages": [{ASKED}]}}, "response": {{"choices": [{{"index": 0, '
        f'"message": {ANSWER}}}]}}}}',
    ],
    "text": ['{"text": "We open at nine.\\n", "source": "handbook"}'],
    "columns": [
        '{"input": "Is it?", "target": "Yes.", "id": "a", "facts": ["three"], "answerable": false}',
        f'{{"input": [{{"role": "system", "content": "Be brief."}}, {ASKED}], "target": "Yes."}}',
    ],
}  # fmt: skip
CASES = [(name, row) for name, rows in ROWS.items() for row in rows]


def dumps(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False)


def test_rows_of_every_format_stand_here() -> None:
    assert sorted(ROWS) == list(FORMATS)


@pytest.mark.parametrize(("name", "row"), CASES)
def test_a_row_is_written_as_it_was_read(name: str, row: str) -> None:
    value = json.loads(row)
    assert recognised(value) == [name]
    assert dumps(write(read(value, name), Target(name))) == row


@pytest.mark.parametrize(("name", "row"), CASES)
def test_a_row_survives_every_format_that_takes_it(name: str, row: str) -> None:
    """There and back again; what another format cannot hold, it refuses."""
    record = read(json.loads(row), name)
    taken = 0
    for target in TARGETS:
        try:
            there = write(suited(record, target), target)
        except Unusable:
            continue
        back = read(json.loads(dumps(there)), target.format)
        assert needs(back) == needs(suited(record, target))
        assert back == suited(record, target)
        taken += 1
    assert taken >= 1


# ---- any record ----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", " a ", "\n\nHuman: ", "[1]", '{"a": 1}', "=1+1", "\u202e", "None", "true"]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
ARGUMENTS = st.dictionaries(TEXT, JSON, max_size=2).map(dumps) | TEXT
CALLS = st.builds(
    lambda name, text, call, spelt: Call(name, arguments_of(text), call, text if spelt else None),
    st.text("abc", min_size=1, max_size=3), ARGUMENTS, st.none() | st.just("c1"), st.booleans(),
)  # fmt: skip
CONTENT = TEXT | st.lists(TEXT, min_size=2, max_size=3).map(tuple) | st.none()
RARELY = {
    "name": st.sampled_from([None, None, None, "ada"]),
    "weight": st.sampled_from([None, None, None, 0, 1]),
    "thought": st.sampled_from([None, None, None, "hm"]),
    "further": st.sampled_from([{}, {}, {}, {"mood": "calm"}]),
}
SAYS = st.builds(Turn, st.sampled_from(["system", "developer", "user", "assistant"]), CONTENT)
PLAIN = st.builds(Turn, st.sampled_from(["user", "assistant"]), TEXT)
RICH = st.builds(Turn, st.sampled_from(["user", "assistant"]), CONTENT, **RARELY)
CALLING = st.builds(
    Turn, st.just("assistant"), CONTENT, st.lists(CALLS, min_size=1, max_size=2).map(tuple)
)
RESULT = st.builds(Turn, st.just("tool"), TEXT, call_id=st.none() | st.just("c1"))
TURNS = (
    st.builds(lambda system, text: (*system, Turn("user", text)),
              st.lists(st.builds(Turn, st.just("system"), TEXT), max_size=1), TEXT)
    | st.lists(PLAIN, max_size=4).map(tuple)
    | st.lists(SAYS | RICH | CALLING | RESULT, max_size=4).map(tuple)
)  # fmt: skip
ANSWERS = st.builds(lambda text: (Turn("assistant", text),), TEXT) | TURNS
COLUMNS = st.dictionaries(st.sampled_from(["id", "group", "score", "label", "text"]), TEXT)
RECORDS = (
    st.builds(Record, text=TEXT, further=COLUMNS)
    | st.builds(
        Record, TURNS, st.lists(ANSWERS, max_size=3).map(tuple),
        tools=st.sampled_from([(), ({"type": "function", "function": {"name": "f"}},)]),
        further=st.just({}) | COLUMNS | st.just({"data_source": "shop"}),
    )
    | st.builds(Record, TURNS, st.tuples(ANSWERS), st.booleans())
    | st.builds(Record, TURNS, reference=JSON, further=st.just({"data_source": "shop"}))
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(record=RECORDS)
def test_any_record_is_given_back_or_refused(record: Record) -> None:
    for target in TARGETS:
        try:
            row = write(record, target)
        except Unusable:
            continue
        again = read(json.loads(json.dumps(row)), target.format)
        assert again == record, target
        assert recognised(row) == [target.format]
        assert write(again, Target(target.format)) == row, target


@settings(max_examples=100, deadline=None)
@given(record=RECORDS, one=st.sampled_from(TARGETS), other=st.sampled_from(TARGETS))
def test_two_formats_that_hold_a_record_say_the_same(
    record: Record, one: Target, other: Target
) -> None:
    try:
        first = read(write(suited(record, one), one), one.format)
        second = read(write(suited(first, other), other), other.format)
    except Unusable:
        return
    changed = suited(first, other)
    assert replace(second, notes=()) == replace(changed, notes=())


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, Any]:
    """A row with one of its values, however deep, replaced by another."""
    name, row = draw(st.sampled_from(CASES))
    whole = {"": json.loads(row)}
    place: Any = whole
    key: Any = ""
    while (
        isinstance(place[key], (dict, list)) and place[key] and draw(st.booleans() | st.just(True))
    ):
        place = place[key]
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
    place[key] = draw(JSON)
    return name, whole[""]


LABELLED = {
    "messages": [{"candidates": [{"preferenceLabel": []}, {"preferenceLabel": "preferred"}]}]
}


@settings(max_examples=400, deadline=None)
@given(case=damaged(), target=st.sampled_from(TARGETS))
@example(case=("converse_preference", LABELLED), target=TARGETS[0])
def test_a_damaged_row_is_read_or_refused(case: tuple[str, Any], target: Target) -> None:
    name, row = case
    assert set(recognised(row)) <= set(FORMATS)
    with contextlib.suppress(Unusable):
        assert recognised(write(suited(read(row, name), target), target)) == [target.format]


# ---- refusals ------------------------------------------------------------------------------------

U, A, B = Turn("user", "u"), Turn("assistant", "a"), Turn("assistant", "b")
CALL = Turn("assistant", calls=(Call("f", {"x": 1}, "c1"),))
TOLD = Turn("tool", "t", call_id="c1")
SAID = Turn("assistant", "x", (Call("f", {}),))


@pytest.mark.parametrize(
    ("record", "target", "reason"),
    [
        (Record((U,), ((CALL,),)), "alpaca", "alpaca cannot hold tool calls and results and ids"),
        (Record((U, U), ((A,),)), "alpaca", "alpaca: a user turn in the place of an assistant"),
        (Record((U, U), ((A,),)), "converse", "converse: two user turns in a row"),
        (Record((A, U), ((A,),)), "converse", "converse: a conversation that begins with an assi"),
        (Record((U, Turn("system", "s"), U), ((A,),)), "converse", "a system prompt behind other"),
        (Record((Turn("developer", "d"), U), ((A,),)), "sharegpt", "cannot hold a developer turn"),
        (Record((Turn("system", ""), U), ((A,),)), "alpaca", "alpaca: an empty system prompt"),
        (Record((U,), ((Turn("assistant"),),)), "sharegpt", "cannot hold a turn without content"),
        (Record((U,), ((SAID,),)), "sharegpt", "sharegpt: text beside a tool call"),
        (Record((U,), ((A,),), further={"id": 1, "b": 2}), "converse", 'cannot hold "id", "b"'),
        (Record((U,), ((A,), (B,))), "messages", "messages cannot hold two ranked answers"),
        (Record((U,), ((A,), (B,), (U,))), "preference", "cannot hold more than two ranked"),
        (Record((U,), ((A,),), True), "messages", "cannot hold an answer marked good or bad"),
        (Record((U,)), "alpaca", "alpaca cannot hold a prompt alone"),
        (Record((U,), reference=3), "messages", "messages cannot hold a reference answer"),
        (Record((U,), reference=3), "verl", 'verl: no "data_source", by which verl finds'),
        (Record((U,), ((A, U, B),)), "messages", "an answer other than one assistant turn"),
        (Record((Turn("system", "s"), U), ((A,),)), "prompt_completion:text", "a system prompt"),
        (Record((U,), ((A,),), further={"output": 1}), "alpaca", 'a further column is called "ou'),
        (Record((U,), ((A,),), further={"label": True}), "prompt_completion", "be read as kto"),
        (Record((U,), ((CALL,),)), "converse:x", "no dialect"),
        (Record((U,), ((A, U, A), (A, U, B))), "preference:implicit", "answers that begin alike"),
        (Record((U,), ((Turn("assistant", "x\n\nHuman: y"),), (B,))), "preference:transcript",
         "a turn that a transcript would give back as another"),
        (Record((U,), ((Turn("assistant", calls=(Call("f", "no JSON", "c1"),)),),)), "converse",
         "the arguments of a tool call are no JSON object"),
        (Record(text="t"), "messages", "messages cannot hold raw text"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_named(record: Record, target: str, reason: str) -> None:
    with pytest.raises((Unusable, TaskError), match=reason):
        write(record, Target.parse(target))


def test_rows_of_no_format_or_of_several_are_refused() -> None:
    with pytest.raises(Unusable, match="of no known format"):
        recognise({"question": "q"})
    with pytest.raises(Unusable, match="could be alpaca or messages"):
        recognise({"instruction": "i", "output": "o", "messages": []})
    with pytest.raises(Unusable, match="a row is of type list, not an object"):
        read([1], "messages")
    with pytest.raises(TaskError, match='did you mean "sharegpt"'):
        Target.parse("sharedgpt")
    assert str(Target.parse("sharegpt:user")) == "sharegpt:user"


@pytest.mark.parametrize(
    ("messages", "content", "calls"),
    [
        ({"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
         "", (Call("f", {}),)),
        ({"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
         None, (Call("f", {}, "1"),)),
        ({"role": "assistant", "content": None, "refusal": None, "annotations": []}, None, ()),
    ],
)  # fmt: skip
def test_older_and_fuller_spellings_are_read(messages: Any, content: Any, calls: Any) -> None:
    (answer,) = read({"messages": [messages]}, "messages").answers
    assert answer == (Turn("assistant", content, calls),)


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e999}', "[1]", "", "{", "[" * 9999]
)
def test_arguments_that_no_object_says_in_full_stay_text(text: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    row = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    record = read(row, "messages")
    assert record.answers[0][0].calls[0].arguments == text
    assert write(record, Target("messages")) == row
    with pytest.raises(Unusable):
        write(replace(record, prompt=(U,)), Target("converse"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tool_calls": "f()"}, "tool_calls is not a list"),
        ({"tool_calls": [{"function": {"name": "f", "arguments": 3}}]}, "neither an object nor"),
        ({"tool_calls": [{"function": {"name": "f"}, "index": 3}]}, '"index" of a tool call'),
        ({"weight": "heavy"}, "the weight of a turn is not a number"),
        ({"role": "user", "tool_calls": [{"function": {"name": "f"}}]}, "calls in a user turn"),
    ],
)
def test_broken_turns_say_what_is_wrong(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        read({"messages": [{"role": "assistant", "content": "x"} | change]}, "messages")


# ---- what is changed on the way, and said --------------------------------------------------------


def test_an_answer_becomes_the_reference_where_only_that_is_held() -> None:
    record = suited(Record((U,), ((A,),)), Target("openai_reinforcement"))
    assert (record.answers, record.reference) == ((), "a")
    assert record.notes == ("the answer is kept as the reference",)
    judged = Record((U,), ((A,),), good=False)
    assert suited(judged, Target("verl")) == judged


def test_calls_without_ids_are_numbered() -> None:
    call, result = Call("f", {}), Turn("tool", "t")
    two = Turn("assistant", calls=(call, call))
    record = Record((U, two, result, result, U), ((Turn("assistant", calls=(call,)),),))
    numbered = suited(record, Target("messages"))
    assert [c.id for t in numbered.turns for c in t.calls] == ["call_1", "call_2", "call_3"]
    assert [t.call_id for t in numbered.turns if t.role == "tool"] == ["call_1", "call_2"]
    assert numbered.notes == ("tool calls numbered",)
    assert suited(record, Target("sharegpt")) == record
    with pytest.raises(Unusable, match="a tool result without a call"):
        suited(Record((two, result, result, result)), Target("messages"))


@pytest.mark.parametrize(
    ("record", "what", "left", "note"),
    [
        (Record((U,), ((A,),), further={"id": 1, "x": 2}), ["id"],
         Record((U,), ((A,),), further={"x": 2}), "id left out"),
        (Record((U,), ((A,),), further={"id": 1}), ["further"], Record((U,), ((A,),)),
         "further columns left out"),
        (Record((U,), ((A,), (B,))), ["ranking"], Record((U,), ((A,),)),
         "all answers but the best left out"),
        (Record((U,), ((A,),), True), ["judgement"], Record((U,), ((A,),)),
         "the judgement left out"),
        (Record((U,), ((A,),)), ["answer"], Record((U,)), "answers left out"),
        (Record((U, CALL, TOLD), ((A,),)), ["call_ids"],
         Record((U, Turn("assistant", calls=(Call("f", {"x": 1}),)), Turn("tool", "t")), ((A,),)),
         "ids of tool calls left out"),
        (Record((Turn("developer", "d"), U)), ["developer"], Record((Turn("system", "d"), U)),
         "the developer role (system instead) left out"),
        (Record((Turn("user", ("a", "b")),)), ["parts"], Record((Turn("user", "a\nb"),)),
         "borders between texts of a turn left out"),
        (Record((U,), ((A,),)), ["names", "weights", "x"], Record((U,), ((A,),)), None),
    ],
)  # fmt: skip
def test_what_may_be_left_out(record: Record, what: list[str], left: Record, note: str) -> None:
    found = without(record, what)
    assert found == left
    assert found.notes == (() if note is None else (note,))


def test_a_bad_answer_is_not_left_unmarked() -> None:
    with pytest.raises(Unusable, match="the only answer is marked bad"):
        without(Record((U,), ((A,),), False), ["judgement"])
