"""Whether a sentence denies what its nearest source sentence says, or the other way round.

Support is 1 minus the share of words that the two have in common where one of them holds an odd
number of negations and the other an even one; 1 everywhere else. It sees "not", "never", "no" and
"without", and no other way to say the opposite: "closed" for "open" is not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.hallucination._sentences import claims_of, covered, negations
from tailorbird.evaluate.hallucination.base import Case, Claim, case_by_case
from tailorbird.models.base import Progress


@dataclass(frozen=True)
class Polarity:
    """Negation, compared with the nearest source sentence."""

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        return case_by_case(cases, _claims, progress)


def _claims(case: Case) -> list[Claim]:
    return [_claim(s, case) for s in claims_of(case.answer)]


def _claim(sentence: str, case: Case) -> Claim:
    share, where = covered(sentence, case.sources, "")
    if where and (negations(sentence) - negations(where)) % 2:
        return Claim(sentence, 1 - share, f"turned round: {where}")
    return Claim(sentence, 1.0)


DETECTOR = Polarity
