import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tailorbird.cli.main import app

CHAT = {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]}


@pytest.fixture
def source(tmp_path: Path) -> str:
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(CHAT) + "\n" + json.dumps(CHAT | {"id": 1}) + "\n{\n")
    return str(file)


def test_what_happened_is_said(source: str, tmp_path: Path):
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(
        app, ["convert", source, str(out), "--to", "alpaca", "--with", "lang=en"]
    )
    assert done.exit_code == 0, done.output
    assert "read as 2 messages" in done.output
    assert "3 rows read, 2 kept, 1 dropped" in done.output
    assert f"wrote 2 rows to {out}" in done.output
    assert out.read_text() == "instruction,input,output,lang,id\nu,,a,en,\nu,,a,en,1\n"


def test_what_could_be_left_out_is_said(source: str, tmp_path: Path):
    out = str(tmp_path / "out.jsonl")
    done = CliRunner().invoke(app, ["convert", source, out, "--to", "converse"])
    assert 'converse cannot hold "id" (first at row 2)' in done.output
    assert "may be left out: --without further" in done.output
    words = ["convert", source, out, "--to", "converse", "--without", "id", "--json", "--overwrite"]
    found = json.loads(CliRunner().invoke(app, words).stdout)
    assert (found["kept"], found["changed"]) == (2, {"id left out": 1})
    assert found["formats"] == {"messages": 2}


def test_a_file_that_is_there_is_kept(source: str, tmp_path: Path):
    out = tmp_path / "mine.jsonl"
    out.write_text("mine")
    words = ["convert", source, str(out), "--to", "sharegpt"]
    assert "exists already" in str(CliRunner().invoke(app, words).exception)
    assert out.read_text() == "mine"
    assert CliRunner().invoke(app, [*words, "--overwrite"]).exit_code == 0
    assert out.read_text() != "mine"


def test_a_wrong_option_is_named(source: str, tmp_path: Path):
    words = ["convert", source, str(tmp_path / "o.jsonl"), "--to", "alpaca", "--with", "lang"]
    assert "--with takes key=value" in str(CliRunner().invoke(app, words).exception)


def test_columns_are_named(tmp_path: Path):
    (tmp_path / "in.csv").write_text('question,"answer, short",no\nu,a,7\n')
    out = tmp_path / "out.jsonl"
    words = ["convert", str(tmp_path / "in.csv"), str(out), "--to", "columns", "--columns"]
    done = CliRunner().invoke(app, [*words, "input=question,target=answer, short,id=no"])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text()) == {"input": "u", "target": "a", "id": "7"}
    done = CliRunner().invoke(
        app, [*words, "input = question, target=answer, short ,id=", "--overwrite"]
    )
    assert done.exit_code == 0, done.exception
    assert json.loads(out.read_text()) == {"input": "u", "target": "a", "no": "7"}
    for text, says in (
        ("input=question,input=no", 'names input twice, "question" and "no"'),
        ("question", "key=name"), ("inptu=question", 'did you mean "input"'),
        ("input=question,fields=no", "all other columns stay"),
    ):  # fmt: skip
        done = CliRunner().invoke(app, [*words, text, "--overwrite"])
        assert says in f"{done.exception} {getattr(done.exception, 'hint', '')}"
