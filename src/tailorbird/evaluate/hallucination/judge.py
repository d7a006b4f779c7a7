"""A language model that is asked whether the sources say it, sentence by sentence.

A model that can score is asked for the probability of "yes" against "no"; an endpoint writes, and
an answer that is neither is counted as not judged, never as a guess.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tailorbird.evaluate.hallucination._sentences import claims_of
from tailorbird.evaluate.hallucination.base import Case, Claim
from tailorbird.models.base import LM, Completion, Progress, Sampling, score_fitting
from tailorbird.task.types import Message, Prompt

_SYSTEM = (
    "You check one statement against sources. Say yes when the sources say it, in whatever words. "
    "Say no when they contradict it, or say nothing about any part of it. Use no other knowledge. "
    "Answer with yes or no alone."
)
_ANSWERS = ("yes", "no")


@dataclass(frozen=True)
class Judge:
    """An LLM judge."""

    model: str
    """fledgling, a hub id, a folder, or an endpoint `http://host/v1#name`."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        from tailorbird.models.cached import Cached
        from tailorbird.models.load import load_model

        lm = load_model(self.model)
        return examine(lm if cache is None else Cached(lm, cache / "judged"), cases, progress)


def examine(
    lm: LM, cases: Sequence[Case], progress: Progress | None = None
) -> list[tuple[Claim, ...]]:
    """The claims of each answer, as `lm` judges them."""
    said = [claims_of(c.answer) for c in cases]
    prompts = [_prompt(case, s) for case, row in zip(cases, said) for s in row]
    judged = iter(_scored(lm, prompts) if lm.can_score else _written(lm, prompts))
    found = [tuple(Claim(s, *next(judged)) for s in row) for row in said]
    if progress:
        progress(len(cases))
    return found


def _prompt(case: Case, sentence: str) -> Prompt:
    sources = "\n\n".join(f"[{i}] {s}" for i, s in enumerate(case.sources, 1)) or "(none)"
    asked = f"Question that was asked:\n{case.question}\n\n" if case.question else ""
    text = f"Sources:\n{sources}\n\n{asked}Statement:\n{sentence}\n\nDo the sources say it?"
    return (Message("system", _SYSTEM), Message("user", text))


def _scored(lm: LM, prompts: Sequence[Prompt]) -> list[tuple[float | None, str]]:
    long = (None, "the sources are longer than the judge's context")
    rows = score_fitting(lm, prompts, _ANSWERS, 4)
    return [long if row is None else _share(*(s.total for s in row)) for row in rows]


def _share(yes: float, no: float) -> tuple[float, str]:
    return 1 / (1 + math.exp(min(no - yes, 700.0))), ""


def _written(lm: LM, prompts: Sequence[Prompt]) -> list[tuple[float | None, str]]:
    return [_parsed(c) for c in lm.complete(prompts, Sampling(max_tokens=8))]


def _parsed(completion: Completion) -> tuple[float | None, str]:
    if completion.error is not None:
        return None, completion.error
    words = re.findall(r"[a-z]+", completion.text.lower())
    if words and words[0] in _ANSWERS:
        return float(words[0] == "yes"), ""
    return None, f"the judge said neither yes nor no: {completion.text[:80]!r}"


DETECTOR = Judge
