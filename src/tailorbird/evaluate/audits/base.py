"""The protocol of audits. The file name is the registry: an audit is one file beside this.

An `Audit` is a frozen dataclass; its fields are its settings in the task file. It is given a rung
as it was measured, and says what it found as lines of numbers with intervals. Each audit's module
exports its class as `AUDIT`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tailorbird.approaches.base import Solver
from tailorbird.evaluate.statistics import Comparison, Estimate, finite, holm
from tailorbird.settings import from_settings
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction


@dataclass(frozen=True)
class Subject:
    """The rung that is audited."""

    task: Task
    """Its test split is open."""
    rung: str
    solver: Solver
    predictions: tuple[Prediction, ...]
    """Its answers to the test items, in order."""
    folder: Path
    """Owned by this audit of this rung alone; partial work found here may be taken up."""
    cache: Path
    """Shared: embeddings. Safe to delete."""
    quiet: bool = False

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return self.task.spec.seed

    @property
    def metric(self) -> str:
        """The primary metric of the bar: what an audit measures where it has no measure of its
        own."""
        return self.task.spec.bar.primary.metric

    @property
    def higher(self) -> bool:
        """Whether more of the primary metric is better."""
        return higher_is_better(self.metric)

    def marks(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> list[float | None]:
        """The primary metric of each answer."""
        pairs = zip(examples, predictions, strict=True)
        return [self.task.score(self.metric, e, p).value for e, p in pairs]

    def at_most(self, found: Estimate | Comparison, limit: float | None) -> bool | None:
        """Whether `found` is at most `limit`, proved as the bar is proved; None without a limit.

        `bar.proof` says what must be within: the measured value, or all of its interval.
        """
        if limit is None:
            return None
        value = found.difference if isinstance(found, Comparison) else found.value
        return (found.high if self.task.spec.bar.proof == "interval" else value) <= limit


@dataclass(frozen=True)
class Line:
    """One number of an audit."""

    name: str
    """What was looked at: `typos`, `women against men`."""
    estimate: Estimate | None
    """None: it could not be measured, and `note` says why."""
    change: Comparison | None = None
    """Against the plain rung, or the model before tuning: this line minus that, paired."""
    p_value: float | None = None
    """Of the change, corrected for the lines of this audit."""
    holds: bool | None = None
    """Whether it is within the limit that was set; None where none was."""
    note: str = ""
    measure: str = ""
    """What the estimate is, where it is not what the audit measures; the name says it, too."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = asdict(self)
        plain["estimate"] = self.estimate and self.estimate.to_json()
        plain["change"] = self.change and self.change.to_json()
        return finite(plain)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Line":
        """The line that `to_json` wrote."""
        estimate, change = data["estimate"], data["change"]
        return cls(
            **{
                **data,
                "estimate": estimate and Estimate.from_json(estimate),
                "change": change and Comparison.from_json(change),
            }
        )


def corrected(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with the p-values of their changes, corrected by Holm for all of them."""
    adjusted = iter(holm([line.change.p_value for line in lines if line.change]))
    return tuple(replace(x, p_value=next(adjusted)) if x.change else x for x in lines)


@dataclass(frozen=True)
class Sample:
    """One item that shows what a line counts."""

    line: str
    before: str
    """What was asked and answered plainly."""
    after: str
    """The same with what the audit changed."""


@dataclass(frozen=True)
class Audited:
    """What one audit found of one rung."""

    audit: str
    title: str
    """In words for the report: `Robustness`."""
    measure: str
    """What the estimates are: `facts`, `changed answers`, `bits per byte`."""
    share: bool
    """Whether they are shares, shown in per cent."""
    higher_is_better: bool
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    """Sentences for people: what was found, and what it does not say."""
    samples: tuple[Sample, ...] = ()

    @property
    def holds(self) -> bool:
        """No line is beyond its limit."""
        return all(line.holds is not False for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = asdict(self)
        plain["lines"] = [line.to_json() for line in self.lines]
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Audited":
        """What `to_json` wrote."""
        return cls(
            **{
                **data,
                "lines": tuple(Line.from_json(line) for line in data["lines"]),
                "notes": tuple(data["notes"]),
                "samples": tuple(Sample(**s) for s in data["samples"]),
            }
        )


@dataclass(frozen=True)
class RungAudits:
    """What was found of one rung."""

    rung: str
    found: tuple[Audited, ...]
    missing: Mapping[str, str]
    """Audit -> why it was not made."""


@runtime_checkable
class Audit(Protocol):
    """One way to look for what broke."""

    def missing(self, subject: Subject) -> str | None:
        """Why this audit cannot be made of this rung; None where it can."""

    def examine(self, subject: Subject) -> Audited:
        """Look. Equal seeds find equal things."""


def make_audit(name: str, settings: Mapping[str, Any]) -> Audit:
    """The audit `name` with `settings`; an unknown setting is refused with the nearest one."""
    audit: Audit = from_settings("evaluate.audits", name, settings, "audit", "AUDIT")
    return audit
