"""Whether texts share long runs of words with texts that must not have been seen.

The usual check of training text against benchmarks (Brown et al. 2020, arXiv:2005.14165,
appendix C, with runs of 13 words there).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


@dataclass(frozen=True)
class Overlap:
    """A protected text of which a run of words was found elsewhere."""

    name: str
    """Which protected text."""
    run: str
    """The words both share, in lower case."""


class Protected:
    """Texts to look for, by their runs of `words` words.

    A text of fewer words is looked for as a whole, one of fewer than `shortest` not at all: "what
    is my balance" occurs anywhere.
    """

    def __init__(self, texts: Mapping[str, str], words: int = 10, shortest: int = 5) -> None:
        self.runs: dict[tuple[str, ...], set[str]] = {}
        self.unchecked: list[str] = []
        """Names of the texts that are too short to be looked for."""
        for name, text in texts.items():
            found = _words(text)
            if len(found) < shortest:
                self.unchecked.append(name)
                continue
            for run in _runs(found, min(words, len(found))):
                self.runs.setdefault(run, set()).add(name)
        self.lengths = sorted({len(run) for run in self.runs})

    def found_in(self, text: str) -> Iterator[Overlap]:
        """Every shared run, in the order of `text`."""
        words = _words(text)
        for length in self.lengths:
            for run in _runs(words, length):
                for name in sorted(self.runs.get(run, ())):
                    yield Overlap(name, " ".join(run))

    def found_in_all(self, texts: Iterable[str]) -> list[Overlap]:
        """One overlap for each protected text that is found."""
        first: dict[str, Overlap] = {}
        for text in texts:
            for overlap in self.found_in(text):
                first.setdefault(overlap.name, overlap)
        return list(first.values())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)))
