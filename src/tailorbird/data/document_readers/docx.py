"""Word documents (DOCX), by mammoth: headings, lists, tables, footnotes, text boxes, and tracked
changes as if accepted. Page headers and footers, comments and pictures are left out.

Not python-docx: it passes over what stands in tracked insertions and content controls.
"""

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

from tailorbird.data.document_readers import html
from tailorbird.data.document_readers.base import Reading, Unreadable
from tailorbird.data.limits import DOCUMENT, MIB
from tailorbird.extras import need

SUFFIXES = (".docx",)

_OLD = b"\xd0\xcf\x11\xe0"
"""How Word files before DOCX begin, and DOCX files with a password."""
_GROWTH = 16
"""Bytes of memory per byte of XML, at least."""
_UNREAD = re.compile("An unrecognised element was ignored: (.*)")
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def read(content: bytes) -> Reading:
    """The text, with headings. Raises `Unreadable`."""
    mammoth = need("mammoth")
    if content.startswith(_OLD):
        raise Unreadable("is encrypted, or a .doc file", hint="save it as DOCX without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive)
            title = _title(archive)
    except zipfile.BadZipFile as error:
        raise Unreadable(f"is no DOCX file: {error}") from error
    made = mammoth.convert_to_html(
        io.BytesIO(content),
        style_map="p[style-name='Title'] => h1:fresh",
        include_embedded_style_map=False,
        convert_image=mammoth.images.img_element(lambda image: {}),
    )
    return Reading((html.to_markdown(made.value),), title, notes=_unread(made.messages))


def _check(archive: zipfile.ZipFile) -> None:
    xml = sum(f.file_size for f in archive.infolist() if f.filename.endswith((".xml", ".rels")))
    if xml > DOCUMENT.value * MIB // _GROWTH:
        raise Unreadable(f"unpacks to {xml / MIB:,.0f} MiB of XML", hint=DOCUMENT.hint)


def _title(archive: zipfile.ZipFile) -> str | None:
    if "docProps/core.xml" not in archive.namelist():
        return None
    return ElementTree.fromstring(archive.read("docProps/core.xml")).findtext(_TITLE)


def _unread(messages: Iterable[Any]) -> tuple[str, ...]:
    found = {match[1] for m in messages if (match := _UNREAD.match(m.message))}
    return (f"left out, as it cannot be read: {', '.join(sorted(found))}",) if found else ()
