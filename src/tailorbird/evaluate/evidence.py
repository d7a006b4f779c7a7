"""The trail of a climb: what would have to be the same for its numbers to be the same."""

import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.errors import TailorbirdError
from tailorbird.store import file_digest, read_json, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.task import TaskSpec, load_spec
from tailorbird.words import command_line

_PACKAGES = (
    "numpy", "scipy", "scikit-learn", "bm25s", "sentence-transformers", "torch", "transformers",
    "tokenizers", "peft", "accelerate", "safetensors",
)  # fmt: skip
_FILES = ("manifest.json", "results.json", "timings.json", "verdict.json", "ledger.jsonl")


@dataclass(frozen=True)
class RungTrail:
    """What one rung left."""

    rung: str
    fingerprint: str
    """Of benchmark, settings, model files and version."""
    opened: str
    """When it was last given the test items, UTC; empty where the ledger does not say."""
    answers: str
    """SHA-256 of `answers.jsonl`."""
    solver: str
    """SHA-256 over the saved solver's files."""


@dataclass(frozen=True)
class Evidence:
    """The trail."""

    commands: tuple[str, ...]
    """To repeat it, from the folder that it was started in."""
    versions: Mapping[str, str]
    files: Mapping[str, str]
    """File of the run folder -> SHA-256."""
    rungs: tuple[RungTrail, ...]


def packages() -> dict[str, str]:
    """Versions of what is installed and could change a number."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_evidence(task: Task, out: Path, folders: Mapping[str, Path]) -> Evidence:
    """The trail of the climb in `out`. `folders`: rung -> its folder, in order."""
    manifest = read_json(out / "manifest.json")
    opened = {row["fingerprint"]: row["time"] for row in read_jsonl(out / "ledger.jsonl")}
    return Evidence(
        commands=tuple(_commands(task, out)),
        versions={
            "tailorbird": manifest["tailorbird"],
            **manifest.get("packages", {"python": manifest["python"]}),
            "machine": manifest["machine"],
        },
        files={name: file_digest(out / name) for name in _FILES if (out / name).is_file()},
        rungs=tuple(_rung(name, folder, opened) for name, folder in folders.items()),
    )


def _rung(name: str, folder: Path, opened: Mapping[str, str]) -> RungTrail:
    fingerprint = read_json(folder / "rung.json")["fingerprint"]
    answers = folder / "answers.jsonl"
    return RungTrail(
        name,
        fingerprint,
        opened.get(fingerprint, ""),
        file_digest(answers) if answers.is_file() else "",
        _folder_digest(folder / "solver"),
    )


def _folder_digest(folder: Path) -> str:
    """SHA-256 over names and contents, in the order of names."""
    import hashlib

    content = hashlib.sha256()
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        content.update(f"{file.relative_to(folder).as_posix()} {file_digest(file)}\n".encode())
    return content.hexdigest()


def _commands(task: Task, out: Path) -> Iterator[str]:
    words: list[object] = [_shown(task.folder), "--out", _shown(out)]
    if task.data_folder is not None:
        words += ["--data-folder", _shown(task.data_folder)]
    yield command_line("climb", *words, *_overrides(task))
    yield command_line("report", _shown(out))


def _shown(path: Path) -> Path:
    """Relative to where we are, if it is inside."""
    here, path = Path.cwd(), path.resolve()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _overrides(task: Task) -> Iterator[str]:
    """What the task file as it is now does not say of the task as it was climbed."""
    try:
        filed = load_spec(task.folder)
    except TailorbirdError:
        return
    kept = {r.name: r for r in filed.rungs}
    if all(kept.get(r.name) == r for r in task.spec.rungs):
        if len(task.spec.rungs) < len(filed.rungs):
            yield from (word for r in task.spec.rungs for word in ("--only", r.name))
    else:
        yield from ("--set", f"rungs={json.dumps(_dumped(task.spec)['rungs'])}")
    for key, value in _changed(_dumped(filed), _dumped(task.spec)):
        if key != "rungs":
            yield from ("--set", f"{key}={json.dumps(value, ensure_ascii=False)}")


def _dumped(spec: TaskSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json")


def _changed(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield path, new
        return
    for key in new:
        yield from _changed(old.get(key), new[key], f"{path}.{key}".strip("."))
