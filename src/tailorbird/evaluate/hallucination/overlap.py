"""The share of a sentence's words that the best sentence of the sources has.

Words that carry meaning alone, without common endings; those of the question count as covered.
Blind to what words mean: a paraphrase looks made up, and "not" is one word of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.hallucination._sentences import claims_of, covered
from tailorbird.evaluate.hallucination.base import Case, Claim, case_by_case
from tailorbird.models.base import Progress


@dataclass(frozen=True)
class Overlap:
    """Words that stand in the sources."""

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.8

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        return case_by_case(cases, _claims, progress)


def _claims(case: Case) -> list[Claim]:
    return [_claim(s, case) for s in claims_of(case.answer)]


def _claim(sentence: str, case: Case) -> Claim:
    share, where = covered(sentence, case.sources, case.question)
    return Claim(sentence, share, f"nearest: {where}" if where else "")


DETECTOR = Overlap
