import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.accounts import FileAccount
from tailorbird.data.convert import Conversion, Converted, _converted, _Source, convert
from tailorbird.data.formats.base import Record, Unusable
from tailorbird.data.interchange import Target, form
from tailorbird.data.row_writers import write_rows
from tailorbird.data.rows import Row, read_rows
from tailorbird.errors import DataError, TaskError
from tailorbird.registry import names
from tailorbird.task.task import Columns
from tailorbird.testing.format import _FURTHER, _KINDS, _VARIATIONS

ASKED, ANSWER = {"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}
CHAT = {"messages": [ASKED, ANSWER]}
Run = Callable[..., Converted]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(source: str, out: str, to: str, **more: Any) -> Converted:
        target = Target.parse(to)
        return convert(Conversion(str(tmp_path / source), tmp_path / out, target, **more))

    return run


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[str], list[Any]]:
    return lambda name: [row.value for row in read_rows(name, None, tmp_path, None)]


def test_every_row_has_a_fate(write: Any, run: Run, rows: Any) -> None:
    lines = [
        json.dumps(CHAT | {"id": 1}),
        "{",
        json.dumps({"x": 1}),
        json.dumps([1]),
        json.dumps({"prompt": "p", "completion": "c"}),
        json.dumps({"messages": [ASKED, ASKED, ANSWER]}),
        json.dumps({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
        json.dumps({"prompt": "p", "chosen": "c", "rejected": "d"}),
    ]
    write("in.jsonl", "\n".join(lines))
    done = run("in.jsonl", "out.jsonl", "converse", without=("id", "names"))
    assert done.account.lines()[0].endswith("in.jsonl: 8 rows read, 2 kept, 6 dropped")
    assert done.account.dropped == {
        "not valid JSON": 1,
        "of no known format": 2,
        "converse: two user turns in a row": 1,
        'content part "image_url" is not supported': 1,
        "converse cannot hold two ranked answers": 1,
    }
    assert done.account.changed == {"id left out": 1}
    assert done.formats == {"messages": 2, "prompt_completion": 1, "preference": 1}
    assert done.could == {"ranking": 1}
    assert done.idle == ("names",)
    assert len(rows("out.jsonl")) == 2
    assert json.loads(json.dumps(done.to_json()))["kept"] == 2


def test_rows_of_the_same_format_stay_byte_for_byte(write: Any, run: Run, tmp_path: Path) -> None:
    odd = '{"id": 1, "messages": [{"content": "u", "role": "user", "name": null}], "tools": []}\n'
    write("in.jsonl", odd)
    run("in.jsonl", "out.jsonl", "messages")
    assert (tmp_path / "out.jsonl").read_text() == odd
    run("in.jsonl", "out.jsonl", "messages:openai")
    assert (tmp_path / "out.jsonl").read_text() == (
        '{"messages": [{"role": "user", "content": "u"}], "id": 1}\n'
    )


def test_a_dialect_is_kept_unless_another_is_asked_for(write: Any, run: Run, rows: Any) -> None:
    write("in.jsonl", [{"conversations": [{"from": "user", "value": "u"}], "id": 1}])
    run("in.jsonl", "out.jsonl", "sharegpt", without=("id",))
    assert rows("out.jsonl") == [{"conversations": [{"from": "user", "value": "u"}]}]
    run("in.jsonl", "out.jsonl", "sharegpt:human")
    assert rows("out.jsonl")[0]["conversations"] == [{"from": "human", "value": "u"}]


def test_a_column_is_added_where_a_row_has_none(write: Any, run: Run, rows: Any) -> None:
    write("in.jsonl", [CHAT, CHAT | {"data_source": "shop"}])
    done = run("in.jsonl", "out.jsonl", "verl", added={"data_source": "mail"})
    assert [row["data_source"] for row in rows("out.jsonl")] == ["mail", "shop"]
    assert rows("out.jsonl")[0]["reward_model"] == {"style": "rule", "ground_truth": "a"}
    assert done.account.changed == {"the answer is kept as the reference": 2}


def test_a_named_format_is_insisted_on(write: Any, run: Run, rows: Any) -> None:
    row = {"prompt": "p", "completion": "c", "label": 1, "answer": "x"}
    write("in.jsonl", [row])
    run("in.jsonl", "out.jsonl", "kto:text", format="kto")
    assert rows("out.jsonl") == [
        {"prompt": "p", "completion": "c", "label": True, "answer": "x"}
    ] or rows("out.jsonl") == [row]
    with pytest.raises(TaskError, match='did you mean "kto"'):
        run("in.jsonl", "out.jsonl", "kto", format="kot")


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "parquet", "jsonl.gz"])
@pytest.mark.parametrize("to", ["messages", "alpaca", "sharegpt", "columns", "prompt_completion"])
def test_every_kind_of_file_there_and_back(
    kind: str, to: str, write: Any, run: Run, rows: Any
) -> None:
    texts = ["u", "", '[{"a": 1}]', "=1+1\r\n\"x\", 'y'", "wörd " * 20_000]
    chats = [
        {"messages": [{"role": "system", "content": "s"}, ASKED | {"content": text}, ANSWER]}
        for text in texts
    ]
    write("in.jsonl", chats)
    run("in.jsonl", f"there.{kind}", to)
    run(f"there.{kind}", "back.jsonl", "messages:openai")
    assert rows("back.jsonl") == chats


def test_tool_calls_go_through_tables(write: Any, run: Run, rows: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    told = {"role": "tool", "content": "3", "tool_call_id": "c1"}
    chat = {
        "messages": [ASKED, {"role": "assistant", "tool_calls": [call]}, told, ANSWER],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    write("in.jsonl", [chat, CHAT])
    for kind in ("csv", "parquet"):
        run("in.jsonl", f"there.{kind}", "messages")
        run(f"there.{kind}", "back.jsonl", "messages:openai")
        assert rows("back.jsonl") == [chat, CHAT]
    run("in.jsonl", "there.jsonl", "sharegpt", without=("call_ids",))
    done = run("there.jsonl", "back.jsonl", "converse")
    assert done.account.changed == {"tool calls numbered": 1}


def test_values_that_json_has_not(run: Run, rows: Any, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    row = {"text": "t", "on": date(2026, 1, 2), "score": float("nan")}
    table = pyarrow.Table.from_pylist([row, {"text": "t", "score": 0.5}])
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    done = run("in.parquet", "out.jsonl", "text")
    assert rows("out.jsonl") == [
        {"text": "t", "on": "2026-01-02", "score": None}, {"text": "t", "on": None, "score": 0.5},
    ]  # fmt: skip
    assert done.account.changed == {
        "dates and times as ISO 8601": 1, "NaN or infinity replaced by null": 1,
    }  # fmt: skip
    table = pyarrow.Table.from_pylist([{"text": "t", "raw": b"x"}])
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(DataError, match="a value of type bytes, which JSON cannot hold"):
        run("in.parquet", "out.jsonl", "text")


def test_nothing_is_written_where_no_row_can_be(write: Any, run: Run, tmp_path: Path) -> None:
    write("in.jsonl", [CHAT | {"id": 1}])
    with pytest.raises(
        DataError, match='none of 1 row can be converted: 1 converse cannot hold "'
    ) as e:
        run("in.jsonl", "out.jsonl", "converse")
    assert e.value.hint == "what cannot be held may be left out: --without further"
    assert not (tmp_path / "out.jsonl").exists()
    write("in.jsonl", "")
    with pytest.raises(DataError, match=r"in\.jsonl is empty"):
        run("in.jsonl", "out.jsonl", "converse")
    with pytest.raises(DataError, match="would be written over while it is read"):
        run("in.jsonl", "in.jsonl", "messages")
    with pytest.raises(DataError, match="no file at"):
        run("im.jsonl", "out.jsonl", "messages")


def test_progress_is_told_of_every_row(write: Any, tmp_path: Path) -> None:
    write("in.jsonl", [CHAT, {"x": 1}])
    seen: list[int] = []
    conversion = Conversion(str(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", Target("alpaca"))
    convert(conversion, seen.append)
    assert seen == [1, 1]


# ---- columns that are named --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_are_named(kind: str, write: Any, run: Run, rows: Any, tmp_path: Path) -> None:
    asked = [
        {"question": "q1", "answer": "a1", "number": "7", "lang": "en"},
        {"question": "q2", "answer": "", "number": "8", "lang": "de"},
    ]
    write("faq.jsonl", asked)
    write_rows(tmp_path / f"in.{kind}", asked)
    with pytest.raises(DataError, match="none of 2 rows") as e:
        run(f"in.{kind}", "out.jsonl", "messages")
    assert e.value.hint == (
        "the first row has: question, answer, number, lang; say which is which: "
        "--columns input=NAME,target=NAME"
    )
    named = Columns(input="question", target="answer", id="number")
    done = run(f"in.{kind}", "out.jsonl", "messages", columns=named)
    assert done.formats == {"columns": 2}
    assert rows("out.jsonl") == [
        {"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}],
         "lang": lang, "id": n}
        for q, a, n, lang in (("q1", "a1", "7", "en"), ("q2", "", "8", "de"))
    ]  # fmt: skip
    run(f"in.{kind}", "out.jsonl", "columns", columns=named)
    assert rows("out.jsonl")[0] == {"input": "q1", "target": "a1", "lang": "en", "id": "7"}


def test_columns_of_nested_rows_and_of_arrays(write: Any, run: Run, rows: Any) -> None:
    write("in.jsonl", [{"in": {"q": "u", "n": 1}, "out": "a"}])
    run("in.jsonl", "out.jsonl", "columns", columns=Columns(input="in.q", target="out"))
    assert rows("out.jsonl") == [{"input": "u", "target": "a", "in": {"q": "u", "n": 1}}]
    write("in.jsonl", [["u", "a", "rest"]])
    run("in.jsonl", "out.jsonl", "columns", columns=Columns(input="0", target="1"))
    assert rows("out.jsonl") == [{"input": "u", "target": "a", "2": "rest"}]
    run("in.jsonl", "out.jsonl", "prompt_only:text", columns=Columns(input="0", target=None))
    assert rows("out.jsonl") == [{"prompt": "u", "1": "a", "2": "rest"}]


def test_a_name_that_is_given_to_another_column(write: Any, run: Run, rows: Any) -> None:
    """A row's own column of that name is left out, in each row that has one."""
    write("in.jsonl", [
        {"q": "u", "a": "v", "id": {"n": 1}, "by": "ann", "group": "g"},
        {"q": "u", "a": "v", "id": {"n": 2}, "by": "bob"},
        {"q": "u", "a": "v"},
    ])  # fmt: skip
    named = Columns(input="q", target="a", id="id.n", group="by")
    done = run("in.jsonl", "out.jsonl", "columns", columns=named, without=("id",))
    assert done.account.dropped == {'two columns would be called "group"': 1}
    assert done.advice == "--without group"
    done = run("in.jsonl", "out.jsonl", "columns", columns=named, without=("id", "group"))
    plain = {"input": "u", "target": "v"}
    assert rows("out.jsonl") == [
        plain | {"id": 1, "group": "ann"}, plain | {"id": 2, "group": "bob"}, plain,
    ]  # fmt: skip
    assert done.account.changed == {"id left out": 2, "group left out": 1}
    assert done.idle == ()
    done = run("in.jsonl", "out.jsonl", "columns", columns=named, without=("further",))
    assert rows("out.jsonl") == [plain] * 3


def test_columns_that_cannot_be(write: Any, run: Run, tmp_path: Path) -> None:
    write("in.jsonl", [{"question": "u", "reply": "a", "id": 1, "n": 2}])
    with pytest.raises(DataError, match='no row has a column "target"') as e:
        run("in.jsonl", "out.jsonl", "messages", columns=Columns(input="question"))
    assert "--columns target=NAME says which is the target, or target=" in str(e.value.hint)
    with pytest.raises(DataError, match='"repyl"; did you mean "reply"'):
        run("in.jsonl", "out.jsonl", "messages", columns=Columns(input="question", target="repyl"))
    named = Columns(input="question", target="reply", id="n")
    with pytest.raises(DataError, match='two columns would be called "id"') as e:
        run("in.jsonl", "out.jsonl", "messages", columns=named)
    assert str(e.value.hint).endswith("may be left out: --without id")
    with pytest.raises(DataError, match='two columns would be called "id"') as e:
        run("in.jsonl", "out.jsonl", "converse", columns=named)
    assert str(e.value.hint).endswith("may be left out: --without further --without id")
    with pytest.raises(TaskError, match="said to be alpaca"):
        run("in.jsonl", "out.jsonl", "messages", columns=Columns(), format="alpaca")
    assert not (tmp_path / "out.jsonl").exists()


# ---- advice ------------------------------------------------------------------------------------


def _refused(conversion: Conversion, record: Record) -> Converted | None:
    """What became of a record; None where it was written."""
    found = Converted(FileAccount("in.jsonl"))
    source = _Source("in.jsonl", iter(()), lambda row: ("of another format", record))
    try:
        _converted(conversion, source, Row(1, {}), found)
    except Unusable:
        return found
    return None


@pytest.mark.parametrize("name", names("data.formats"))
def test_advice_helps_all_rows_that_it_was_given_for(name: str, tmp_path: Path) -> None:
    records = [change(kind) for kind in _KINDS.values() for change in _VARIATIONS]
    records += [replace(r, further=_FURTHER | {"input": "x"}) for r in _KINDS.values()]
    for dialect in form(name).HOLDS:
        plain = Conversion("in.jsonl", tmp_path / "out.jsonl", Target(name, dialect or None))
        refused = [(r, found) for r in records if (found := _refused(plain, r))]
        whole = Converted(FileAccount(""))
        for _, found in refused:
            whole.could.update(found.could)
        told = tuple(whole.advice.replace("--without", "").split())
        followed = replace(plain, without=told)
        advised = [r for r, found in refused if found.could]
        assert not [r for r in advised if _refused(followed, r)]
        if (name, dialect) in (("converse", ""), ("preference", "text"), ("sharegpt", "human")):
            assert {"further", "system"} & set(told) if dialect != "human" else "names" in told


def test_no_advice_where_none_would_help(write: Any, run: Run) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    chat = {"messages": [ASKED, {"role": "assistant", "tool_calls": [call]}]}
    for row, to in (
        (chat, "alpaca"),  # without their ids, they are still calls
        ({"prompt": "p", "completion": "c", "label": False}, "messages"),  # the only answer is bad
        (chat, "openai_reinforcement"),  # without the answer, nothing is left to compare with
    ):
        write("in.jsonl", [row])
        with pytest.raises(DataError, match="none of 1 row can be converted") as e:
            run("in.jsonl", "out.jsonl", to)
        assert e.value.hint is None


def test_advice_takes_all_steps(write: Any, run: Run, rows: Any) -> None:
    write("in.jsonl", [{"prompt": "p", "chosen": "c", "rejected": "d"}])
    with pytest.raises(DataError) as e:
        run("in.jsonl", "out.jsonl", "prompt_only:text")
    assert str(e.value.hint).endswith(": --without ranking --without answer")
    run("in.jsonl", "out.jsonl", "prompt_only:text", without=("ranking", "answer"))
    assert rows("out.jsonl") == [{"prompt": "p"}]


def test_advice_can_be_pasted() -> None:
    found = Converted(FileAccount(""), could=Counter({"ranking": 1, "my notes; etc": 2}))
    assert found.advice == "--without ranking --without 'my notes; etc'"


@pytest.mark.parametrize(
    ("row", "to", "advice"),
    [
        (CHAT | {"x": "text"}, "messages", "--without x"),
        ({"messages": [ASKED | {"content": [{"type": "text", "text": "u"}]}, ANSWER]}, "messages",
         "--to messages:openai"),
        ({"messages": [ASKED | {"content": [{"type": "text", "text": t} for t in "ab"]}, ANSWER]},
         "messages", "--to messages:openai --without parts"),
        ({"messages": [ASKED, ANSWER | {"tool_calls": [
            {"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]}]},
         "messages", "--to messages:openai"),
    ],
)  # fmt: skip
def test_advice_for_parquet(
    row: Any, to: str, advice: str, write: Any, run: Run, rows: Any
) -> None:
    write("in.jsonl", [row, CHAT | {"x": 3}])
    with pytest.raises(DataError, match="Parquet cannot hold the column") as e:
        run("in.jsonl", "out.parquet", to)
    assert e.value.hint == f"write .jsonl, or add {advice}"
    words = advice.split()
    to = words[words.index("--to") + 1] if "--to" in words else to
    left = words[words.index("--without") + 1] if "--without" in words else None
    run("in.jsonl", "out.parquet", to, without=(left,) if left else ())
    assert len(rows("out.parquet")) == 2


def test_what_no_advice_mends_for_parquet(write: Any, run: Run) -> None:
    write("in.jsonl", [CHAT | {"messages": [ASKED | {"mood": n}, ANSWER]} for n in ("calm", 3)])
    with pytest.raises(DataError) as e:
        run("in.jsonl", "out.parquet", "messages")
    assert e.value.hint == "write .jsonl"


# ---- there and back ----------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [("parquet",), ("csv",), ("parquet", "csv"), ("csv", "parquet")])
def test_nested_rows_gain_no_nulls(kinds: tuple[str, ...], write: Any, run: Run, rows: Any) -> None:
    chats = [
        {"messages": [ASKED, ANSWER | {"weight": 0}], "metadata": {"a": {"b": [1, None]}}},
        {"messages": [ASKED | {"name": "Ada"}, ANSWER], "metadata": {"c": "x", "a": {"d": "y"}}},
    ]
    write("0.jsonl", chats)
    path = "0.jsonl"
    for number, kind in enumerate((*kinds, "jsonl"), start=1):
        run(path, f"{number}.{kind}", "messages")
        path = f"{number}.{kind}"
    assert rows(path) == chats
