"""Which answers to unlabelled inputs are learned as if they were gold, and why.

Pseudo-labels (Lee 2013, Pseudo-label: the simple and efficient semi-supervised learning method)
that several raters agree on. A class takes the most certain ones only, up to a cap, as a class
that is guessed often would otherwise crowd out the others (Xie et al. 2020, arXiv:1911.04252,
section 3.1).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tailorbird.task.types import Example, Prediction

ACCEPTED = "accepted"
DIFFER = "the raters differ"
UNSURE = "a rater is not sure enough"
FULL = "the class is full"
FAILED = "a rater gave no probability"


@dataclass(frozen=True, slots=True)
class Judged:
    """One unlabelled input, what the raters said of it, and what became of it."""

    example: Example
    labels: tuple[str, ...]
    """One per rater."""
    confidence: float
    """Of the least certain rater."""
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """A line of the audit; `known` is the gold label, where somebody knows it."""
        return {
            "id": self.example.id,
            "labels": list(self.labels),
            "confidence": round(self.confidence, 4),
            "verdict": self.verdict,
            "known": self.example.target,
        }


def judge(
    examples: Sequence[Example],
    opinions: Sequence[Sequence[Prediction]],
    threshold: float,
    per_class: int | None,
) -> list[Judged]:
    """What becomes of each example; `opinions`: one prediction per example of each rater."""
    judged = [_judge(e, votes, threshold) for e, votes in zip(examples, zip(*opinions))]
    if per_class is None:
        return judged
    order = sorted(judged, key=lambda j: (-j.confidence, j.example.id))
    taken: Counter[str] = Counter()
    beyond = set()
    for one in (j for j in order if j.verdict == ACCEPTED):
        taken[one.labels[0]] += 1
        if taken[one.labels[0]] > per_class:
            beyond.add(one.example.id)
    return [
        Judged(j.example, j.labels, j.confidence, FULL) if j.example.id in beyond else j
        for j in judged
    ]


def _judge(example: Example, votes: Sequence[Prediction], threshold: float) -> Judged:
    labels = tuple(v.text for v in votes)
    sure = [v.confidence for v in votes if v.confidence is not None and v.error is None]
    if len(sure) < len(votes):
        return Judged(example, labels, 0.0, FAILED)
    if len(set(labels)) > 1:
        return Judged(example, labels, min(sure), DIFFER)
    return Judged(example, labels, min(sure), ACCEPTED if min(sure) >= threshold else UNSURE)


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """How many met which verdict, and how many accepted ones are right where that is known."""
    known = [j for j in judged if j.verdict == ACCEPTED and j.example.target is not None]
    right = sum(j.labels[0] == j.example.target for j in known)
    return {
        "verdicts": dict(Counter(j.verdict for j in judged)),
        "accepted_known": len(known),
        "accepted_right": round(right / len(known), 4) if known else None,
    }
