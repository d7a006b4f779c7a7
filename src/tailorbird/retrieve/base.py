"""A retriever finds, among texts, those most like a query. An index is a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from tailorbird.registry import module
from tailorbird.store import read_json, write_json


@dataclass(frozen=True, slots=True)
class Hit:
    """One text found: its position among the indexed texts, and how well it matches."""

    index: int
    score: float


def best_hits(scores: Any, k: int) -> list[Hit]:
    """The `k` best of `scores`, float[N], best first; ties in the order of the texts."""
    order = np.argsort(-scores, kind="stable")[:k]
    return [Hit(int(i), float(scores[i])) for i in order]


Case = tuple[str, int]
"""A past query, and the position of the text that answered it."""


class Retriever(Protocol):
    """Search over a fixed list of texts. Each module of this folder exports one as `RETRIEVER`."""

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Index `texts`; work worth keeping between runs is kept under `cache`.

        `cases` are past queries whose right text is known; most kinds make no use of them.
        """

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query, best first; ties in the order of the texts."""

    def save(self, folder: Path) -> None:
        """Write the index."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an index."""


def build(
    kind: str, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
) -> Retriever:
    """An index of `kind`: sparse, dense, hybrid, cases or trained."""
    retriever: Retriever = module("retrieve", kind).RETRIEVER.build(texts, cache, cases)
    return retriever


def save(retriever: Retriever, folder: Path) -> None:
    """Save with the kind that can load it again."""
    folder.mkdir(parents=True, exist_ok=True)
    retriever.save(folder)
    kind = type(retriever).__module__.rsplit(".", 1)[-1]
    write_json(folder / "retriever.json", {"kind": kind})


def load(folder: Path) -> Retriever:
    """The index in `folder`."""
    kind = read_json(folder / "retriever.json")["kind"]
    retriever: Retriever = module("retrieve", kind).RETRIEVER.load(folder)
    return retriever
