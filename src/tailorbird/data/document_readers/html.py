"""Web pages, by lxml: what stands in `<main>`, or in the body without its own header, footer and
asides. Scripts, navigation, form fields and pictures are left out."""

import re
from dataclasses import dataclass, field
from typing import Any

from tailorbird.data.document_readers.base import Reading, Unreadable
from tailorbird.data.files import BOM, decode
from tailorbird.extras import need

SUFFIXES = (".html", ".htm", ".xhtml")

_LEFT_OUT = {
    "audio", "button", "canvas", "head", "iframe", "nav", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "video",
}  # fmt: skip
_OF_THE_BODY = {"aside", "footer", "header"}
_HEADINGS = {f"h{level}": f"{'#' * level} " for level in range(1, 7)}
_LISTS = {"menu", "ol", "ul"}
_LINES = {"dd", "dt", "li", "tr"}
"""Blocks that follow each other without an empty line."""
_PARAGRAPHS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dialog",
    "dir", "div", "dl", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup",
    "hr", "html", "legend", "main", "p", "section", "summary", "table", "tbody", "tfoot", "thead",
}  # fmt: skip
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,40})")
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read(content: bytes) -> Reading:
    """The text of a page, with headings and lists as in Markdown. Raises `Unreadable`."""
    text, notes = _decoded(content.removeprefix(BOM))
    root = _parsed(text)
    title = None if root is None else root.findtext(".//head/title")
    return Reading((_markdown(root),), title, notes=notes)


def to_markdown(text: str) -> str:
    """The text of a page, or of a part of one. Raises `Unreadable`."""
    return _markdown(_parsed(text))


def _decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Text, by the encoding that the page names where it is not UTF-8."""
    named = _CHARSET.search(content[:2048])
    for encoding in ("utf-8", *([named[1].decode()] if named else [])):
        try:
            return content.decode(encoding), ()
        except (UnicodeError, LookupError):
            continue
    return decode(content)


def _parsed(text: str) -> Any:
    """The root element; None where there is none."""
    etree = need("lxml.etree")
    # huge_tree: 2,048 levels instead of 256, which pages with unclosed tags do reach.
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:  # the parser recovers from everything but from nothing
        return None
    fatal = [error for error in parser.error_log if error.level == etree.ErrorLevels.FATAL]
    if fatal:
        raise Unreadable(f"cannot be read to its end: {fatal[-1].message}")
    return root


def _markdown(root: Any) -> str:
    if root is None:
        return ""
    mains = root.xpath("//main | //*[@role='main']")
    writer = _Writer()
    writer.write(mains[0] if len(mains) == 1 else root)
    return "".join(writer.blocks)


def _left_out(element: Any) -> bool:
    parent = element.getparent()
    of_the_body = parent is not None and parent.tag == "body" and element.tag in _OF_THE_BODY
    return of_the_body or element.tag in _LEFT_OUT


@dataclass
class _Writer:
    """Takes elements in order and writes blocks."""

    blocks: list[str] = field(default_factory=list)
    """What is written, each with the empty line before it."""
    parts: list[str] = field(default_factory=list)
    """The block that is under way,"""
    prefix: str = ""
    """what stands before it,"""
    line: bool = False
    """and whether it may follow another line."""
    lines: bool = False
    """Whether the last block was such a line."""
    lists: list[int | None] = field(default_factory=list)
    """The lists around this place: the number of the next item; None where there are none."""
    cells: int = 0
    """How many table cells this place stands in."""
    first_cell: bool = True
    broken: bool = False
    """Whether a line ends here, if more follows in the cell."""
    kept: int = 0
    """How many elements around this place keep white space."""

    def write(self, top: Any) -> None:
        """Write an element. Depth costs no stack."""
        walk = need("lxml.etree").iterwalk(top, events=("start", "end"))
        for event, element in walk:
            left_out = element is not top and _left_out(element)
            if event == "start":
                if left_out:
                    walk.skip_subtree()
                else:
                    self._begin(element)
                    self._add(element.text)
            else:
                if not left_out:
                    self._end(element)
                if element is not top:
                    self._add(element.tail)
        self._flush()

    def _begin(self, element: Any) -> None:
        tag = element.tag
        if tag == "br":
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts += [] if self.first_cell else [" | "]
            self.first_cell = self.broken = False
            self.cells += 1
        elif tag in _PARAGRAPHS:
            self._part()
            self.lines &= tag != "table"
        elif tag in _HEADINGS:
            self._flush()
            self.prefix = _HEADINGS[tag]
        elif tag in _LISTS:
            self._flush()
            self.lines &= bool(self.lists)
            self.lists.append(_number(element.get("start"), 1) if tag == "ol" else None)
        elif tag in _LINES:
            self._flush()
            self.line, self.first_cell = True, True
            self.prefix = self._mark(element) if tag == "li" else ""
        elif tag == "pre":
            self._flush()
            self.kept += 1

    def _end(self, element: Any) -> None:
        tag = element.tag
        if tag in ("td", "th"):
            self.cells -= 1
            self.broken = False
        elif tag in _PARAGRAPHS:
            self._part()
        elif tag in _HEADINGS or tag in _LISTS or tag in _LINES or tag == "pre":
            self._flush()
            self.kept -= tag == "pre"
            if tag in _LISTS:
                self.lists.pop()

    def _mark(self, item: Any) -> str:
        indent = "  " * (len(self.lists) - 1)
        number = self.lists[-1] if self.lists else None
        if number is None:
            return f"{indent}- "
        number = _number(item.get("value"), number)
        self.lists[-1] = number + 1
        return f"{indent}{number}. "

    def _part(self) -> None:
        """A paragraph begins or ends; in a table it ends a line of the cell."""
        if self.cells:
            self.broken = bool(self.parts) and not self.parts[-1].endswith(" | ")
        else:
            self._flush()

    def _add(self, text: str | None) -> None:
        if not text:
            return
        if self.broken and text.strip():
            self.parts.append("\n")
            self.broken = False
        self.parts.append(text if self.kept else _SPACE.sub(" ", text))

    def _flush(self) -> None:
        block = "".join(self.parts)
        self.parts.clear()
        self.broken = False
        if not self.kept:
            block = "\n".join(filter(None, (" ".join(p.split()) for p in block.split("\n"))))
        block = block.strip("\n").rstrip()
        if not block:
            return
        joint = "\n" if self.line and self.lines else "\n\n"
        self.blocks += [joint if self.blocks else "", self.prefix, block]
        self.prefix, self.lines, self.line = "", self.line, False


def _number(text: str | None, otherwise: int) -> int:
    """The number that an attribute gives."""
    written = text or ""
    return int(written) if re.fullmatch("[0-9]{1,8}", written) else otherwise
