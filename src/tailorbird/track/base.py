"""The protocol of trackers. The file name is the registry: a tracker is one file beside this.

A tracker is a frozen dataclass; its fields are its settings in the task file. It is given a whole
climb once it is judged, and a memory of what it recorded before: a climb that is run again adds to
its run there, and records no rung twice. Each tracker's module exports its class as `TRACKER`.
"""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tailorbird.errors import TaskError
from tailorbird.settings import from_named
from tailorbird.store import digest, read_json, write_json

Value = str | int | float | bool

NONE = "none"
"""The tracker that is none."""
VARIABLE = "TAILORBIRD_TRACK"
"""The environment variable that names the tracker where neither option nor task file does."""


@dataclass(frozen=True)
class RunRecord:
    """A climb, or one of its rungs."""

    key: str
    """Equal keys are the same run, however often it is recorded."""
    name: str
    parameters: Mapping[str, Value]
    """What was set: nothing here changes while the key stays."""
    metrics: Mapping[str, float]
    """What was measured; `facts` has its interval's ends in `facts_low` and `facts_high`."""
    tags: Mapping[str, str]
    """Lineage, and what followed."""
    files: tuple[Path, ...]
    begun: float
    """Seconds since 1970."""
    ended: float
    """Seconds since 1970."""

    @property
    def state(self) -> str:
        """Changes when anything that a tracker would show does."""
        return digest([self.name, self.parameters, self.metrics, self.tags])


@dataclass(frozen=True)
class DataRecord:
    """One split, or another kind of data that the task has."""

    name: str
    """train, dev, test, documents, unlabelled, preferences, texts."""
    digest: str
    """SHA-256 of its rows."""
    rows: int
    sources: tuple[str, ...]
    """As the task file names them."""


@dataclass(frozen=True)
class ClimbRecord:
    """A climb with its rungs and what they learned from."""

    task: str
    folder: Path
    """Of the climb."""
    climb: RunRecord
    rungs: tuple[RunRecord, ...]
    data: tuple[DataRecord, ...]


@dataclass(frozen=True)
class Memory:
    """Which run of a tracker holds what, in the climb's `tracking.json`."""

    file: Path
    place: str
    """The tracker, and a digest of where it writes: what was written elsewhere is not there."""

    def run(self, record: RunRecord) -> str | None:
        """The run that holds an earlier state of `record`."""
        run: str | None = self._known().get(record.key, {}).get("run")
        return run

    def holds(self, record: RunRecord) -> bool:
        """Whether there is nothing to add."""
        return bool(self._known().get(record.key, {}).get("state") == record.state)

    def keep(self, record: RunRecord, run: str, whole: bool = True) -> None:
        """Remember that `run` holds `record`; not `whole`: it is begun."""
        known = self._known() | {record.key: {"run": run, "state": whole and record.state}}
        write_json(self.file, self._all() | {self.place: known})

    def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = self._all().get(self.place, {})
        return known

    def _all(self) -> dict[str, Any]:
        return dict(read_json(self.file)) if self.file.is_file() else {}


@runtime_checkable
class Tracker(Protocol):
    """One place where climbs are recorded."""

    def record(self, climb: ClimbRecord, memory: Path) -> str:
        """Write what is not there yet, and say where: no password, as it is printed.

        `memory`: the file of a `Memory`, for this tracker's use.
        """


def chosen(given: str | Mapping[str, Any] | None) -> str | Mapping[str, Any]:
    """The tracker of a task file or of the environment; else MLflow where it is installed."""
    if given is not None:
        return given
    named = os.environ.get(VARIABLE)
    if named:
        return named
    return "mlflow" if importlib.util.find_spec("mlflow") else NONE


def make_tracker(given: str | Mapping[str, Any] | None) -> Tracker | None:
    """The tracker that `given` names, with its settings; None for none.

    Raises `TaskError` for an unknown name or setting, with the nearest one.
    """
    found = chosen(given)
    if found == NONE:
        return None
    try:
        tracker: Tracker = from_named("track", found, "tracker", "TRACKER")
    except TaskError as error:
        raise TaskError(str(error), hint=error.hint or f'"{NONE}" records nothing') from error
    return tracker


def data_digest(rows: Any) -> str:
    """SHA-256 of the rows of one kind of data."""
    return digest([asdict(row) if hasattr(row, "__dataclass_fields__") else row for row in rows])
