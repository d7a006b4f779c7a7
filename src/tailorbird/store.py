"""Run folders: plain files, written whole or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tailorbird.errors import StoreError, TailorbirdError


@contextmanager
def said(verb: str, path: Path, *also: type[Exception]) -> Iterator[None]:
    """Turn the operating system's errors, and `also` others, into one clear message."""
    turned: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except TailorbirdError:
        raise
    except turned as error:
        raise StoreError(
            f"cannot {verb} {path}: {getattr(error, 'strerror', None) or error}",
            hint="what was finished before is kept; free the space or fix the path, and run again",
        ) from error


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Call `write` on a temporary file beside `path`, then rename: nobody reads half a file."""
    with said("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            temporary.chmod(0o666 & ~_umask())  # mkstemp would keep colleagues out
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_folder(path: Path, write: Callable[[Path], Any]) -> None:
    """Call `write` on a temporary folder beside `path`, then rename: a folder that is there is
    whole. Replaces one that is there."""
    with said("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            write(temporary)
            temporary.chmod(0o777 & ~_umask())
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file."""
    write_atomic(path, lambda p: _write(p, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal values give equal files."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    with said("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise StoreError(f"{path} is not valid JSON: {error}") from error


def append_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Append rows and flush them to the disk: what was appended survives a kill."""
    with said("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        with path.open("a", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _cut_torn_line(path: Path) -> None:
    """A kill may have left half a line at the end; a line appended to it would be lost too."""
    if not path.is_file():
        return
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        with path.open("rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


def read_jsonl(path: Path) -> list[Any]:
    """Rows of a file that `append_jsonl` wrote; a last line torn by a kill is left out."""
    rows: list[Any] = []
    if not path.is_file():
        return rows
    with said("read", path):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            if number == len(lines) - 1:
                break
            raise StoreError(f"{path}: line {number + 1} is not JSON") from error
    return rows


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with said("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
