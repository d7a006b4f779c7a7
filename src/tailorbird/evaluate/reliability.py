"""The reliability diagram: of answers that are so sure, how many are right?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tailorbird.evaluate.metrics._confidence import BINS, confidences
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in (low, high]; the first bin holds 0, too."""

    low: float
    high: float
    confidence: float
    """Their mean."""
    right: Estimate
    """The share that is right; `n` answers."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"right": self.right.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Bin":
        """What `to_json` wrote."""
        return cls(**{**data, "right": Estimate.from_json(data["right"])})


def reliability(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, seed: int
) -> tuple[Bin, ...]:
    """The bins that hold answers, least sure first; none where answers have no confidence.

    The bins are those of the metric `ece`, which is the mean distance of `confidence` from
    `right`, each bin counting as much as it holds.
    """
    found = confidences(examples, predictions, task)
    if found is None:
        return ()
    groups = [e.group for e, kept in zip(examples, found.marked, strict=True) if kept]
    bins = []
    for b in range(BINS):
        held = (found.bins == b).nonzero()[0]
        right = estimate_mean(found.right[held].tolist(), [groups[i] for i in held], seed)
        if right is not None:
            sure = float(found.sure[held].mean())
            bins.append(Bin(round(b / BINS, 6), round((b + 1) / BINS, 6), sure, right))
    return tuple(bins)
