"""The protocol of perturbations. The file name is the registry.

A perturbation is a frozen dataclass; its fields are its settings. It changes how an input is
written, never what it says: facts (numbers, codes, names, deadlines) must survive.
Each module exports its class as `PERTURBATION`.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from tailorbird.settings import from_named
from tailorbird.store import digest
from tailorbird.task.facts import facts_in, states
from tailorbird.task.types import Example


@runtime_checkable
class Perturbation(Protocol):
    """One way to write an input otherwise."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """Each text changed; None where there is nothing to change. Equal seeds, equal changes."""


def make_perturbation(given: str | dict[str, Any]) -> Perturbation:
    """The perturbation of this name, or of one name with its settings."""
    folder = "data.perturbations"
    made: Perturbation = from_named(folder, given, "change", "PERTURBATION")
    return made


def each(
    texts: Sequence[str], seed: int, change: Callable[[str, random.Random], str | None]
) -> list[str | None]:
    """`change` of each text, with random numbers that depend on the text and the seed alone."""
    return [change(text, random.Random(digest([seed, text]))) for text in texts]


_NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\\w+teen|twenty|thirty|"
    "forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|dozen|first|second|third"
)
_PROTECTED = re.compile(
    # A number takes two words after it along: with a misspelt "days" it is another deadline.
    r"\S*\d(?:\S*\w)?(?:\s+[^\W\d_]+){0,2}|"
    rf"\b(?:{_NUMBERS})\b(?:[\s-]+[^\W\d_]+){{0,2}}|\S*[@/_]\S*|"
    r"\b[^\W\d_]*[A-Z][^\W\d_]*\b"
)
_SMALL = re.compile(r"(?<![\w'’-])[a-z]+(?![\w'’-])")


def stating(text: str) -> list[tuple[int, int]]:
    """Where the text states what must survive: numbers, codes, addresses, words with capitals."""
    return [m.span() for m in _PROTECTED.finditer(text)]


def plain_words(text: str) -> list[tuple[int, int]]:
    """Where the words are that state no fact: all in small letters, and no part of a number."""
    taken = stating(text)
    spans = [m.span() for m in _SMALL.finditer(text)]
    return [s for s in spans if not any(s[0] < end and start < s[1] for start, end in taken)]


def keeps_facts(before: str, after: str) -> bool:
    """Whether `after` still holds every fact and every figure of `before`."""
    wanted = [f for f in facts_in(before) if states(before, f)]
    figures, left = (re.findall(r"\d+", text) for text in (before, after))
    return figures == left and all(states(after, fact) for fact in wanted)


def rewritten(text: str, changes: dict[tuple[int, int], str]) -> str:
    """`text` with each span replaced."""
    for (start, end), new in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def question(example: Example) -> str:
    """What is asked: the input, or the last turn of a conversation."""
    return example.turns[-1].content


def asking(example: Example, text: str) -> Example:
    """The same item with `text` in place of what is asked."""
    if isinstance(example.input, str):
        return replace(example, input=text)
    *earlier, last = example.input
    return replace(example, input=(*earlier, replace(last, content=text)))
