"""Documents -> passages of a length that a model can read, and the search over them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from tailorbird.retrieve import base
from tailorbird.store import append_jsonl, read_jsonl
from tailorbird.task.facts import states
from tailorbird.task.types import Document, Example


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of one document."""

    id: str
    """The document's id, with `#n` where it has several passages."""
    document: str
    title: str
    text: str

    @property
    def shown(self) -> str:
        """How a model, and a search index, read it."""
        return f"{self.title}: {self.text}"


def chunk(document: Document, words: int) -> list[Passage]:
    """Cut at headings and paragraphs into passages of at most about `words` words.

    A heading goes with what follows it; a paragraph that is longer by itself is cut at sentences.
    A sentence stays whole, unless it is more than twice as long and has more than 40 words, as a
    table or a list may.
    """
    pieces = list(_merge(_with_headings(_blocks(document.text, words)), words))
    one = len(pieces) == 1
    return [
        Passage(document.id if one else f"{document.id}#{i}", document.id, document.title, text)
        for i, text in enumerate(pieces, 1)
    ]


def _blocks(text: str, words: int) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        block = re.sub(r"\s+", " ", paragraph).strip()
        if not block:
            continue
        if len(block.split()) <= words:
            yield block
        else:
            yield from _merge(_sentences(block, words), words, " ")


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?![a-z])")
"""No sentence begins with a small letter: "open from 8 a.m. to 7 p.m." is one."""


_WHOLE = 40
"""Words up to which a sentence is not cut, however short passages are to be."""


def _sentences(block: str, words: int) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(block):
        if len(sentence.split()) <= max(2 * words, _WHOLE):
            yield sentence
            continue
        for clause in re.split(r"(?<=[;:])\s+", sentence):
            parts = clause.split()
            for start in range(0, len(parts), words):
                yield " ".join(parts[start : start + words])


def _with_headings(blocks: Iterable[str]) -> Iterator[str]:
    """Blocks with the headings above them, a line each."""
    above: list[str] = []
    for block in blocks:
        above.append(block)
        if not block.startswith("#"):
            yield "\n".join(above)
            above = []
    if above:
        yield "\n".join(above)


def _merge(blocks: Iterable[str], words: int, joint: str = "\n") -> Iterator[str]:
    """Join neighbours while they fit; start anew at a heading once there is something to keep."""
    held: list[str] = []
    count = 0
    for block in blocks:
        n = len(block.split())
        heading = block.startswith("#")
        if held and (count + n > words or (heading and count > words // 2)):
            yield joint.join(held)
            held, count = [], 0
        held.append(re.sub(r"(?m)^[# ]+", "", block) if heading else block)
        count += n
    if held:
        yield joint.join(held)


def _by_document(passages: Sequence[Passage]) -> dict[str, list[Passage]]:
    grouped: dict[str, list[Passage]] = {}
    for passage in passages:
        grouped.setdefault(passage.document, []).append(passage)
    return grouped


def _supporting(example: Example, by_document: dict[str, list[Passage]]) -> list[Passage]:
    """Passages of the sources that together state the facts, and of every source at least one."""
    passages = [p for source in example.sources for p in by_document.get(source, ())]
    stated = {p.id: {f for f in example.facts if states(p.shown, f)} for p in passages}
    missing = set[str]().union(*stated.values())
    chosen: list[Passage] = []
    while missing:
        chosen.append(max(passages, key=lambda p: len(stated[p.id] & missing)))
        missing -= stated[chosen[-1].id]
    reached = {p.document for p in chosen}
    for source in example.sources:
        if source in by_document and source not in reached:
            chosen.append(max(by_document[source], key=lambda p: len(stated[p.id])))
    return chosen


@dataclass(frozen=True)
class PassageIndex:
    """Passages and the search over them."""

    passages: tuple[Passage, ...]
    retriever: base.Retriever

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        words: int,
        kind: str,
        cache: Path | None = None,
        examples: Sequence[Example] = (),
    ) -> Self:
        """Cut and index `documents`; `examples` are past questions with their sources."""
        passages = tuple(p for d in documents for p in chunk(d, words))
        position = {p.id: i for i, p in enumerate(passages)}
        by_document = _by_document(passages)
        cases = [(e.text, position[p.id]) for e in examples for p in _supporting(e, by_document)]
        return cls(passages, base.build(kind, [p.shown for p in passages], cache, cases))

    @cached_property
    def by_document(self) -> dict[str, list[Passage]]:
        """The passages of each document."""
        return _by_document(self.passages)

    def supporting(self, example: Example) -> list[Passage]:
        """The passages that a right answer rests on, those with most facts first.

        Together they state every required fact that the sources state; each source has one.
        """
        return _supporting(example, self.by_document)

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """The best `k` passages per query, best first."""
        return [[passage for passage, _ in row] for row in self.scored(queries, k)]

    def scored(self, queries: Sequence[str], k: int) -> list[list[tuple[Passage, float]]]:
        """As `search`, each with how near it is; what that is differs between retrievers."""
        rows = self.retriever.search(queries, k)
        return [[(self.passages[hit.index], hit.score) for hit in row] for row in rows]

    def save(self, folder: Path) -> None:
        """Write passages and index."""
        base.save(self.retriever, folder)
        (folder / "passages.jsonl").unlink(missing_ok=True)
        append_jsonl(folder / "passages.jsonl", (asdict(p) for p in self.passages))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read passages and index."""
        rows = read_jsonl(folder / "passages.jsonl")
        return cls(tuple(Passage(**r) for r in rows), base.load(folder))
