"""Registries of LLaMA-Factory: read as its parser reads them, written so that it reads all rows."""

import json
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.convert import Conversion, Converted, convert
from tailorbird.data.formats.base import Record, Turn, Unusable
from tailorbird.data.interchange import Target, read, recognise
from tailorbird.data.llama_factory import check_record, dataset
from tailorbird.errors import DataError

U, A, B = Turn("user", "u"), Turn("assistant", "a"), Turn("assistant", "b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def put(folder: Path, entry: dict[str, Any], rows: list[Any]) -> None:
    (folder / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "d.json"} | entry}))
    (folder / "d.json").write_text(json.dumps(rows))


def records(folder: Path) -> list[Record]:
    found = dataset(folder / "dataset_info.json", "mine")
    return [found.read(row.value)[1] for row in found.rows()]


CHAT = {"role_tag": "who", "content_tag": "says", "user_tag": "u", "assistant_tag": "a",
        "observation_tag": "o", "function_tag": "f", "system_tag": "s"}  # fmt: skip
SAID = {"who": "u", "says": "u"}


@pytest.mark.parametrize(
    ("entry", "row", "record"),
    [
        ({}, {"instruction": "u", "input": "x", "output": "a", "id": 1},
         Record((Turn("user", "u\nx"),), ((A,),), further={"id": 1})),
        ({"columns": {"prompt": "q", "response": "r", "system": "sys", "history": "h"}},
         {"q": "u", "r": "a", "sys": "s", "h": [["u", "b"]], "input": "not read"},
         Record((Turn("system", "s"), U, B, U), ((A,),), further={"input": "not read"})),
        ({"ranking": True, "columns": {"prompt": "q", "chosen": "c", "rejected": "r"}},
         {"q": "u", "c": "a", "r": "b"}, Record((U,), ((A,), (B,)))),
        ({"columns": {"prompt": "q", "response": "r", "kto_tag": "k"}},
         {"q": "u", "r": "a", "k": False}, Record((U,), ((A,),), False)),
        ({"columns": {"prompt": "body"}}, {"body": "raw"}, Record(text="raw")),
        ({"formatting": "sharegpt"},
         {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}],
          "system": "not read"},
         Record((U,), ((A,),), further={"system": "not read"})),
        ({"formatting": "sharegpt", "columns": {"messages": "chat", "system": "sys", "tools": "t"},
          "tags": CHAT},
         {"chat": [SAID, {"who": "a", "says": "a"}], "sys": "s", "t": ""},
         Record((Turn("system", "s"), U), ((A,),))),
        ({"formatting": "sharegpt", "ranking": True, "tags": CHAT,
          "columns": {"messages": "chat", "chosen": "c", "rejected": "r"}},
         {"chat": [SAID], "c": {"who": "a", "says": "a"}, "r": {"who": "a", "says": "b"}},
         Record((U,), ((A,), (B,)))),
        ({"formatting": "openai", "columns": {"messages": "messages"},
          "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user",
                   "assistant_tag": "assistant"}},
         {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]},
         Record((U,), ((A,),))),
    ],
)  # fmt: skip
def test_an_entry_says_how_a_row_is_read(entry: Any, row: Any, record: Record, folder: Path):
    put(folder, entry, [row])
    assert records(folder) == [record]


def run(folder: Path, name: str, to: str, rows: list[Any], **more: Any) -> Converted:
    source = folder / "source.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    registry = folder / "dataset_info.json"
    return convert(
        Conversion(str(source), folder / name, Target.parse(to), registry=registry, **more)
    )


def test_folders_hubs_and_samples(folder: Path, tmp_path: Path) -> None:
    put(folder, {"file_name": "parts", "num_samples": 2}, [])
    (folder / "parts").mkdir()
    for name, text in (("b.jsonl", "b"), ("a.csv", "a")):
        row = {"instruction": text, "input": "", "output": "x"}
        lines = json.dumps(row) + "\n" if name == "b.jsonl" else "instruction,output\na,x\na2,\n"
        (folder / "parts" / name).write_text(lines)
    assert [r.prompt[0].content for r in records(folder)] == ["a", "a2", "b"]
    source = str(folder / "dataset_info.json")
    done = convert(Conversion(source, tmp_path / "o.jsonl", Target("alpaca"), key="mine"))
    assert (done.account.read, done.account.kept) == (3, 2)
    assert done.account.dropped == {"beyond num_samples": 1}
    assert done.formats == {"LLaMA-Factory's alpaca": 2}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"file_name": None}, "names no file_name and no hf_hub_url"),
        ({"file_name": "../secret.json"}, "leads out of"),
        ({"script_url": "x"}, '"script_url" is not supported'),
        ({"formatting": "csv"}, 'formatting "csv" is none of alpaca, sharegpt, openai'),
        ({"columns": {"prompt": 3}}, "columns.prompt is not a name"),
        ({"num_samples": "many"}, "num_samples is of type str"),
        ({"columns": []}, "columns is of type list"),
        ({"formatting": "sharegpt", "tags": {"user_tag": ["x"]}}, "tags.user_tag is not a name"),
    ],
)
def test_entries_that_cannot_be_read(entry: Any, says: str, folder: Path, tmp_path: Path) -> None:
    put(folder, entry, [{"instruction": "u", "output": "a", "conversations": [SAID]}])
    source = str(folder / "dataset_info.json")
    with pytest.raises(DataError, match=says):
        convert(Conversion(source, tmp_path / "o.jsonl", Target("alpaca"), key="mine"))


def test_the_data_set_must_be_named(folder: Path) -> None:
    put(folder, {}, [])
    with pytest.raises(DataError, match="name one of its data sets") as caught:
        dataset(folder / "dataset_info.json", None)
    assert caught.value.hint == "it has: mine"
    with pytest.raises(DataError, match='no data set "mien"; did you mean "mine"'):
        dataset(folder / "dataset_info.json", "mien")
    with pytest.raises(DataError, match="no file at"):
        dataset(folder / "x" / "dataset_info.json", "mine")
    (folder / "dataset_info.json").write_text("[]")
    with pytest.raises(DataError, match="holds a list, not data sets by name"):
        dataset(folder / "dataset_info.json", "mine")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1], "a row is of type list"),
        ({"chat": "x"}, "no list of messages"),
        ({"chat": [{"who": "critic", "says": "x"}]}, 'role "critic" is none of the tags of mine'),
        ({"chat": ["x"]}, "a message is not an object"),
        ({"chat": [SAID], "pics": ["a.png"]}, "images are not supported"),
    ],
)
def test_rows_that_cannot_be_read_are_named(row: Any, reason: str, folder: Path, tmp_path: Path):
    entry = {"formatting": "sharegpt", "tags": CHAT,
             "columns": {"messages": "chat", "images": "pics"}}  # fmt: skip
    put(folder, entry, [row, {"chat": [SAID, {"who": "a", "says": "a"}]}])
    source = str(folder / "dataset_info.json")
    done = convert(Conversion(source, tmp_path / "o.jsonl", Target("messages"), key="mine"))
    assert [r for r in done.account.dropped if reason in r] != []
    assert done.account.kept == 1


# ---- export --------------------------------------------------------------------------------------


def says(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


PLAIN = {"messages": [says("system", "s"), says("user", "u"), says("assistant", "a")]}
PAIR = {"prompt": "u", "chosen": "a", "rejected": "b"}


@pytest.mark.parametrize(
    ("to", "rows", "entry"),
    [
        ("alpaca", [PLAIN], {"columns": {"prompt": "instruction", "query": "input",
                                         "response": "output", "system": "system"}}),
        ("alpaca", [PAIR], {"ranking": True, "columns": {
            "prompt": "instruction", "query": "input", "chosen": "chosen",
            "rejected": "rejected"}}),
        ("sharegpt", [PLAIN], {"formatting": "sharegpt", "columns": {"messages": "conversations"}}),
        ("sharegpt", [PAIR], {"formatting": "sharegpt", "ranking": True, "columns": {
            "messages": "conversations", "chosen": "chosen", "rejected": "rejected"}}),
        ("preference:text", [PAIR], {"ranking": True, "columns": {
            "prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}}),
        ("prompt_completion:text", [{"prompt": "u", "completion": "a"}],
         {"columns": {"prompt": "prompt", "response": "completion"}}),
        ("kto:text", [{"prompt": "u", "completion": "a", "label": False}],
         {"columns": {"prompt": "prompt", "response": "completion", "kto_tag": "label"}}),
        ("text", [{"text": "raw"}], {"columns": {"prompt": "text"}}),
    ],
)  # fmt: skip
def test_what_is_written_is_read_again_by_its_entry(
    to: str, rows: list[Any], entry: dict[str, Any], folder: Path
) -> None:
    (folder / "dataset_info.json").write_text('{"other": {"file_name": "x.json"}}')
    run(folder, "mine.json", to, rows)
    entries = json.loads((folder / "dataset_info.json").read_text())
    assert entries == {"other": {"file_name": "x.json"}, "mine": {"file_name": "mine.json"} | entry}
    (again,) = records(folder)
    (row,) = rows
    assert again == read(row, recognise(row))


def test_other_vocabularies_are_told_as_tags(folder: Path) -> None:
    run(folder, "mine.jsonl", "sharegpt:roles", [PLAIN])
    entry = json.loads((folder / "dataset_info.json").read_text())["mine"]
    assert entry["tags"]["role_tag"] == "role"
    assert entry["tags"]["user_tag"] == "user"
    assert [t.role for t in records(folder)[0].turns] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("record", "fine"),
    [
        (Record((U,), ((A,),)), True),
        (Record((Turn("system", "s"), U, A, U), ((A,),)), True),
        (Record((U,), ((A,), (B,))), True),
        (Record(text="t"), True),
        (Record((U, U), ((A,),)), False),
        (Record((U,)), False),
        (Record((A, U), ((A,),)), False),
        (Record((U, A, Turn("tool", "t"), Turn("tool", "t")), ((A,),)), False),
    ],
)
def test_what_its_trainer_passes_over_is_refused(record: Record, fine: bool) -> None:
    if fine:
        check_record(record, ())
    else:
        with pytest.raises(Unusable, match="passes over conversations that do not alternate"):
            check_record(record, ())


def test_rows_of_another_kind_are_refused(folder: Path) -> None:
    done = run(folder, "mine.json", "alpaca", [PLAIN, PAIR])
    assert done.account.dropped == {
        "other rows hold an answer, and dataset_info.json describes one kind of rows": 1
    }


@pytest.mark.parametrize(
    ("name", "to", "says"),
    [
        ("mine.json", "messages", "cannot be told how to read messages"),
        ("mine.json", "kto", "cannot be told how to read kto"),
        ("mine.json.gz", "alpaca", "LLaMA-Factory reads no .json.gz files"),
        ("../mine.json", "alpaca", "is not below the folder of"),
    ],
)
def test_what_no_entry_can_describe(name: str, to: str, says: str, folder: Path) -> None:
    with pytest.raises(DataError, match=says):
        run(folder, name, to, [PLAIN])
    assert not (folder / "dataset_info.json").exists()


def test_an_entry_of_another_file_is_not_replaced(folder: Path) -> None:
    put(folder, {}, [])
    with pytest.raises(DataError, match='has a data set "mine" already'):
        run(folder, "mine.jsonl", "alpaca", [PLAIN])
