"""Amounts, dates, names, identifiers, links and quantities that the sources do not state.

The rules of `task/facts.py`, in whichever spelling, and names of one word. Each fact is a claim,
with support 1 or 0. A sentence without a fact claims nothing here, and a fact that the sources
state of something else is supported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.hallucination.base import Case, Claim, case_by_case
from tailorbird.models.base import Progress
from tailorbird.task.facts import facts_in, proper_names, supported


@dataclass(frozen=True)
class Facts:
    """Facts, found in the sources or not."""

    names: bool = True
    """Names of one word count, too: a capitalised word that does not begin a sentence."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per fact."""
        return case_by_case(cases, self._claims, progress)

    def _claims(self, case: Case) -> list[Claim]:
        texts = (*case.sources, case.question)
        return [Claim(f, float(supported(f, texts))) for f in self._facts(case.answer)]

    def _facts(self, answer: str) -> tuple[str, ...]:
        facts = facts_in(answer)
        if not self.names:
            return facts
        held = {word for fact in facts for word in fact.split()}
        return (*facts, *(name for name in proper_names(answer) if name not in held))


DETECTOR = Facts
