"""BM25 over words (bm25s)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tailorbird.extras import need
from tailorbird.retrieve.base import Case, Hit, best_hits

_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_SUFFIX = re.compile(r"(?<=\w{3})(?:'s|ing|ed|es|e|(?<!s)s)$")


def words(text: str) -> list[str]:
    """Lower-case words with their commonest endings cut: price, prices, pricing -> pric."""
    return [_SUFFIX.sub("", w) for w in _WORD.findall(text.lower())] or [""]


@dataclass(frozen=True)
class Sparse:
    """Exact words: strong on names, codes and rare terms."""

    engine: Any

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Index `texts`."""
        engine = need("bm25s").BM25()
        # bm25s would add an empty token that it then refuses in a query without words.
        engine.index([words(t) for t in texts], create_empty_token=False, show_progress=False)
        return cls(engine)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        rows = []
        for query in queries:
            scores = self.engine.get_scores(words(query))
            rows.append(best_hits(scores, k))
        return rows

    def save(self, folder: Path) -> None:
        """Write the index."""
        self.engine.save(str(folder / "bm25"), show_progress=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an index."""
        return cls(need("bm25s").BM25.load(str(folder / "bm25"), load_corpus=False))


RETRIEVER = Sparse
