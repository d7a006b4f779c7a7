"""Every reader, through the one door; each kind's own matters below."""

import io
import sys
import zipfile

import pytest
from made_documents import docx, encrypted_pdf, paragraph, pdf

from tailorbird.data.document_readers.base import Unreadable, read_document, suffix_of, suffixes
from tailorbird.errors import DataError, MissingExtra
from tailorbird.registry import names

GOOD = {
    ".txt": b"Within 30 days.",
    ".md": b"Within 30 days.",
    ".html": b"<p>Within 30 days.",
    ".pdf": pdf(["Within 30 days."]),
    ".docx": docx(paragraph("Within 30 days.")),
}


@pytest.mark.parametrize("suffix", GOOD)
def test_the_text_of_every_kind(suffix: str) -> None:
    assert [page.strip() for page in read_document(GOOD[suffix], suffix).pages] == [
        "Within 30 days."
    ]


def test_every_reader_has_a_suffix_and_is_tried_here() -> None:
    assert set(suffixes().values()) == set(names("data.document_readers"))
    assert {suffixes()[suffix] for suffix in GOOD} == set(suffixes().values())
    assert suffix_of("A.B.PDF") == ".pdf"


@pytest.mark.parametrize("suffix", [".pdf", ".docx"])
@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"PK\x03\x04", b"words", bytes(1000)])
def test_what_is_no_document_is_said_so(suffix: str, content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"is broken|is no DOCX"):
        read_document(content, suffix)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_texts_that_are_empty_are_empty(suffix: str) -> None:
    assert read_document(b"", suffix).pages == ("",)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_encodings(suffix: str) -> None:
    assert read_document("\ufeffé".encode(), suffix).pages == ("é",)
    assert read_document(b"caf\xe9", suffix).notes == ("not UTF-8, read as cp1252",)
    with pytest.raises(DataError, match="UTF-16"):
        read_document("é".encode("utf-16"), suffix)


def test_hostile_characters_are_mended_or_counted() -> None:
    reading = read_document("a\0b \u202ec".encode(), ".txt")
    assert reading.pages == ("ab \u202ec",)
    assert reading.notes == ("NUL characters removed",)
    assert reading.seen == ("characters that turn the direction of text",)


@pytest.mark.parametrize(
    ("suffix", "library"), [(".pdf", "pypdf"), (".docx", "mammoth"), (".html", "lxml.etree")]
)
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, suffix: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra) as caught:
        read_document(GOOD[suffix], suffix)
    assert caught.value.hint == "pip install 'tailorbird[documents]'"


# ---- PDF -------------------------------------------------------------------------------------


def test_pages_and_title_of_a_pdf() -> None:
    reading = read_document(pdf(["First (1).", "", "Third."], title="Leave"), ".pdf")
    assert reading.pages == ("First (1).", "", "Third.")
    assert (reading.paged, reading.title, reading.notes) == (True, "Leave", ())


def test_a_scanned_pdf_is_no_empty_document() -> None:
    with pytest.raises(Unreadable, match="holds no text on any of its 2 pages") as caught:
        read_document(pdf(["", ""]), ".pdf")
    assert "ocrmypdf" in (caught.value.hint or "")


def test_a_pdf_with_a_password_is_refused_and_one_without_is_read() -> None:
    with pytest.raises(Unreadable, match="is encrypted") as caught:
        read_document(encrypted_pdf(["Secret."], "password"), ".pdf")
    assert caught.value.hint == "save it without a password"
    assert read_document(encrypted_pdf(["Open."], ""), ".pdf").pages == ("Open.",)


def test_what_a_damaged_pdf_took_to_read_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    whole = pdf(["Within 30 days."])
    reading = read_document(whole.replace(b"startxref\n", b"startxref\n9"), ".pdf")
    assert reading.pages == ("Within 30 days.",)
    assert reading.notes
    assert all(note.startswith("read with a warning: ") for note in reading.notes)
    assert capfd.readouterr().err == ""


# ---- DOCX ------------------------------------------------------------------------------------

STYLES = """<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/></w:style>
</w:styles>"""
BODY = f"""
{paragraph("Leave", "Title")}
<w:p><w:r><w:t xml:space="preserve">You have </w:t></w:r>
<w:ins w:id="1" w:author="a"><w:r><w:t>30</w:t></w:r></w:ins>
<w:del w:id="2" w:author="a"><w:r><w:delText>25</w:delText></w:r></w:del>
<w:r><w:t xml:space="preserve"> days.</w:t></w:r></w:p>
{paragraph("Carrying over", "Heading2")}
<w:sdt><w:sdtContent>{paragraph("Until March.")}</w:sdtContent></w:sdt>
<w:tbl><w:tr><w:tc>{paragraph("Years")}</w:tc><w:tc>{paragraph("Days")}</w:tc></w:tr>
<w:tr><w:tc>{paragraph("5")}</w:tc><w:tc>{paragraph("31")}{paragraph("paid")}</w:tc></w:tr></w:tbl>
"""


def test_headings_changes_controls_and_tables_of_a_docx() -> None:
    reading = read_document(docx(BODY, title="Template", styles=STYLES), ".docx")
    assert reading.pages == (
        "# Leave\n\nYou have 30 days.\n\n## Carrying over\n\nUntil March.\n\n"
        "Years | Days\n5 | 31\npaid",
    )
    assert (reading.title, reading.notes) == ("Template", ())


def test_what_is_left_out_of_a_docx_is_said() -> None:
    reading = read_document(docx(paragraph("Area:") + "<w:p><m:sum/></w:p>"), ".docx")
    assert reading.notes == ("left out, as it cannot be read: {urn:math}sum",)


def test_a_docx_with_a_password_or_an_old_doc() -> None:
    with pytest.raises(Unreadable, match="is encrypted, or a"):
        read_document(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), ".docx")


@pytest.mark.parametrize("cut", [30, 200, -30])
def test_a_docx_that_is_cut_is_broken(cut: int) -> None:
    with pytest.raises(Unreadable, match=r"is no DOCX|is broken"):
        read_document(docx(BODY)[:cut], ".docx")


def test_a_docx_without_its_text_or_with_broken_xml() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/other.xml", "<a/>")
    for content in (out.getvalue(), docx("<w:p>"), docx("<w:p>" * 5000 + "</w:p>" * 5000)):
        with pytest.raises(Unreadable, match="is broken"):
            read_document(content, ".docx")


def test_docx_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILORBIRD_MAX_DOCUMENT_MIB", "16")
    bomb = docx(paragraph("x" * 2 * 2**20))
    assert len(bomb) < 2**14
    with pytest.raises(Unreadable, match="unpacks to 2 MiB of XML") as caught:
        read_document(bomb, ".docx")
    assert "TAILORBIRD_MAX_DOCUMENT_MIB" in (caught.value.hint or "")
    monkeypatch.setenv("TAILORBIRD_MAX_DOCUMENT_MIB", "64")
    assert len(read_document(bomb, ".docx").pages[0]) == 2 * 2**20


def test_entities_of_a_docx_do_not_grow() -> None:
    lines = ["<!ENTITY a0 'ha'>"]
    lines += [f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10)]
    content = docx(paragraph("&a9;"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            declared = f"<!DOCTYPE x [{''.join(lines)}]>" if name == "word/document.xml" else ""
            new.writestr(name, declared + text)
    with pytest.raises(Unreadable, match="is broken"):
        read_document(out.getvalue(), ".docx")


# ---- HTML ------------------------------------------------------------------------------------

PAGE = """<!doctype html><html><head><title>Help | Acme</title><style>p {}</style></head><body>
<header>Acme</header><nav><a href="/">Home</a></nav>
<h1>Refunds &amp; <em>returns</em></h1>
<p>Within&nbsp;30 days<br>of purchase. <!-- internal -->Ask&#33;</p>
<ol start=3><li>Open it<li><p>Send it</p><ul><li>box<li>label</ul></ol>
<table><caption>Fees</caption><tr><th>Kind<th>EUR</tr><tr><td><p>small</p><td><p>5</p></table>
<table><tr><td><h2>Layout</h2><p>one</p><p>two</p></td></tr></table>
<pre>  code
    more</pre><dl><dt>Parcel<dd>A box.<dt>Letter<dd>A sheet.</dl>
before<script>bad()</script> after <form>inside<select><option>no</select></form>
<aside>Advertisement</aside><footer>Imprint</footer></body></html>"""


def test_the_text_of_a_page() -> None:
    reading = read_document(PAGE.encode(), ".html")
    assert reading.title == "Help | Acme"
    assert reading.pages[0].split("\n\n") == [
        "# Refunds & returns",
        "Within 30 days\nof purchase. Ask!",
        "3. Open it\n4. Send it\n  - box\n  - label",
        "Fees",
        "Kind | EUR\nsmall | 5",
        "## Layout",
        "one\ntwo",
        "  code\n    more",
        "Parcel\nA box.\nLetter\nA sheet.",
        "before after",
        "inside",
    ]


def test_the_main_part_of_a_page_is_the_page() -> None:
    page = "<p>around</p><main><header>Kept</header><p>x</main><p>around</p>"
    assert read_document(page.encode(), ".html").pages == ("Kept\n\nx",)
    two = "<main>one</main><main>two</main>"
    assert read_document(two.encode(), ".html").pages == ("one\n\ntwo",)


def test_the_encoding_that_a_page_names() -> None:
    page = '<meta http-equiv="content-type" content="text/html; charset=koi8-r"><p>да'
    assert read_document(page.encode("koi8-r"), ".html").pages == ("да",)
    unknown = b'<meta charset="no-such"><p>caf\xe9'
    assert read_document(unknown, ".html").notes == ("not UTF-8, read as cp1252",)
    assert read_document(b'<meta charset="zlib"><p>caf\xe9', ".html").pages == ("café",)


@pytest.mark.parametrize(
    "page", ["<", "<a ", "<!--", "<!-- x -->", "<a b='", "<![CDATA[", "</", "<svg><title>", "&#0;"]
)
def test_scraps_of_markup_take_no_time(page: str) -> None:
    read_document((page * 20_000).encode(), ".html")


def test_pages_too_deep_to_read_to_their_end_are_refused() -> None:
    assert read_document(b"<div>" * 1500 + b"deep", ".html").pages == ("deep",)
    with pytest.raises(Unreadable, match="cannot be read to its end"):
        read_document(b"<div>" * 100_000 + b"deep", ".html")
