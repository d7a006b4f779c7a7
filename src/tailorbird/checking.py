"""Whether the benchmark can judge, by its own proofs, and what ails the data, by the checks."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tailorbird.data.doctor._sample import Reservoir
from tailorbird.data.doctor.base import Finding, Part, title
from tailorbird.data.doctor.examine import Diagnosis, Settings, examine_file, examine_task
from tailorbird.data.files import locate
from tailorbird.data.production import inputs_of
from tailorbird.errors import DataError, TaskError, nearest
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.check import Finding as Proof
from tailorbird.task.check import check_benchmark
from tailorbird.task.strict import parse
from tailorbird.task.task import Columns
from tailorbird.task.types import Example
from tailorbird.words import command_line

PRODUCTION = 20_000
"""Production inputs that are kept, drawn at random: more would tell no more."""


@dataclass(frozen=True)
class Source:
    """A study, or a file that belongs to none; and how to name it on the command line."""

    path: Path
    data_folder: Path | None = None
    format: str = "auto"
    columns: Columns | None = None
    key: str | None = None
    overrides: tuple[str, ...] = ()
    """What was said by `--set`, word for word: a command that follows must say it again."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file of rows."""
        return self.path.is_file() and self.path.suffix not in (".yaml", ".yml")

    def mend(self, check: str, *options: str) -> str:
        """The command that mends what `check` found."""
        words: list[object] = [self.path, check, *options]
        if self.is_file:
            words += ["--out", self.path.with_name(self._mended)]
        return self.command("mend", *words)

    @property
    def _mended(self) -> str:
        """rows.csv -> rows-mended.jsonl -> rows-mended-2.jsonl"""
        stem = self.path.name.removesuffix(".gz").rsplit(".", 1)[0]
        before = re.fullmatch(r"(.+-mended)(?:-(\d+))?", stem)
        if before is None:
            return f"{stem}-mended.jsonl"
        return f"{before[1]}-{int(before[2] or 1) + 1}.jsonl"

    def command(self, name: str, *words: object) -> str:
        """A command on this source, as it was read."""
        if self.data_folder is not None:
            words = (*words, "-d", self.data_folder)
        for pair in self.overrides:
            words = (*words, "--set", pair)
        return command_line(name, *words)


@dataclass(frozen=True)
class Checked:
    """What was found out about a study or a file."""

    source: Source
    name: str
    proofs: tuple[Proof, ...]
    """Of the benchmark; none of a file."""
    diagnosis: Diagnosis
    parts: Mapping[str, Part]
    """The split of every row that a remedy names."""

    @property
    def errors(self) -> list[str]:
        """What forbids to go on."""
        found = [p.text for p in self.proofs if p.level == "error"]
        return found + [f.text for f in self.diagnosis.findings if f.level == "error"]

    def command(self, finding: Finding) -> str | None:
        """The one command that mends a finding; None where there is no remedy."""
        if finding.remedy is None or not finding.remedy.changes:
            return None
        parts = {self.parts.get(row) for row in finding.remedy.changes}
        return self.source.mend(finding.check, *(["--also-test"] if parts == {"test"} else []))

    def to_json(self) -> dict[str, Any]:
        """Plain values: `findings` are the proofs of the benchmark, `diagnosis` is the doctor's."""
        diagnosis = self.diagnosis.to_json()
        for plain, finding in zip(diagnosis["findings"], self.diagnosis.findings):
            plain["title"], plain["command"] = title(finding.check), self.command(finding)
        return {
            "findings": [asdict(p) for p in self.proofs],
            "rows": diagnosis.pop("accounts"),
            "diagnosis": diagnosis,
        }


def check_task(
    task: Task,
    source: Source,
    production: Path | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Settings | None = None,
    quiet: bool = False,
) -> Checked:
    """Prove the benchmark and examine its data. `only` and `skip` name checks of the doctor.

    Raises `TaskError` for unknown checks and settings.
    """
    found = examine_task(
        task, Path("runs") / task.spec.name / "cache",
        production_sample(production, columns=task.spec.data.columns),
        wanted(only, skip), settings, quiet,
    )  # fmt: skip
    named = _named(found.findings)
    parts: dict[str, Part] = {e.id: "unlabelled" for e in task.unlabelled if e.id in named}
    parts |= {e.id: split for split, rows in task.splits.items() for e in rows if e.id in named}
    return Checked(source, task.spec.name, tuple(check_benchmark(task)), found, parts)


def check_file(
    source: Source,
    production: Path | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Settings | None = None,
    quiet: bool = False,
) -> Checked:
    """Examine one file by itself. Raises `DataError` when it cannot be read."""
    found = examine_file(
        source.path, Path("runs") / source.path.stem / "cache",
        production_sample(production, columns=source.columns),
        wanted(only, skip), settings, quiet, source.format, source.columns, source.key,
    )  # fmt: skip
    return Checked(
        source, source.path.name, (), found, dict.fromkeys(_named(found.findings), "rows")
    )


def wanted(only: Collection[str], skip: Collection[str]) -> tuple[str, ...]:
    """The checks to make. Raises `TaskError` for a name that is none, or where none is left."""
    known = names("data.doctor")
    for name in (*only, *skip):
        if name not in known:
            raise TaskError(f'no check is called "{name}"{nearest(name, known)}')
    left = tuple(n for n in only or known if n not in skip)
    if not left:
        raise TaskError("no check is left to make", hint=f"known: {', '.join(known)}")
    return left


def production_sample(
    path: Path | None,
    most: int = PRODUCTION,
    seed: int = 0,
    columns: Columns | None = None,
) -> list[Example]:
    """Inputs as they really come, at most so many, each with the same chance."""
    if path is None:
        return []
    if not path.is_file():
        raise DataError(f"no file at {path}", hint="--production names a file of real inputs")
    kept: Reservoir[Example] = Reservoir(most, seed)
    for example in inputs_of(path, columns):
        if (place := kept.place()) is not None:
            kept.put(place, example)
    return list(kept)


def _named(findings: Iterable[Finding]) -> set[str]:
    return {row for f in findings if f.remedy is not None for row in f.remedy.changes}


def settings_of(pairs: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """`doctor.CHECK.SETTING` -> settings by check, and the other keys."""
    settings: dict[str, dict[str, Any]] = {}
    rest = {}
    for key, value in pairs.items():
        first, *path = key.split(".")
        if first != "doctor":
            rest[key] = value
        elif len(path) == 2:
            settings.setdefault(path[0], {})[path[1]] = value
        else:
            raise TaskError(f"--set {key} should read doctor.CHECK.SETTING=value")
    return settings, rest


def source_of(
    path: Path, data_folder: Path | None, pairs: Mapping[str, Any], overrides: Sequence[str] = ()
) -> Source:
    """The source at `path`. Of a file, `pairs` say how to read it, with the keys of task.yaml.

    `overrides`: all that was said by `--set`.

    Raises `TaskError` where they say anything else, `DataError` where `path` looks like a file of
    rows and there is none.
    """
    if path.suffix.lower() not in ("", ".yaml", ".yml") and not path.exists():
        locate(path.name, path.parent, None)
    source = Source(path, data_folder, overrides=tuple(overrides))
    if not source.is_file:
        return source
    columns: dict[str, Any] = {}
    simple: dict[str, Any] = {}
    for key, value in pairs.items():
        if key in ("data.format", "data.key"):
            simple[key.removeprefix("data.")] = value
        elif key.startswith("data.columns."):
            columns[key.removeprefix("data.columns.")] = value
        else:
            raise TaskError(
                f"--set {key}: a file has no task",
                hint="it takes data.format, data.key, data.columns.NAME and doctor.CHECK.SETTING",
            )
    named = parse(Columns, columns, "--set data.columns") if columns else None
    return replace(source, columns=named, **simple)
