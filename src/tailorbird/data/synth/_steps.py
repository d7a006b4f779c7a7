"""Procedures in documents: numbered steps, steps in words (first, then), what is needed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tailorbird.evaluate.hallucination._sentences import sentences
from tailorbird.task.types import Document

_NUMBERED = re.compile(r"^\s*(?:[Ss]tep\s+)?(\d{1,2})[.):]\s+(\S.*)$")
_BULLET = re.compile(r"^\s*[-*•]\s+(\S.*)$")
_HEADING = re.compile(r"^\s*#+\s*(\S.*)$")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"\*\*|__")
_FIRST = re.compile(r"^(?:First(?:ly)?|To begin(?: with)?|Start by),?\s+", re.IGNORECASE)
_NEXT = re.compile(
    r"^(?:Second(?:ly)?|Third(?:ly)?|Then|Next|After that|Afterwards|Finally|Lastly|At last),?\s+",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"\b(?:need|needed|bring|required?|requires|have ready|gather|must send|enclose)\b.*:\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Procedure:
    """Steps in their order, or things that are needed."""

    title: str
    """The heading above it, else the document's title."""
    parts: tuple[str, ...]
    needed: bool = False
    """Whether the parts are what is needed, in no order."""


def procedures(document: Document) -> Iterator[Procedure]:
    """Every list of two or more numbered steps or needed things, and every run of such sentences.

    A numbered list counts from 1 without a gap; a line that goes on belongs to its step.
    """
    title, held, lead = document.title, list[str](), ""
    kind = ""
    for line in [*document.text.splitlines(), "# end"]:
        heading, numbered, bullet = _HEADING.match(line), _NUMBERED.match(line), _BULLET.match(line)
        if numbered and int(numbered[1]) == len(held) + 1 and kind in ("", "steps"):
            kind = "steps"
            held.append(numbered[2].strip())
        elif bullet and (kind == "needed" or (not held and _NEEDED.search(lead))):
            kind = "needed"
            held.append(bullet[1].strip())
        elif held and line.startswith((" ", "\t")) and line.strip():
            held[-1] += f" {line.strip()}"
        elif line.strip() or heading:
            yield from _closed(title, held, kind)
            held, kind = [], ""
            if numbered and int(numbered[1]) == 1:
                held, kind = [numbered[2].strip()], "steps"
        title = heading[1].strip() if heading else title
        lead = line if line.strip() else lead
    yield from _in_words(document)


def _closed(title: str, held: list[str], kind: str) -> Iterator[Procedure]:
    """Without Markdown; not where a part only leads to a list of its own, which is not kept."""
    parts = tuple(_EMPHASIS.sub("", _LINK.sub(r"\1", part)) for part in held)
    if len(parts) > 1 and not any(part.endswith(":") for part in parts):
        yield Procedure(_EMPHASIS.sub("", title).rstrip(" ?:."), parts, kind == "needed")


def _in_words(document: Document) -> Iterator[Procedure]:
    held: list[str] = []
    for sentence in (*sentences(document.text), ""):
        if _FIRST.match(sentence):
            yield from _closed(document.title, held, "steps")
            held = [_begun(_FIRST, sentence)]
        elif held and _NEXT.match(sentence):
            held.append(_begun(_NEXT, sentence))
        else:
            yield from _closed(document.title, held, "steps")
            held = []


def _begun(marker: re.Pattern[str], sentence: str) -> str:
    rest = marker.sub("", sentence)
    return rest[:1].upper() + rest[1:]
