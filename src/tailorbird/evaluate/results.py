"""What a climb measured: one `RungResult` per rung, on the same test items in the same order."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tailorbird.errors import DataError
from tailorbird.evaluate.per_class import PerClass
from tailorbird.evaluate.reliability import Bin
from tailorbird.evaluate.statistics import Estimate
from tailorbird.task.types import Usage


@dataclass(frozen=True)
class RungResult:
    """One rung on the test split."""

    name: str
    approach: str
    settings: Mapping[str, Any]
    model: str | None
    """None for rungs that use no language model."""
    scores: Mapping[str, tuple[float | None, ...]]
    """Metric -> one mark per test item, in order; None where it could not be marked."""
    estimates: Mapping[str, Estimate | None]
    """Per scorer, per metric of all answers together (macro_f1, ece, ...), and prompt_tokens and
    completion_tokens; equal on every run of equal inputs."""
    timings: Mapping[str, Estimate | None] = field(default_factory=dict)
    """latency_p50, latency_p95, latency_p99, latency_first_p50, latency_first_p95 (s),
    cost_per_1000, cost_per_correct (money), training_minutes; vary between runs. None: not known
    (no price, nothing trained, nothing right)."""
    errors: int = 0
    """Items whose prediction is an error; each is marked as wrong."""
    usage: Usage = field(default_factory=Usage)
    """Totals over the test items."""
    classes: tuple[PerClass, ...] = ()
    """Of tasks of kind label; results from before there were any have none."""
    reliability: tuple[Bin, ...] = ()
    """The reliability diagram; none where answers have no confidence."""

    @property
    def tuned(self) -> bool:
        """Whether this rung changed a language model's weights."""
        return self.approach.startswith("fine_tuned")

    def measured(self, metric: str) -> Estimate | None:
        """The estimate of a scorer or a measure; None when it is not known."""
        return self.estimates.get(metric) or self.timings.get(metric)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "approach": self.approach,
            "settings": dict(self.settings),
            "model": self.model,
            "scores": {k: list(v) for k, v in self.scores.items()},
            "estimates": _estimates_to_json(self.estimates),
            "timings": _estimates_to_json(self.timings),
            "errors": self.errors,
            "usage": asdict(self.usage),
            "classes": [c.to_json() for c in self.classes],
            "reliability": [b.to_json() for b in self.reliability],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RungResult":
        """The result that `to_json` wrote."""
        return cls(
            **{
                **data,
                "scores": {k: tuple(v) for k, v in data["scores"].items()},
                "estimates": _estimates_from_json(data["estimates"]),
                "timings": _estimates_from_json(data["timings"]),
                "usage": Usage(**data["usage"]),
                "classes": tuple(PerClass.from_json(c) for c in data.get("classes", ())),
                "reliability": tuple(Bin.from_json(b) for b in data.get("reliability", ())),
            }
        )


def _estimates_to_json(estimates: Mapping[str, Estimate | None]) -> dict[str, Any]:
    return {k: e and e.to_json() for k, e in estimates.items()}


def _estimates_from_json(data: Mapping[str, Any]) -> dict[str, Estimate | None]:
    return {k: e and Estimate.from_json(e) for k, e in data.items()}


@dataclass(frozen=True)
class Results:
    """All rungs of one climb."""

    task: str
    """The task's name."""
    digest: str
    """`Task.digest`: results with equal digests may be compared."""
    groups: tuple[str | None, ...]
    """The group of each test item, in order."""
    rungs: tuple[RungResult, ...]
    test_openings: int = 1
    """Rounds of evaluation that have opened the test split of this task, this one included. Rungs
    of one climb are one round; scores seen before a rung was chosen make it another."""
    tried: int = 0
    """Rungs that were ever marked on this test split, those that are not shown here included."""

    def __post_init__(self) -> None:
        for rung in self.rungs:
            for metric, marks in rung.scores.items():
                if len(marks) != self.n_test:
                    raise DataError(
                        f"{rung.name} has {len(marks)} marks for {metric}, "
                        f"expected one for each of {self.n_test} test items"
                    )

    @property
    def n_test(self) -> int:
        """Test items."""
        return len(self.groups)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": 1,
            "task": self.task,
            "digest": self.digest,
            "groups": list(self.groups),
            "rungs": [r.to_json() for r in self.rungs],
            "test_openings": self.test_openings,
            "tried": self.tried,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Results":
        """The results that `to_json` wrote.

        Raises `DataError` when another version wrote them.
        """
        if data.get("version") != 1:
            raise DataError(f"results of version {data.get('version')!r}, expected 1")
        return cls(
            task=data["task"],
            digest=data["digest"],
            groups=tuple(data["groups"]),
            rungs=tuple(RungResult.from_json(r) for r in data["rungs"]),
            test_openings=data["test_openings"],
            tried=data.get("tried", 0),
        )
