"""The page on data shows every format byte for byte, and says truly what each can hold."""

import json
import re

import pytest
from pages import ROOT, Block, blocks

from tailorbird.data.formats.base import CAPABILITIES, CHAT, draft
from tailorbird.data.interchange import LEFT_OUT, Target, form, read, recognised, write
from tailorbird.registry import names

PAGE = (ROOT / "docs" / "data.md").read_text("utf-8")
FORMATS = names("data.formats")
_ROWS = [b for b in blocks("json") if b.mark.startswith("format:")]


def _format(block: Block) -> str:
    return block.mark.removeprefix("format:").strip()


@pytest.mark.parametrize("block", _ROWS, ids=str)
def test_row_is_of_the_format_that_it_shows(block: Block):
    name, row = _format(block), json.loads(block.text)
    assert recognised(row) == [name]
    record = read(row, name)
    assert json.dumps(write(record, Target(name)), ensure_ascii=False) == block.text.strip()
    if form(name).EXAMPLES or name == "log":
        assert draft(record).target == "From 9 am."


def test_every_format_is_shown():
    assert {_format(b) for b in _ROWS} == set(FORMATS)


def test_what_each_format_holds():
    told: dict[tuple[str, str], set[str]] = {}
    name = ""
    for first, dialects, kinds, more in re.findall(
        r"^\| (\w*) ?\| ([^|]*) ?\| (`[^|]*) \| ([^|]*) \|$", PAGE, re.MULTILINE
    ):
        name = first or name
        held = set(re.findall(r"`(\w+)`", kinds + more))
        if "chat but" in more:
            held = set(re.findall(r"`(\w+)`", kinds)) | CHAT - set(re.findall(r"`(\w+)`", more))
        elif "chat" in more:
            held |= CHAT
        for dialect in re.findall(r"`(\w+)`", dialects) or [""]:
            told[name, dialect] = held
    held_by = {(n, d): set(held) for n in FORMATS for d, held in form(n).HOLDS.items()}
    assert told == held_by


def test_every_word_is_explained():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|$", PAGE, re.MULTILINE))
    assert {word: rows.get(word) for word in CAPABILITIES} == CAPABILITIES
    without = PAGE.partition("`--without` takes")[2].partition("`--with NAME=VALUE`")[0]
    assert set(re.findall(r"`(\w+)`", without)) == set(LEFT_OUT)
