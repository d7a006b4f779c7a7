"""Look for what broke: audits of the rungs of a finished climb.

    runs/NAME/rungs/RUNG/audits/AUDIT.json     what was found
    runs/NAME/rungs/RUNG/audits/AUDIT/         its work, while it goes on

An audit whose file is there, made with the same settings of the same rung, is not made again.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tailorbird
from tailorbird.errors import (
    DataError,
    MissingExtra,
    ModelError,
    StoreError,
    TaskError,
    nearest,
)
from tailorbird.evaluate.audits.base import Audit, Audited, RungAudits, Subject, make_audit
from tailorbird.evaluate.run import read_answers
from tailorbird.registry import names
from tailorbird.run_folder import load_fitted, slug
from tailorbird.store import digest, read_json, write_json
from tailorbird.task.benchmark import Task


def audit(
    task: Task, out: Path, rungs: Sequence[str] = (), only: Sequence[str] = (), quiet: bool = False
) -> tuple[RungAudits, ...]:
    """Audit `rungs` of the climb in `out`; by default the one that is enough, or else the best.

    `only` names audits; by default those of the task file, or all. One that cannot be made of a
    rung is reported with the reason. Raises `StoreError` where there is no such climb, or where it
    is one of another benchmark.
    """
    _check_climb(task, out)
    chosen = rungs or [_default_rung(out)]
    audits = _chosen(task, only)
    return tuple(_audit_rung(task, rung, audits, out, quiet) for rung in chosen)


def read_audits(out: Path, rungs: Sequence[str]) -> tuple[RungAudits, ...]:
    """What was found before, of those `rungs` of which anything was."""
    read = []
    for rung in rungs:
        files = sorted((out / "rungs" / slug(rung) / "audits").glob("*.json"))
        if files:
            found = tuple(Audited.from_json(read_json(file)["found"]) for file in files)
            read.append(RungAudits(rung, found, {}))
    return tuple(read)


def _check_climb(task: Task, out: Path) -> None:
    if not (out / "manifest.json").is_file() or not (out / "verdict.json").is_file():
        raise StoreError(f"no finished climb in {out}", hint="tailorbird climb makes one")
    if read_json(out / "manifest.json").get("benchmark") != task.digest:
        raise StoreError(
            f"the climb in {out} was made with another task file, other data or other documents",
            hint="run tailorbird climb again: rungs that are still valid are not run anew",
        )


def _default_rung(out: Path) -> str:
    verdict = read_json(out / "verdict.json")
    name: str | None = verdict["enough"] or verdict["best"]
    if name is None:
        raise StoreError(f"the climb in {out} could measure no rung", hint="name one with --rung")
    return name


def _chosen(task: Task, only: Sequence[str]) -> dict[str, Audit]:
    settings: dict[str, Mapping[str, Any]] = {n: {} for n in names("evaluate.audits")}
    if task.spec.audits:
        settings = {name: given for each in task.spec.audits for name, given in each.items()}
    for name in only:
        if name not in names("evaluate.audits"):
            raise TaskError(f'no audit is called "{name}"{nearest(name, names("evaluate.audits"))}')
    return {name: make_audit(name, settings.get(name, {})) for name in (only or settings)}


def _audit_rung(
    task: Task, rung: str, audits: Mapping[str, Audit], out: Path, quiet: bool
) -> RungAudits:
    folder = out / "rungs" / slug(rung)
    if not (folder / "fitted.json").is_file():
        near = nearest(rung, (r.name for r in task.spec.rungs))
        raise StoreError(
            f'{out} holds no finished rung "{rung}"{near}', hint="tailorbird climb runs it"
        )
    predictions = read_answers(folder, task)
    solver = load_fitted(folder, task, out / "cache")
    found, missing = [], {}
    for name, made in audits.items():
        work = folder / "audits" / name
        subject = Subject(task, rung, solver, predictions, work, out / "cache", quiet)
        try:
            found.append(_made(name, made, subject, _fingerprint(folder, task, made)))
        except _NotMade as reason:
            missing[name] = str(reason)
        except (DataError, MissingExtra, ModelError, TaskError) as error:
            missing[name] = f"{error} ({error.hint})" if error.hint else str(error)
    return RungAudits(rung, tuple(found), missing)


def _fingerprint(folder: Path, task: Task, made: Audit) -> str:
    """Changes when what is found could: the rung, the audit's settings, the bar, the version."""
    rung = read_json(folder / "rung.json")["fingerprint"]
    bar = task.spec.bar.model_dump(mode="json")
    return digest([rung, type(made).__module__, repr(made), bar, tailorbird.__version__])


class _NotMade(Exception):
    """An audit does not suit the rung."""


def _made(name: str, made: Audit, subject: Subject, fingerprint: str) -> Audited:
    file = subject.folder.with_name(f"{name}.json")
    before = read_json(file) if file.is_file() else {}
    if before.get("fingerprint") == fingerprint:
        return Audited.from_json(before["found"])
    reason = made.missing(subject)
    if reason is not None:
        raise _NotMade(reason)
    mark = subject.folder / "fingerprint.json"
    if mark.is_file() and read_json(mark) != fingerprint:
        shutil.rmtree(subject.folder)  # work of other settings, or of another rung
    write_json(mark, fingerprint)
    found = made.examine(subject)
    write_json(file, {"fingerprint": fingerprint, "found": found.to_json()})
    shutil.rmtree(subject.folder)
    return found
