from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.documents import load_documents
from tailorbird.errors import DataError
from tailorbird.task.task import Documents
from tailorbird.task.types import Document

Write = Callable[[str, Any], str]


def documents(folder: Path, **spec: Any) -> tuple[Document, ...]:
    return load_documents(Documents(**spec), folder, None)


def test_a_folder_of_texts(tmp_path: Path, write: Write) -> None:
    write("docs/b.md", "intro\n\n# Refunds\n\nWithin 30 days.\n## How\nAsk.\n")
    write("docs/a/z.txt", b"\xef\xbb\xbfplain caf\xe9\n")
    write("docs/empty.md", "# Only a heading\n")
    write("docs/picture.png", b"\x89PNG")
    write("docs/.git/c.md", "hidden")
    assert documents(tmp_path, path="docs") == (
        Document("a/z", "z", "plain café"),
        Document("b", "Refunds", "intro\n\n\nWithin 30 days.\n## How\nAsk."),
    )


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
def test_a_table(tmp_path: Path, write: Write, name: str) -> None:
    if name == "d.csv":
        write(name, "id,title,text\n1,T,x\n2,U,\n")
    else:
        write(name, [{"id": 1, "title": "T", "text": " x "}, {"id": 2, "title": "U", "text": None}])
    assert documents(tmp_path, path=name) == (Document("1", "T", "x"),)


def test_columns_of_a_table(tmp_path: Path, write: Write) -> None:
    path = write("d.jsonl", [{"key": "k", "page": {"body": "x"}}])
    assert documents(tmp_path, path=path, id="key", text="page.body") == (Document("k", "", "x"),)
    with pytest.raises(DataError, match=r'no column "page\.bdy"; did you mean "page\.body"'):
        documents(tmp_path, path=path, id="key", text="page.bdy")
    with pytest.raises(DataError, match='no column "titel"'):
        documents(tmp_path, path=path, id="key", text="page.body", title="titel")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{\n", "row 1: not valid JSON"),
        ([{"id": "", "text": "x"}], "row 1: no id"),
        ([{"id": "a", "text": ["x"]}], "row 1: text is of type list"),
        ([{"id": "a", "text": "x"}] * 2, "2 documents have the id 'a'"),
        ([{"id": "a", "text": " "}], "no documents in d.jsonl"),
        ("", "no documents in d.jsonl"),
        (["text"], 'row 1: no column "id"'),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, write: Write, content: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        documents(tmp_path, path=write("d.jsonl", content))


def test_folders_that_cannot_be_used(tmp_path: Path, write: Write) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match="no documents in bare"):
        documents(tmp_path, path="bare")
    write("twice/a.md", "x")
    write("twice/a.txt", "y")
    with pytest.raises(DataError, match="2 documents have the id 'a'"):
        documents(tmp_path, path="twice")
    with pytest.raises(DataError, match="no file at") as caught:
        documents(tmp_path, path="twise")
    assert "twice" in (caught.value.hint or "")


def test_data_folder(tmp_path: Path, write: Write) -> None:
    write("data/docs/a.md", "x")
    found = load_documents(Documents(path="{data}/docs"), tmp_path, tmp_path / "data")
    assert found == (Document("a", "a", "x"),)
