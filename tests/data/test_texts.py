"""Raw texts: files, tables and folders of them; and inputs without answers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from building import task
from made_documents import docx, encrypted_pdf, paragraph, pdf

from tailorbird.data.read import load_examples
from tailorbird.data.texts import load_texts
from tailorbird.errors import DataError
from tailorbird.task.check import check_benchmark
from tailorbird.task.strict import parse
from tailorbird.task.task import Data, Texts
from tailorbird.task.types import Example


def write(path: Path, rows: list[Any]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)


def test_a_folder_gives_every_text_once(tmp_path: Path) -> None:
    inner = tmp_path / "field" / "more"
    inner.mkdir(parents=True)
    (tmp_path / "field" / "a.txt").write_text("First.\n")
    (tmp_path / "field" / "b.md").write_bytes("\ufeff# Second".encode())
    (tmp_path / "field" / ".hidden.txt").write_text("no")
    (tmp_path / "field" / "picture.png").write_bytes(b"\x89PNG")
    write(inner / "c.jsonl.gz", [{"text": "Third."}, {"text": "First."}, {"text": " "}])
    texts, accounts = load_texts([Texts(path="field")], tmp_path, None)
    assert texts == ("First.", "# Second", "Third.")
    assert [a.file for a in accounts] == ["field/a.txt", "field/b.md", "field/more/c.jsonl.gz"]
    assert accounts[2].dropped == {"the same text stood before": 1, "no text": 1}


def test_documents_of_every_kind_are_texts(tmp_path: Path) -> None:
    folder = tmp_path / "field"
    folder.mkdir()
    (folder / "a.docx").write_bytes(docx(paragraph("One.")))
    (folder / "b.html").write_text("<h1>Two</h1><p>More.")
    (folder / "c.pdf").write_bytes(pdf(["Three.", "Four."]))
    (folder / "d.pdf").write_bytes(encrypted_pdf(["Secret."], "password"))
    (folder / "e.txt").write_bytes(b"caf\xe9")
    texts, accounts = load_texts([Texts(path="field")], tmp_path, None)
    assert texts == ("One.", "# Two\n\nMore.", "Three.\n\nFour.", "café")
    assert accounts[3].dropped == {"is encrypted": 1}
    assert accounts[4].changed == {"not UTF-8, read as cp1252": 1}


def test_what_had_to_be_mended_in_a_table_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", [{"text": "a\0b"}, {"text": "c\u202ed"}])
    texts, (account,) = load_texts([Texts(path="t.jsonl")], tmp_path, None)
    assert texts == ("ab", "c\u202ed")
    assert account.changed == {"NUL characters removed": 1}
    assert account.noted == {"characters that turn the direction of text": 1}


def test_a_column_may_be_named(tmp_path: Path) -> None:
    write(tmp_path / "faq.jsonl", [{"answer": "Within a week."}])
    data = parse(Data, {"all": "x", "texts": {"path": "faq.jsonl", "text": "answer"}}, "task.yaml")
    assert load_texts(data.texts, tmp_path, None)[0] == ("Within a week.",)
    with pytest.raises(DataError, match='no column "text"'):
        load_texts([Texts(path="faq.jsonl")], tmp_path, None)


@pytest.mark.parametrize(
    ("content", "words"), [({}, "no texts in field"), ({"a.txt": " "}, "no text in field")]
)
def test_nothing_to_read_is_an_error(tmp_path: Path, content: dict[str, str], words: str) -> None:
    (tmp_path / "field").mkdir()
    for name, text in content.items():
        (tmp_path / "field" / name).write_text(text)
    with pytest.raises(DataError, match=words):
        load_texts([Texts(path="field")], tmp_path, None)


def test_a_text_that_quotes_a_test_item_is_found() -> None:
    test = [Example(f"e{i}", f"where is parcel number {i}", "a") for i in range(40)]
    made = task(test=test)
    object.__setattr__(made, "texts", ("They ask: Where is parcel number 7? We look.",))
    warnings = [f.text for f in check_benchmark(made) if f.level == "warning"]
    assert any("'e7'" in text and "raw texts" in text for text in warnings)


def test_inputs_without_answers(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [{"input": "one", "target": "a"}])
    write(tmp_path / "test.jsonl", [{"input": "two", "target": "b"}])
    rows: list[Any] = [{"input": "three"}, {"input": "TWO "}, {"input": "Three"}, {"input": "one"}]
    rows += [{"input": "four", "target": "a"}, {"input": "five", "target": None}, {"input": ""}]
    write(tmp_path / "more.jsonl", rows)
    files = {"train": "train.jsonl", "test": "test.jsonl", "unlabelled": "more.jsonl"}
    loaded = load_examples(parse(Data, files, "task.yaml"), tmp_path, None, 0)
    assert [(e.text, e.target) for e in loaded.unlabelled] == [
        ("three", None), ("four", "a"), ("five", None)
    ]  # fmt: skip
    assert loaded.accounts[-1].dropped == {
        "the same input stands in test": 1,
        "the same input stands in train": 1,
        "the same input stands in an earlier row": 1,
        "empty input": 1,
    }


def test_named_columns_hold_for_inputs_without_answers_too(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [["one", "a"]])
    write(tmp_path / "test.jsonl", [["two", "b"]])
    write(tmp_path / "more.jsonl", [["three"], ["four", "b"]])
    files = {"train": "train.jsonl", "test": "test.jsonl", "unlabelled": "more.jsonl"}
    settings = files | {"columns": {"input": 0, "target": 1}}
    loaded = load_examples(parse(Data, settings, "task.yaml"), tmp_path, None, 0)
    assert [(e.text, e.target) for e in loaded.unlabelled] == [("three", None), ("four", "b")]
