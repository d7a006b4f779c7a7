"""How right anything can be where the labels themselves disagree."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.task.types import Example


@dataclass(frozen=True)
class Ceiling:
    """The most that the labels allow."""

    agreement: Estimate
    """The chance that two labels of the same input agree; n: inputs with several."""
    low: float
    high: float
    """The best accuracy possible lies between these two, with 95 % confidence."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"agreement": self.agreement.to_json(), "low": self.low, "high": self.high}


def noise_ceiling(labels: Iterable[Sequence[str]], seed: int = 0) -> Ceiling | None:
    """What the labels of inputs that have several say; None where no input has.

    `labels`: those of one input each, by several people or from several rows. Where an input gets
    label l with chance p_l, two labels agree with chance A = sum p_l^2, and always answering the
    commonest is right with chance max p_l, which lies between A and sqrt(A) whatever the p_l; and
    so do the means over inputs. Counting how often the commonest label occurs would say too much:
    of two labels, one is always "the commonest".
    """
    agreements = [_agreement(each) for each in labels if len(each) > 1]
    found = estimate_mean(agreements, [None] * len(agreements), seed)
    if found is None:
        return None
    return Ceiling(found, found.low, math.sqrt(found.high))


def _agreement(labels: Sequence[str]) -> float:
    """Share of the pairs of labels that agree: unbiased for sum p_l^2."""
    n = len(labels)
    same = sum(count * (count - 1) for count in Counter(labels).values())
    return same / (n * (n - 1))


def repeated_labels(examples: Iterable[Example]) -> list[list[str]]:
    """The targets of inputs that stand in several rows, case and white space aside."""
    found: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        if example.target is not None:
            found[example.folded].append(example.target)
    return [targets for targets in found.values() if len(targets) > 1]


def annotators_labels(examples: Iterable[Example], fields: Sequence[str]) -> list[list[str]]:
    """The labels of several people, one field each (`columns.fields`); empty ones left out."""
    rows = ([e.fields[f] for f in fields if e.fields.get(f)] for e in examples)
    return [labels for labels in rows if len(labels) > 1]
