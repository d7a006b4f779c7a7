import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tailorbird.data.read import Loaded, load_examples, stream_file
from tailorbird.errors import DataError, TaskError
from tailorbird.task.task import Data
from tailorbird.task.types import Example, Message, Provenance

Write = Callable[[str, Any], str]
Load = Callable[..., Loaded]
KNOWN = (
    "alpaca", "columns", "converse", "genqa", "messages", "openai_reinforcement",
    "prompt_completion", "sharegpt", "verl",
)  # fmt: skip
"""Formats whose answers are known to be right."""


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"input": f"question {n}", "target": f"answer {n}", **more}


@pytest.fixture
def held_out(write: Write) -> str:
    return write("test.jsonl", [row(0)])


def test_examples_know_where_they_come_from(write: Write, load: Load, held_out: str) -> None:
    train = write("sub/train.jsonl", [row(1), row(2)])
    loaded = load(train=train, test=held_out)
    assert loaded.splits == {
        "train": (
            Example("train-000001", "question 1", "answer 1", provenance=Provenance(train, 1)),
            Example("train-000002", "question 2", "answer 2", provenance=Provenance(train, 2)),
        ),
        "dev": (),
        "test": (
            Example("test-000001", "question 0", "answer 0", provenance=Provenance(held_out, 1)),
        ),
    }
    assert [a.lines() for a in loaded.accounts] == [
        [f"{train}: 2 rows read, 2 kept, 0 dropped"],
        [f"{held_out}: 1 row read, 1 kept, 0 dropped"],
    ]


def test_every_row_has_a_fate_with_a_reason(write: Write, load: Load, held_out: str) -> None:
    lines = [
        json.dumps(row(1, id="a")).encode(),
        b"{",
        b'{"id": "b", "input": "caf\xe9", "target": "x"}',
        b"",
        json.dumps(row(2, id="a")).encode(),
        json.dumps({"input": " ", "target": "x"}).encode(),
        json.dumps({"input": "x", "target": None}).encode(),
        json.dumps({"input": "x", "target": " y\n"}).encode(),
        json.dumps({"input": "long " * 10, "target": "x"}).encode(),
        b'["unknown"]',
        json.dumps({"prompt": "p", "completion": "c", "label": False}).encode(),
    ]
    loaded = load(train=write("t.jsonl", b"\n".join(lines)), test=held_out, max_input_chars=12)
    account = loaded.accounts[0]
    assert (account.read, account.kept) == (10, 5)
    assert account.dropped == {
        "not valid JSON": 1,
        "empty input": 1,
        "no target": 1,
        f"not of the shape {' or '.join(KNOWN)}": 1,
        "a preference, not an answer known to be right": 1,
    }
    assert account.changed == {
        "not UTF-8, read as cp1252": 1,
        "duplicate id made unique": 1,
        "whitespace around the target stripped": 1,
    }
    assert account.truncated == {"input longer than 12 characters": 1}
    assert account.examples["not valid JSON"] == 2
    train = loaded.splits["train"]
    assert [e.id for e in train] == ["a", "b", "a#2", "t-000008", "t-000009"]
    assert [e.target for e in train] == ["answer 1", "x", "answer 2", "y", "x"]
    assert train[-1].input == "long long lo"


LINES = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")),
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda x:
                     st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3)
                     ).map(lambda v: json.dumps(v).encode()),
        st.fixed_dictionaries(
            {"input": st.text(max_size=5), "target": st.text(max_size=5)},
            optional={"id": st.integers(0, 3) | st.text(max_size=2), "group": st.text(max_size=2)},
        ).map(lambda v: json.dumps(v).encode()),
    ),
    max_size=20,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, limit=st.none() | st.integers(1, 5), seed=st.integers(0, 3))
def test_counts_add_up_whatever_the_lines(
    tmp_path: Path, lines: list[bytes], limit: int | None, seed: int
) -> None:
    good = json.dumps(row(1)).encode()
    (tmp_path / "all.jsonl").write_bytes(b"\n".join([good, *lines]))
    data = Data.model_validate({"all": "all.jsonl", "train_limit": limit, "max_input_chars": 3})
    loaded = load_examples(data, tmp_path, None, seed)
    (account,) = loaded.accounts
    examples = [e for split in loaded.splits.values() for e in split]
    parts = [part for line in [good, *lines] for part in line.split(b"\r")]
    assert account.read == sum(bool(p.removeprefix(b"\xef\xbb\xbf").strip()) for p in parts)
    assert account.kept == len(examples)
    assert account.kept + account.dropped.total() == account.read
    assert len({e.id for e in examples}) == len(examples)
    for example in examples:
        assert example.text.strip() or len(example.text) == 3
        assert example.target
        (example.id + example.text + example.target).encode()


def test_a_column_in_no_row_is_named_with_the_nearest(
    write: Write, load: Load, held_out: str
) -> None:
    train = write("t.jsonl", [{"mail": {"body": "x"}, "intent": "a"}])
    with pytest.raises(DataError, match='no row has a column "intnt"; did you mean "intent"') as e:
        load(train=train, test=held_out, columns={"input": "mail.body", "target": "intnt"})
    assert str(e.value.hint).startswith("the first row has: mail, mail.body, intent; data.columns")
    with pytest.raises(DataError, match=r'"mail.boddy"; did you mean "mail.body"'):
        load(train=train, test=held_out, columns={"input": "mail.boddy", "target": "intent"})


@pytest.mark.parametrize("name", ["id", "group", "time", "sources", "facts", "answerable"])
def test_optional_columns_must_exist_somewhere(write: Write, load: Load, name: str) -> None:
    some = write("t.jsonl", [row(1), row(2, extra="2024-01-01" if name != "answerable" else "0")])
    loaded = load(train=some, test=some, columns={name: "extra"})
    assert loaded.accounts[0].kept == 2
    with pytest.raises(DataError, match='no row has a column "extr"') as caught:
        load(train=some, test=some, columns={name: "extr"})
    hint = f"remove the line data.columns.{name}, or name another column"
    assert str(caught.value.hint).endswith(hint)


def test_the_input_is_asked_for_before_what_is_optional(
    write: Write, load: Load, held_out: str
) -> None:
    columns = {"input": "question", "answerable": "answerable", "fields": ["topic"]}
    with pytest.raises(DataError, match='no row has a column "question"') as caught:
        load(train=held_out, test=held_out, columns=columns)
    assert "--set data.columns.input=NAME" in str(caught.value.hint)
    with pytest.raises(DataError, match='no row has a column "topic"') as caught:
        load(train=held_out, test=held_out, columns={"fields": ["topic"]})
    assert "data.columns.fields" in str(caught.value.hint)


def test_unlabelled_rows_need_only_the_input(write: Write, load: Load) -> None:
    some = write("t.jsonl", [row(1, topic="a", key="1"), row(2, topic="b", key="2")])
    columns = {"input": "input", "id": "key", "facts": "topic", "fields": ["topic"]}
    more = write("more.jsonl", [{"input": "nothing but this"}])
    loaded = load(train=some, test=some, unlabelled=more, columns=columns)
    assert [(e.id, e.text) for e in loaded.unlabelled] == [("more-000001", "nothing but this")]
    wrong = write("wrong.jsonl", [{"inputs": "nothing but this"}])
    with pytest.raises(DataError, match='no row has a column "input"'):
        load(train=some, test=some, unlabelled=wrong, columns=columns)


def test_a_column_missing_in_some_rows_drops_those(write: Write, load: Load, held_out: str) -> None:
    train = write("t.jsonl", [row(1), {"input": "x"}, {"target": "x"}])
    loaded = load(train=train, test=held_out, format="columns")
    assert loaded.accounts[0].dropped == {'no column "target"': 1, 'no column "input"': 1}


def test_no_target_may_be_said_on_purpose(write: Write, load: Load, held_out: str) -> None:
    loaded = load(train=held_out, test=held_out, columns={"target": None})
    assert loaded.splits["train"][0].target is None


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_files_are_refused(write: Write, load: Load, held_out: str, content: bytes) -> None:
    with pytest.raises(DataError, match=r"t\.jsonl is empty"):
        load(train=write("t.jsonl", content), test=held_out)


def test_a_table_with_a_header_alone_is_empty(write: Write, load: Load, held_out: str) -> None:
    with pytest.raises(DataError, match=r"t\.csv is empty"):
        load(train=write("t.csv", "input,target\n"), test=held_out)


def test_unknown_formats_show_what_was_found(write: Write, load: Load, held_out: str) -> None:
    with pytest.raises(DataError, match="the first row has: question, answer") as caught:
        load(train=write("t.jsonl", [{"question": "q", "answer": "a"}]), test=held_out)
    assert ", ".join(KNOWN) in (caught.value.hint or "")
    with pytest.raises(DataError, match="the format is not known"):
        load(train=held_out, test=held_out, format="messages")
    with pytest.raises(TaskError, match='"mesages"; did you mean "messages"'):
        load(train=held_out, test=held_out, format="mesages")


def test_a_file_of_unusable_rows_says_why(write: Write, load: Load, held_out: str) -> None:
    with pytest.raises(DataError, match="none of 3 rows can be used: 2 no target; 1 not valid"):
        load(train=write("t.jsonl", b'{"input": "x", "target": ""}\n' * 2 + b"{"), test=held_out)


def test_missing_files_and_data_folder(
    write: Write, load: Load, held_out: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        load(train="tset.jsonl", test=held_out)
    assert "test.jsonl" in (caught.value.hint or "")
    with pytest.raises(DataError, match="needs the data folder"):
        load(train="{data}/x.jsonl", test=held_out)
    write("elsewhere/x.jsonl", [row(1)])
    loaded = load(train="{data}/x.jsonl", test=held_out, data_folder=tmp_path / "elsewhere")
    assert loaded.splits["train"][0].provenance == Provenance("{data}/x.jsonl", 1)


def test_formats_may_be_mixed_in_one_file(write: Write, load: Load, held_out: str) -> None:
    conversation = {
        "messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    }
    loaded = load(train=write("t.jsonl", [row(1), conversation]), test=held_out)
    assert [e.target for e in loaded.splits["train"]] == ["answer 1", "a"]


def test_only_a_system_turn_is_no_input(write: Write, load: Load, held_out: str) -> None:
    turns = [{"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}]
    loaded = load(train=write("t.jsonl", [{"messages": turns}, row(1)]), test=held_out)
    assert loaded.accounts[0].dropped == {"empty input": 1}


def test_long_conversations_keep_the_last_turn_and_the_system(write: Write, load: Load) -> None:
    roles = ("system", "user", "assistant", "user", "assistant")
    turns = [{"role": r, "content": str(i) * 4} for i, r in enumerate(roles)]
    path = write("t.jsonl", [{"messages": turns}])
    loaded = load(train=path, test=path, max_input_chars=10)
    expected = (Message("system", "0000"), Message("assistant", "22"), Message("user", "3333"))
    assert loaded.splits["train"][0].input == expected
    assert loaded.accounts[0].truncated.total() == 1


def test_ids_are_unique_over_files_keys_and_splits(write: Write, load: Load) -> None:
    paths = [write(f"{d}/t.jsonl", [row(1)]) for d in "ab"]
    both = write("t.json", json.dumps({"x": [row(1)], "y": [row(2)]}))
    parts: list[Any] = [*paths, {"path": both, "key": "x"}, {"path": both, "key": "y"}]
    loaded = load(train=parts, test={"path": both, "key": "x"})
    assert [e.id for e in loaded.splits["train"]] == [
        "t-000001", "b/t.jsonl-000001", "t-x-000001", "t-y-000001",
    ]  # fmt: skip
    assert loaded.splits["test"][0].id == "t-x-000001#2"
    assert loaded.accounts[-1].changed == {"duplicate id made unique": 1}


def test_train_limit_is_nested_counted_and_leaves_test_alone(write: Write, load: Load) -> None:
    pool = write("all.jsonl", [row(n) for n in range(200)])
    whole = load(all=pool)
    before: set[str] = set()
    for limit in (10, 50, 100):
        loaded = load(all=pool, train_limit=limit)
        train = {e.id for e in loaded.splits["train"]}
        assert len(train) == limit
        assert before < train
        assert loaded.splits["test"] == whole.splits["test"]
        (account,) = loaded.accounts
        assert account.dropped["beyond train_limit"] == len(whole.splits["train"]) - limit
        before = train
    assert load(all=pool, train_limit=10_000).splits == whole.splits
    assert load(all=pool, train_limit=10, seed=1).splits["train"] != loaded.splits["train"][:10]


def test_a_row_of_100_000_words(write: Write, load: Load, held_out: str) -> None:
    text = "wörd " * 100_000
    train = [
        write("t.jsonl", [row(1) | {"input": text}]),
        write("u.csv", f"input,target\n{text},x\n"),
    ]
    for example in load(train=train, test=held_out).splits["train"]:
        assert example.input == text


def test_one_pool_takes_nothing_beside_it(load: Load, held_out: str) -> None:
    with pytest.raises(ValidationError, match="one pool"):
        load(all=held_out, train=held_out)


def test_what_stands_in_test_is_left_out_of_training_and_counted(write: Write, load: Load) -> None:
    rows = {
        "train": ["one", "Two ", "three"],
        "dev": ["four", "three"],
        "test": ["two", "five"],
    }
    files = {
        split: write(
            f"{split}.jsonl", "\n".join(json.dumps({"input": t, "target": "x"}) for t in texts)
        )
        for split, texts in rows.items()
    }
    loaded = load(**files, drop_leaks=True)
    assert [e.text for e in loaded.splits["train"]] == ["one"]
    assert [e.text for e in loaded.splits["dev"]] == ["four", "three"]
    assert len(loaded.splits["test"]) == 2
    assert loaded.accounts[0].dropped == {
        "the same input stands in test": 1,
        "the same input stands in dev": 1,
    }


def test_a_broken_first_row_does_not_decide_the_shape_of_a_file(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("{broken\n" + f"{json.dumps({'messages': turns})}\n" * 5)
    account, examples = stream_file(file)
    assert [e.target for e in examples] == ["a"] * 5
    assert (account.kept, account.dropped.total(), account.examples.popitem()[1]) == (5, 1, 1)


def test_what_test_asks_is_held_out_whatever_the_instructions(write: Write, load: Load) -> None:
    def row(*said: str) -> dict[str, Any]:
        roles = ("system", "user", "assistant")[-len(said) :]
        return {"messages": [{"role": r, "content": c} for r, c in zip(roles, said)]}

    def asked(*said: str) -> dict[str, Any]:
        return {"input": row(*said, "")["messages"][:-1]}

    train = write(
        "train.jsonl",
        [row("In German.", "Open?", "Ja"), row("open?", "x"), row("In German.", "Where?", "Hier")],
    )
    dev = write("dev.jsonl", [row("In French.", "When?", "Oui"), row("Who?", "I")])
    test = write("test.jsonl", [row("In French.", "Open?", "Oui")])
    more = write("more.jsonl", [
        asked("OPEN?"), asked("In Danish.", "OPEN?"), asked("In Danish.", "who?"),
        asked("In Danish.", "where?"), asked("in german.", "where?"), asked("IN danish.", "Where?"),
    ])  # fmt: skip
    found = load(train=train, dev=dev, test=test, unlabelled=more, drop_leaks=True)
    assert [e.target for e in found.splits["train"]] == ["Hier"]
    same = "the same input stands in"
    train_file, *_, more_file = found.accounts
    assert train_file.dropped == {f"{same} test": 2}
    # Of what no mark depends on, the same question under other instructions is another input.
    assert [e.turns[0].content for e in found.unlabelled] == ["In Danish."]
    assert more_file.dropped == {
        f"{same} test": 2, f"{same} dev": 1, f"{same} train": 1, f"{same} an earlier row": 1,
    }  # fmt: skip
