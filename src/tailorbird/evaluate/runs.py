"""The climbs in a folder, one line each."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tailorbird.errors import StoreError
from tailorbird.evaluate.statistics import Estimate
from tailorbird.store import read_json, read_jsonl

_MARK = "manifest.json"


@dataclass(frozen=True)
class Listed:
    """One climb."""

    folder: Path
    task: str
    """The task's name."""
    measured: datetime | None
    """When the test split was last opened; None where it was not yet."""
    benchmark: str
    """`Task.digest`: climbs with equal ones may be compared."""
    rungs: tuple[str, ...]
    """Those that were measured."""
    finished: bool
    """Whether there is a verdict; a climb that was killed goes on by the same command."""
    enough: str | None = None
    advice: str | None = None
    best: str | None = None
    metric: str | None = None
    """The primary metric."""
    primary: Estimate | None = None
    """Of the best rung."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **vars(self),
            "folder": str(self.folder),
            "measured": self.measured and self.measured.isoformat(),
            "rungs": list(self.rungs),
            "primary": self.primary and self.primary.to_json(),
        }


def find_climbs(folder: Path) -> tuple[Listed, ...]:
    """The climbs in `folder`, itself included, last measured first.

    Raises `StoreError` where there is no such folder, or a climb's files cannot be read.
    """
    if not folder.is_dir():
        raise StoreError(f"no folder at {folder}", hint="tailorbird climb makes runs/NAME")
    found = [_read(path) for path in _climbs(folder)]
    never = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(found, key=lambda c: (c.measured or never, c.folder), reverse=True))


def _climbs(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        if _MARK in files and "rungs" in folders:
            yield Path(path)
            folders.clear()  # what is inside belongs to the climb
        folders[:] = sorted(f for f in folders if not f.startswith("."))


def _read(folder: Path) -> Listed:
    manifest, ledger = read_json(folder / _MARK), read_jsonl(folder / "ledger.jsonl")
    results_file, verdict_file = folder / "results.json", folder / "verdict.json"
    try:
        common: dict[str, Any] = {
            "folder": folder,
            "task": manifest["task"]["name"],
            "measured": datetime.fromisoformat(ledger[-1]["time"]) if ledger else None,
            "benchmark": manifest["benchmark"],
        }
        finished = results_file.is_file() and verdict_file.is_file()
        results = read_json(results_file) if finished else None
        if results is None or results["digest"] != manifest["benchmark"]:
            done = sorted(f.parent.name for f in folder.glob("rungs/*/predictions.parquet"))
            return Listed(**common, rungs=tuple(done), finished=False)
        verdict, metric = read_json(verdict_file), manifest["task"]["bar"]["primary"]["metric"]
        estimates = {r["name"]: r["estimates"].get(metric) for r in results["rungs"]}
        primary = estimates.get(verdict["best"])
        return Listed(
            **common, rungs=tuple(estimates), finished=True, enough=verdict["enough"],
            advice=verdict["fine_tune"], best=verdict["best"], metric=metric,
            primary=primary and Estimate.from_json(primary),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(
            f"the files in {folder} are not those of a climb", hint="move the folder away"
        ) from error
