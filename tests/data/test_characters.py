import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.characters import BROKEN, NUL, SAME, Found, plain

KEPT = {
    "\x07": "control characters",
    "\x1c": "control characters",
    "\u200b": "invisible characters",
    "\ufeff": "invisible characters",
    "\U000e0041": "invisible characters",
    "\u202e": "characters that turn the direction of text",
    "\ufdd0": "code points that are no characters",
    "\U0010ffff": "code points that are no characters",
    "\ufffd": "replacement characters, lost in an earlier conversion",
}


@pytest.mark.parametrize(("character", "said"), KEPT.items(), ids=ascii)
def test_strange_characters_are_kept_and_said(character: str, said: str) -> None:
    found = Found()
    value = {"a": [f"x{character}y", 1, None], f"{character}": "b"}
    assert not plain(value)
    assert found.clean(value) == value
    assert (found.kept, found.mended) == ({said}, set())


@pytest.mark.parametrize(
    ("text", "clean", "said"),
    [("a\0b", "ab", NUL), ("a\ud83d", "a?", BROKEN), ("\udc80", "?", BROKEN)],
)
def test_what_nothing_can_take_is_mended(text: str, clean: str, said: str) -> None:
    found = Found()
    assert found.clean([{text: [text]}]) == [{clean: [clean]}]
    assert found.mended == {said}


def test_keys_that_become_the_same_are_said() -> None:
    found = Found()
    assert found.clean({"a": 1, "a\0": 2}) == {"a": 2}
    assert found.mended == {NUL, SAME}


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "grüße 😀",
        "नमस्ते",
        "می\u200cخواهم",
        "👩\u200d🔬",
        "\u200fשלום",
        "a\n\tb\r\n c\xa0d",
        "",
    ],
)
def test_ordinary_writing_is_left_alone(text: str) -> None:
    found = Found()
    assert found.clean(text) == text
    assert (found.kept, found.mended) == (set(), set())


@given(st.text(st.characters(), max_size=20))
def test_the_quick_look_misses_nothing(text: str) -> None:
    found = Found()
    clean = found.clean(text)
    clean.encode()
    if plain(text):
        assert clean == text
    looked = Found()
    assert looked._text(text) == clean
    assert (looked.kept, looked.mended) == (found.kept, found.mended)


def test_every_control_and_lone_surrogate_is_caught() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\n\r\f\x85":
            assert not plain(character), hex(code)
