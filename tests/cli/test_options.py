"""What commands share: JSON that every program reads, and that steers no terminal."""

import io
import json
import sys
import unicodedata
from typing import Any

import pytest

from tailorbird.cli.options import print_json

STEERING = (
    "\x1b[31m", "\x07", "\x7f", "\x85", "\x9b31m",  # controls, those of C1 too
    "\u200f\u202egnp.exe\u2066", "a\u200bb\ufeff\xad", "\U000e0041",  # formats
    "\ue000\U000f0000", "\ud800", "\u2028\u2029", "\ufdd0\U0001ffff",  # what nobody can read
)  # fmt: skip
READABLE = "Zürich, 数, مرحبا, नमस्ते, 😀 and … “this”"


def printed(value: Any, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    print_json(value)
    return capsys.readouterr().out


@pytest.mark.parametrize("text", STEERING, ids=ascii)
def test_what_could_steer_a_terminal_is_spelled_out(text: str, capsys: pytest.CaptureFixture[str]):
    value = {"rows": [f'so {text} "quoted\\', {text: text * 2}], "n": 1.5, "none": None}
    said = printed(value, capsys)
    assert json.loads(said) == value
    kinds = {unicodedata.category(c) for c in said if c != "\n"}
    assert not kinds & {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def test_what_people_read_stays(capsys: pytest.CaptureFixture[str]):
    assert READABLE in printed([READABLE], capsys)


def test_a_terminal_of_another_encoding_gets_ascii(monkeypatch: pytest.MonkeyPatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "latin-1", write_through=True))
    print_json([READABLE, *STEERING])
    assert written.getvalue().isascii()
    assert json.loads(written.getvalue()) == [READABLE, *STEERING]
