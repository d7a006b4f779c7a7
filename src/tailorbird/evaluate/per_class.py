"""How well each class is recognised: precision, recall and F1, each with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tailorbird.evaluate.metrics._labels import labelled
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class PerClass:
    """One class of one rung."""

    label: str
    n: int
    """Test items of the class."""
    precision: Estimate | None
    """Right among those that were called so; None where none was."""
    recall: Estimate | None
    """Right among those that are so; None where none is."""
    f1: Estimate
    """Of the items that are so, were called so, or both."""
    taken_for: str | None
    """What its items are most often called instead; None where that is nothing, or no label."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        found = {k: getattr(self, k) for k in _MEASURES}
        return asdict(self) | {k: e and e.to_json() for k, e in found.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PerClass":
        """What `to_json` wrote."""
        return cls(**{**data, **{k: data[k] and Estimate.from_json(data[k]) for k in _MEASURES}})


_MEASURES = ("precision", "recall", "f1")


def per_class(
    examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, seed: int
) -> tuple[PerClass, ...]:
    """Every label that is gold or was said, as `Task.labels` orders them."""
    found = labelled(examples, predictions, task)
    groups = [e.group for e in examples]
    order = sorted(range(len(found.labels)), key=lambda c: task.labels.index(found.labels[c]))
    return tuple(_one(found.labels, found.gold, found.said, c, groups, seed) for c in order)


def _one(
    labels: Sequence[str], gold: Any, said: Any, c: int, groups: Sequence[str | None], seed: int
) -> PerClass:
    is_so, called_so = gold == c, said == c
    right = (is_so & called_so).astype(float)

    def share(among: Any) -> Estimate | None:
        """The share that is right among some of the items."""
        kept = among.nonzero()[0]
        return estimate_mean(right[kept].tolist(), [groups[i] for i in kept], seed)

    either = share(is_so | called_so)
    assert either is not None
    others = [int(s) for s in said[is_so & ~called_so] if s >= 0]
    return PerClass(
        label=labels[c],
        n=int(is_so.sum()),
        precision=share(called_so),
        recall=share(is_so),
        f1=_f1(either),
        taken_for=labels[max(others, key=lambda o: (others.count(o), -o))] if others else None,
    )


def _f1(either: Estimate) -> Estimate:
    """F1 = 2 F* / (1 + F*) of the share F* that is right among items that are or were called so.

    It rises with F*, so that the interval's ends can be mapped (Hand, Christen & Kirielle 2021,
    Machine Learning 110:451).
    """
    value, low, high = (2 * x / (1 + x) for x in (either.value, either.low, either.high))
    return replace(either, value=value, low=low, high=high)
