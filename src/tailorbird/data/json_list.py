"""The list of rows in a JSON file, one row at a time."""

import io
from collections.abc import Iterator, Sequence
from functools import partial

from tailorbird.data.files import BOM, decode
from tailorbird.data.json_text import JsonText, NotJson, Parsed, Scanner
from tailorbird.data.limits import MIB
from tailorbird.errors import DataError

_FIRST_LINE = 4 * MIB
"""A longer first line is no row of JSON lines."""


def holds_lines(stream: io.BufferedReader) -> bool:
    """Whether a file called .json holds JSON lines, as many do: its first line is a value."""
    lines = (line for line in iter(partial(stream.readline, _FIRST_LINE), b"") if line.strip())
    first = next(lines, b"")
    more = first.endswith(b"\n") and bool(next(lines, b""))
    stream.seek(0)
    if not more:
        return False
    try:
        Scanner().whole(decode(first.removeprefix(BOM))[0])
    except NotJson:
        return False
    return True


def elements(stream: io.BufferedReader, key: str | None, path: str) -> Iterator[Parsed]:
    """The elements of the list that a file is, or holds at `key`; none where it is empty.

    `key` is a name or a dotted path; a name that holds dots wins over the path that it spells.
    Raises `NotJson`, also for what stands around the list; `DataError` where there is no list.
    """
    for parts in [()] if key is None else dict.fromkeys([(key,), tuple(key.split("."))]):
        stream.seek(0)
        text = JsonText(stream, Scanner())
        if not text.peek():
            return
        around = list[Iterator[str]]()
        if _reach(text, parts, around):
            if text.peek() != "[":
                raise _no_list(stream, key, path, found=True)
            yield from (text.value() for _ in text.elements())
            _leave(text, parts, around)
            return
    raise _no_list(stream, key, path, found=False)


def _reach(text: JsonText, parts: Sequence[str], around: list[Iterator[str]]) -> bool:
    """Go to the value at a path; `around` gets what is left of the objects that it stands in."""
    for part in parts:
        opening = text.peek()
        if opening == "{":
            around.append(text.members())
        elif opening == "[" and part.isdecimal():
            around.append(map(str, text.elements()))
        else:
            return False
        for name in around[-1]:
            if name == part:
                break
            text.skip()
        else:
            return False
    return True


def _leave(text: JsonText, parts: Sequence[str], around: list[Iterator[str]]) -> None:
    """Read to the end of the file."""
    for part, names in zip(reversed(parts), reversed(around), strict=True):
        for name in names:
            if name == part:
                raise NotJson(f'the key "{part}" stands twice')
            text.skip()
    if text.peek():
        raise NotJson("more follows after its end")


def _no_list(stream: io.BufferedReader, key: str | None, path: str, found: bool) -> DataError:
    """What is wrong, with the keys that would be right."""
    stream.seek(0)
    text = JsonText(stream, Scanner())
    kind = "object" if text.peek() == "{" else "value"
    lists = []
    if kind == "object":
        for name in text.members():
            if text.peek() == "[":
                lists.append(name)
            text.skip()
    else:
        text.skip()
    if text.peek():
        raise NotJson("more follows after its end")
    if key is None:
        what = f"{path} holds one {kind}, not a list of rows"
    elif found:
        what = f'{path}: key "{key}" holds no list of rows'
    else:
        what = f'{path} has no key "{key}"'
    return DataError(what, hint=f"set key to one of: {', '.join(lists)}" if lists else None)
