"""The protocol of the doctor's checks. The file name is the registry: a check is one file.

A check's module exports its class as `CHECK`, a frozen dataclass whose fields are its settings.
Rows are read once, in pieces, and every check looks at each piece as it passes: a million rows must
fit, so that an examination may keep numbers of every row but not its text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from tailorbird.data.remedies import Action
from tailorbird.registry import module
from tailorbird.settings import from_settings
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example

Level = Literal["error", "warning", "note"]
Part = Literal["train", "dev", "test", "unlabelled", "rows"]
"""A split; `unlabelled`; or `rows`, where a file is examined that belongs to no task."""
SHOWN = 5
"""Samples of a finding."""


@dataclass(frozen=True)
class Patient:
    """What is examined."""

    task: Task | None
    """None where a file is examined by itself."""
    rows: Mapping[Part, int]
    """How many rows each part has, in the order in which they pass."""
    cache: Path
    """Embeddings and the like; safe to delete."""
    production: Sequence[Example] = ()
    """Inputs as they really come, where a sample was given."""
    seed: int = 0
    quiet: bool = False
    shared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What several checks work out once: sketches of the rows."""


@dataclass(frozen=True)
class Sample:
    """One row that shows what a finding means."""

    row: str
    """Its id."""
    part: Part
    text: str
    """What there is to see, at most a few hundred characters."""
    note: str = ""
    """What is wrong with it: the row that it copies, the label that it should have."""


@dataclass(frozen=True)
class Remedy:
    """What would mend a finding. Nothing is done to the files: see `data/remedies.py`."""

    action: Action
    changes: Mapping[str, str | None]
    """Row id -> its new label (relabel) or group (regroup); its new input, target, facts and fields
    as `remedies.rewriting` puts them (rewrite); None (drop)."""
    reason: str
    """Said of every row that it changes: `a near-copy of another row`."""
    safe: bool = False
    """Whether it can be applied without a person who looks at each row."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Row id -> what is wrong with it, as in `Sample.note`, for the person who looks."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or a number worth knowing (`note`)."""

    check: str
    """The file name of the check."""
    level: Level
    text: str
    """One sentence: what was found and what it means."""
    affected: int
    """Rows."""
    effect: float = 0.0
    """At most how many points, of 1, this moves the mark of a rung or makes it wrong. It is what
    findings are ranked by; each check says how it estimates it."""
    why: str = ""
    """How `effect` comes about, in words."""
    samples: tuple[Sample, ...] = ()
    remedy: Remedy | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """Plain values for JSON: counts by label, a histogram."""


class Examination(Protocol):
    """One check while rows pass."""

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""


@runtime_checkable
class Check(Protocol):
    """One thing to look for."""

    def missing(self, patient: Patient) -> str | None:
        """Why it cannot be looked for in this patient; None where it can."""

    def start(self, patient: Patient) -> Examination:
        """Begin."""


def make_check(name: str, settings: Mapping[str, Any]) -> Check:
    """The check `name` with `settings`; an unknown setting is refused with the nearest one."""
    check: Check = from_settings("data.doctor", name, settings, "check", "CHECK")
    return check


def title(name: str) -> str:
    """What the check `name` looks for, in words: the first line of its module."""
    return (module("data.doctor", name).__doc__ or name).strip().splitlines()[0].rstrip(".")
