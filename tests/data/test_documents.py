from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_documents import docx, encrypted_pdf, paragraph, pdf

from tailorbird.data.documents import load_documents, read_documents
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


def test_a_folder_of_many_kinds_is_accounted_for(tmp_path: Path, write: Write) -> None:
    write("docs/a.md", b"# Leave\ncaf\xe9 \xe2\x80\xaex")
    write("docs/b.pdf", pdf(["First.", "", "Third."], title="Pay  scale"))
    write("docs/c.docx", docx(paragraph("Sick leave."), title="Illness"))
    write("docs/d.HTML", "<title>Hours</title><h1>Opening hours</h1><p>From 9.")
    write("docs/e.html", "<title>Hours</title><p>Until 5.")
    write("docs/f.txt", " \n")
    write("docs/g.png", b"\x89PNG")
    write("docs/h.png", b"\x89PNG")
    found, account = read_documents(Documents(path="docs"), tmp_path, None)
    assert found == (
        Document("a", "Leave", "café â€®x"),
        Document("b#page=1", "Pay scale", "First."),
        Document("b#page=3", "Pay scale", "Third."),
        Document("c", "Illness", "Sick leave."),
        Document("d", "Opening hours", "From 9."),
        Document("e", "Hours", "Until 5."),
    )
    assert account.lines() == [
        "docs: 10 documents read, 6 kept, 4 dropped",
        "  changed 1: not UTF-8, read as cp1252 (first at a.md)",
        "  dropped 2: no text (first at b#page=2)",
        '  dropped 2: ".png" files are not read as documents (first at g.png)',
    ]


def test_one_file_is_a_document_or_its_pages(tmp_path: Path, write: Write) -> None:
    path = write("in/leave.pdf", pdf(["First.", "Second."]))
    assert documents(tmp_path, path=path) == (
        Document("leave#page=1", "leave", "First."),
        Document("leave#page=2", "leave", "Second."),
    )
    path = write("in/leave.md", "# Leave\ntext")
    assert documents(tmp_path, path=path) == (Document("leave", "Leave", "text"),)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("scan.pdf", pdf(["", ""]), "docs/scan.pdf holds no text on any of its 2 pages"),
        ("locked.pdf", encrypted_pdf(["x"], "secret"), "docs/locked.pdf is encrypted"),
        ("cut.docx", docx(paragraph("x"))[:100], "docs/cut.docx is no DOCX file"),
        ("wide.md", "words".encode("utf-16"), "UTF-16"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    tmp_path: Path, write: Write, name: str, content: bytes, said: str
) -> None:
    write("docs/a.md", "x")
    write(f"docs/{name}", content)
    with pytest.raises(DataError, match=said):
        documents(tmp_path, path="docs")


def test_links_that_lead_out_of_the_folder_are_refused(tmp_path: Path, write: Write) -> None:
    write("docs/a.md", "x")
    write("secret.md", "key")
    (tmp_path / "docs" / "b.md").symlink_to("../secret.md")
    with pytest.raises(DataError, match="leads out of"):
        documents(tmp_path, path="docs")


def test_names_that_are_no_text_and_names_with_braces(tmp_path: Path, write: Write) -> None:
    write("docs/{data}.md", "x")
    (tmp_path / "docs" / "\udcff.md").write_text("y")
    assert [d.id for d in documents(tmp_path, path="docs")] == ["{data}", "?"]


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
def test_a_table(tmp_path: Path, write: Write, name: str) -> None:
    if name == "d.csv":
        write(name, "id,title,text\n1,T,x\n2,U,\n")
    else:
        write(name, [{"id": 1, "title": "T", "text": " x "}, {"id": 2, "title": "U", "text": None}])
    assert documents(tmp_path, path=name) == (Document("1", "T", "x"),)
    account = read_documents(Documents(path=name), tmp_path, None)[1]
    assert (account.read, account.kept, account.dropped) == (2, 1, {"no text": 1})


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
