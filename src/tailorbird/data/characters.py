"""Characters that are not what they seem. What no file, tokenizer or database could take is
mended; the rest stays, because somebody may mean it, and is counted.

| found | what is done |
| --- | --- |
| lone surrogates | replaced by ? |
| NUL | removed |
| other control characters, invisible ones, those that turn the direction of text, code points that
are no characters, replacement characters | kept, and counted |

Joiners and direction marks are not counted: Arabic, Persian, Hindi and emoji need them.
"""

import re
from dataclasses import dataclass, field
from typing import Any

BROKEN = "broken Unicode replaced by ?"
NUL = "NUL characters removed"
SAME = "keys that are the same once mended: the last one counts"

_LONE = re.compile("[\ud800-\udfff]")
_KEPT = {
    "control characters": re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]"),
    "invisible characters": re.compile(
        "[\xad\u180e\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
    ),
    "characters that turn the direction of text": re.compile("[\u202a-\u202e\u2066-\u2069]"),
    "code points that are no characters": re.compile(
        "[\ufdd0-\ufdef"
        + "".join(f"{chr(p + 0xFFFE)}{chr(p + 0xFFFF)}" for p in range(0, 0x110000, 0x10000))
        + "]"
    ),
    "replacement characters, lost in an earlier conversion": re.compile("\ufffd"),
}


def plain(value: Any) -> bool:
    """Whether no text in a value, nested ones and keys too, holds any of these characters.

    Quick, and never wrong when it says yes; `Found.clean` looks closer.
    """
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, dict):
        return all(map(plain, value)) and all(map(plain, value.values()))
    return all(map(plain, value)) if isinstance(value, list) else True


def _plain(text: str) -> bool:
    if not text.isprintable():
        for space in "\n\t\r\xa0":
            text = text.replace(space, " ")
        if not text.isprintable():
            return False
    return text.isascii() or "\ufffd" not in text


@dataclass
class Found:
    """What stood in the values that were cleaned."""

    mended: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def clean(self, value: Any) -> Any:
        """The value with every text in it mended."""
        if isinstance(value, str):
            return value if _plain(value) else self._text(value)
        if isinstance(value, dict):
            return self._object(value)
        return [self.clean(v) for v in value] if isinstance(value, list) else value

    def _object(self, value: dict[Any, Any]) -> dict[Any, Any]:
        clean = {self.clean(k): self.clean(v) for k, v in value.items()}
        if len(clean) != len(value):
            self.mended.add(SAME)
        return clean

    def _text(self, text: str) -> str:
        if "\0" in text:
            self.mended.add(NUL)
            text = text.replace("\0", "")
        if _LONE.search(text):
            self.mended.add(BROKEN)
            text = _LONE.sub("?", text)
        self.kept.update(name for name, pattern in _KEPT.items() if pattern.search(text))
        return text
