"""All checks, once through the rows of a task or of a file: what is wrong, the worst first."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.doctor.base import (
    Examination,
    Finding,
    Level,
    Part,
    Patient,
    Remedy,
    Sample,
    make_check,
)
from tailorbird.data.read import stream_file
from tailorbird.data.rows import read_rows
from tailorbird.errors import TaskError, nearest
from tailorbird.progress import progress
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Columns
from tailorbird.task.types import SPLITS, Example

PIECE, PIECE_CHARS = 4096, 4_000_000
"""At most so many rows, and about so many characters, are seen by every check at once."""
LEVELS: tuple[Level, ...] = ("error", "warning", "note")

Settings = Mapping[str, Mapping[str, Any]]
"""Check -> its settings."""


@dataclass(frozen=True)
class Diagnosis:
    """What the checks found."""

    findings: tuple[Finding, ...]
    """Errors, then warnings, then notes; within a level by effect, then by rows affected."""
    made: tuple[str, ...]
    """The checks that were made."""
    skipped: Mapping[str, str]
    """Checks that were not made -> why."""
    rows: Mapping[Part, int]
    """How many rows of each part were seen."""
    accounts: tuple[tuple[str, ...], ...]
    """What happened to the rows of each file, in lines."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Diagnosis":
        """The diagnosis that `to_json` wrote."""
        return cls(
            findings=tuple(_finding(f) for f in data["findings"]),
            made=tuple(data["made"]),
            skipped=data["skipped"],
            rows=data["rows"],
            accounts=tuple(tuple(lines) for lines in data["accounts"]),
            seconds=data["seconds"],
        )


def examine(
    patient: Patient,
    parts: Mapping[Part, Iterable[Example]],
    only: Collection[str] = (),
    settings: Settings | None = None,
    accounts: Sequence[FileAccount] = (),
) -> Diagnosis:
    """Pass the rows of every part once through the checks; `only`: these, none named: all.

    The rows may be streamed: a piece of them is held at a time. `accounts` are read at the end.
    Raises `TaskError` for unknown checks and settings. A check that raises is a bug.
    """
    begun = time.perf_counter()
    wanted = _wanted(only, settings or {})
    made = {name: make_check(name, (settings or {}).get(name, {})) for name in wanted}
    reasons = {name: check.missing(patient) for name, check in made.items()}
    skipped = {name: why for name, why in reasons.items() if why is not None}
    under_way = {n: check.start(patient) for n, check in made.items() if n not in skipped}
    seen = _pass(patient, parts, under_way)
    found = [f for examination in under_way.values() for f in examination.findings()]
    return Diagnosis(
        findings=tuple(sorted(found, key=_rank)),
        made=tuple(under_way),
        skipped=skipped,
        rows=seen,
        accounts=tuple(tuple(a.lines()) for a in accounts),
        seconds=time.perf_counter() - begun,
    )


def examine_task(
    task: Task,
    cache: Path,
    production: Sequence[Example] = (),
    only: Collection[str] = (),
    settings: Settings | None = None,
    quiet: bool = False,
) -> Diagnosis:
    """`examine` the splits and unlabelled inputs of a task; its test split must be open."""
    parts: dict[Part, Sequence[Example]] = {s: task.examples(s) for s in SPLITS if s in task.splits}
    parts["unlabelled"] = task.unlabelled
    rows = {part: len(examples) for part, examples in parts.items()}
    patient = Patient(task, rows, cache, production, task.spec.seed, quiet)
    return examine(patient, parts, only, settings, task.accounts)


def examine_file(
    path: Path,
    cache: Path,
    production: Sequence[Example] = (),
    only: Collection[str] = (),
    settings: Settings | None = None,
    quiet: bool = False,
    format: str = "auto",
    columns: Columns | None = None,
    key: str | None = None,
) -> Diagnosis:
    """`examine` a file that belongs to no task, without holding it in memory.

    `format`, `columns` and `key` as in task.yaml. Raises `DataError` when it cannot be read.
    """
    total = sum(1 for _ in read_rows(path.name, key, path.parent, None))
    account, examples = stream_file(path, format, columns, key)
    patient = Patient(None, {"rows": total}, cache, production, quiet=quiet)
    return examine(patient, {"rows": examples}, only, settings, [account])


def _wanted(only: Collection[str], settings: Settings) -> tuple[str, ...]:
    known = names("data.doctor")
    for name in (*only, *settings):
        if name not in known:
            raise TaskError(f'no check is called "{name}"{nearest(name, known)}')
    return tuple(n for n in known if not only or n in only)


def _pass(
    patient: Patient, parts: Mapping[Part, Iterable[Example]], under_way: Mapping[str, Examination]
) -> dict[Part, int]:
    """Show every row to every check; returns how many rows each part had."""
    seen: dict[Part, int] = {}
    with progress("examining rows", sum(patient.rows.values()), patient.quiet) as done:
        for part, rows in parts.items():
            seen[part] = 0
            for piece in _pieces(rows):
                for examination in under_way.values():
                    examination.look(part, piece)
                seen[part] += len(piece)
                done(len(piece))
    return seen


def _pieces(rows: Iterable[Example]) -> Iterator[list[Example]]:
    piece: list[Example] = []
    chars = 0
    for example in rows:
        piece.append(example)
        chars += len(example.text)
        if len(piece) == PIECE or chars > PIECE_CHARS:
            yield piece
            piece, chars = [], 0
    if piece:
        yield piece


def _rank(finding: Finding) -> tuple[int, float, int, str]:
    return LEVELS.index(finding.level), -finding.effect, -finding.affected, finding.check


def _finding(data: Mapping[str, Any]) -> Finding:
    remedy = data["remedy"]
    return Finding(
        **{
            **data,
            "samples": tuple(Sample(**s) for s in data["samples"]),
            "remedy": remedy and Remedy(**remedy),
        }
    )
