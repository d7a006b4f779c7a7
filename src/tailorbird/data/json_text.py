"""JSON of any length, a window of it in memory, by the scanner of the standard library.

Not ijson: it refuses NaN, text that is not UTF-8 and whole numbers beyond 64 bits, and gives other
numbers as decimals, so that a row would be another one in `.json` than in `.jsonl`.
"""

import codecs
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tailorbird.data.files import BOM, decode
from tailorbird.data.limits import MIB, ROW
from tailorbird.errors import DataError

DEEPEST = 200
"""Brackets within brackets of one row: a conversation with tools takes ten."""
TWICE = "a key stands twice in an object: the last one counts"
NOT_FINITE = "NaN or Infinity, which JSON has not"
_WINDOW = MIB
_MARGIN = 16
"""Characters before the end of the window in which what the scanner says may be due to that end:
the longest word (-Infinity) and the longest escape (a pair of surrogates) are shorter."""
_SPACE = re.compile(r"[ \t\n\r]*")


class NotJson(Exception):
    """A text that is not JSON, or not JSON that can be held; the message says what it is instead.
    Caught where rows are counted; never leaves `data`."""


class Parsed(NamedTuple):
    """One value."""

    value: Any
    notes: tuple[str, ...] = ()
    """What had to be changed or assumed to read it."""
    seen: tuple[str, ...] = ()
    """What is strange about it and was kept."""


class Scanner:
    """JSON -> values, and what is strange about them."""

    def __init__(self) -> None:
        decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)
        self._part: Callable[[str, int], tuple[Any, int]] = decoder.raw_decode
        self._whole = decoder.decode
        self._twice = False
        self._not_finite = False

    def whole(self, text: str) -> Parsed:
        """The value that is the whole of a text. Raises `NotJson`."""
        self._twice = self._not_finite = False
        try:
            value = self._whole(text)
        except (ValueError, RecursionError) as error:
            raise reason(error) from error
        return self.parsed(value, text, 0, len(text))

    def part(self, text: str, start: int) -> tuple[Any, int]:
        """The value that begins at `start`, and where it ends. Raises what the scanner raises."""
        self._twice = self._not_finite = False
        return self._part(text, start)

    def parsed(self, value: Any, text: str, start: int, end: int) -> Parsed:
        """The value that was just read. Raises `NotJson` where it is nested too deeply."""
        if text.count("[", start, end) + text.count("{", start, end) > DEEPEST:
            _measure(value)
        return Parsed(
            value, (TWICE,) if self._twice else (), (NOT_FINITE,) if self._not_finite else ()
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        self._twice |= len(value) != len(pairs)
        return value

    def _constant(self, name: str) -> float:
        self._not_finite = True
        return float(name.replace("Infinity", "inf"))


def reason(error: Exception) -> NotJson:
    """What an exception of the scanner means."""
    if isinstance(error, RecursionError):
        return NotJson("nested too deeply")
    if isinstance(error, json.JSONDecodeError):
        return NotJson("not valid JSON")
    return NotJson("a number of more than 4,300 digits")  # Python's limit: they take quadratic time


def _measure(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    raise NotJson("nested too deeply")


def _inner(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (v for v in inner if isinstance(v, (dict, list)))


class JsonText:
    """A place in a JSON text. Values are passed in order, and read or skipped.

    Raises `NotJson` where the text is none, and `DataError` where one value is longer than a row
    may be.
    """

    def __init__(self, stream: io.BufferedReader, scanner: Scanner) -> None:
        self._stream = stream
        self._scanner = scanner
        # Bytes that are not UTF-8 pass as lone surrogates; the row that holds them is read again.
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._text = ""
        self._at = 0
        self._foreign = False
        """Whether the window holds bytes that are not UTF-8."""
        self._ended = False
        self._more()
        if self._text.startswith(BOM.decode()):
            self._at = 1

    def peek(self) -> str:
        """The next character that is no white space; none at the end of the text."""
        while True:
            at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            self._at = at
            if at < len(self._text):
                return self._text[at]
            if not self._more():
                return ""

    def value(self) -> Parsed:
        """Read the next value."""
        self.peek()
        while True:
            start = self._at
            try:
                value, end = self._scanner.part(self._text, start)
            except (ValueError, RecursionError) as error:
                if self._cut_short(error) and self._more():
                    continue
                raise reason(error) from error
            if len(self._text) - end >= _MARGIN or not self._more():
                break
        self._at = end
        if self._foreign:
            text, assumed = decode(self._text[start:end].encode("utf-8", "surrogateescape"))
            if assumed:
                again = self._scanner.whole(text)
                return again._replace(notes=(*assumed, *again.notes))
        return self._scanner.parsed(value, self._text, start, end)

    def elements(self) -> Iterator[int]:
        """Stand before each element of the array that comes next; read or skip it, then go on."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        for position in itertools.count():
            yield position
            if self._take(",]") == "]":
                return

    def members(self) -> Iterator[str]:
        """Stand before the value of each key of the object that comes next; as `elements`."""
        self._take("{")
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            if self.peek() != '"':
                raise NotJson("not valid JSON")
            name = self.value().value
            self._take(":")
            yield name
            if self._take(",}") == "}":
                return

    def skip(self) -> None:
        """Pass the next value; of a long one, no more than a part is held."""
        opening = self.peek()
        if opening == "[" and not self._within_window():
            for _ in self.elements():
                self.skip()
        elif opening == "{" and not self._within_window():
            for _ in self.members():
                self.skip()
        elif opening not in "[{":
            self.value()

    def _within_window(self) -> bool:
        """Pass the next value if the window holds the whole of it."""
        try:
            _, self._at = self._scanner.part(self._text, self._at)
        except (ValueError, RecursionError) as error:
            if self._cut_short(error):
                return False
            raise reason(error) from error
        return True

    def _take(self, wanted: str) -> str:
        found = self.peek()
        if not found or found not in wanted:
            raise NotJson("not valid JSON")
        self._at += 1
        return found

    def _cut_short(self, error: Exception) -> bool:
        """Whether the scanner may have failed only because the window ends."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        open_string = error.msg.startswith("Unterminated string")
        return open_string or error.pos >= len(self._text) - _MARGIN

    def _more(self) -> bool:
        """Take in the next part of the text, and let go of what was passed."""
        if self._ended:
            return False
        held = len(self._text) - self._at
        if held > ROW.value * MIB:
            raise DataError(f"a value is longer than {ROW.value:,} MiB", hint=ROW.hint)
        # As much again as is held: a long value is scanned a few times, not once per window.
        raw = self._stream.read(max(_WINDOW, held))
        self._ended = not raw
        self._text = self._text[self._at :] + self._decode(raw, self._ended)
        self._at = 0
        self._foreign = not _encodable(self._text)
        return True


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
