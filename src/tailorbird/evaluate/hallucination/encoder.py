"""How near a sentence is in meaning to the nearest sentence of the sources, or to the question.

The cosine of sentence embeddings, those below 0 as 0. It measures what is spoken of, not whether
it is true of it: a sentence with another number, or with "not", is as near as the right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.hallucination._sentences import claims_of, sentences
from tailorbird.evaluate.hallucination.base import Case, Claim
from tailorbird.models.base import Progress

SHORT = 6
"""Claims of fewer words are read together with the question."""


@dataclass(frozen=True)
class Encoder:
    """Similarity of sentence embeddings."""

    model: str = "minilm"
    """`minilm`, or a folder or hub id that sentence-transformers loads."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.7

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        from tailorbird.models.encoder import embed

        claims = [claims_of(c.answer) for c in cases]
        pairs = [[against(s, c) for s in row] for row, c in zip(claims, cases)]
        held = sorted({t for row in pairs for _, rest in row for t in rest})
        read = sorted({text for row in pairs for text, _ in row} | set(held))
        if cache and held:
            embed(held, cache, self.model)  # many answers are held against the same sources
        known = dict(zip(read, embed(read, name=self.model))) if read else {}
        found = []
        for said, row in zip(claims, pairs):
            best = [max((float(known[t] @ known[r]) for r in rest), default=0.0) for t, rest in row]
            found.append(tuple(Claim(s, min(1.0, max(0.0, b))) for s, b in zip(said, best)))
            if progress:
                progress(1)
        return found


def against(sentence: str, case: Case) -> tuple[str, tuple[str, ...]]:
    """What is read of a claim, and what it is held against.

    A word or two mean nothing without what was asked: "Leeds." is near to no sentence.
    """
    sources = tuple(s for source in case.sources for s in sentences(source))
    if len(sentence.split()) < SHORT and case.question:
        return f"{case.question} {sentence}", sources
    return sentence, (*sources, *sentences(case.question))


DETECTOR = Encoder
