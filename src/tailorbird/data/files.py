"""Finding files and opening them: what a task names may be anywhere, what data name may not."""

import difflib
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tailorbird.data.limits import DOCUMENT, MIB, bomb, unpackable
from tailorbird.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BOM = b"\xef\xbb\xbf"
_WIDE = {
    "UTF-32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff"),
    "UTF-16": (b"\xff\xfe", b"\xfe\xff"),
}


def locate(path: str, folder: Path, data_folder: Path | None) -> Path:
    """The file or folder that a task file means: it may be anywhere. Raises `DataError`."""
    if "{data}" in path:
        if data_folder is None:
            raise DataError(
                f"{path} needs the data folder, and none was given", hint="pass --data-folder DIR"
            )
        path = path.replace("{data}", str(data_folder))
    found = folder / path
    with readable(path):
        if found.exists():
            return found
        if not found.parent.is_dir():
            raise DataError(f"no file at {found}: there is no folder {found.parent}")
        beside = sorted(p.name for p in found.parent.iterdir() if not p.name.startswith("."))
    near = difflib.get_close_matches(found.name, beside, n=3, cutoff=0.5) or beside[:8]
    raise DataError(
        f"no file at {found}",
        hint=f"the folder holds {', '.join(near)}" if near else "the folder is empty",
    )


def inside(folder: Path, name: str) -> Path:
    """The path that a file in `folder` names: a registry, a row.

    Raises `DataError` where it leads out of the folder, through `..` or a link too: data come from
    others, and may not choose which files of this machine are read.
    """
    path = folder / name
    try:
        if path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name with NUL
        raise DataError(f"{name!r} is no path: {error}") from error
    raise DataError(
        f"{name!r} leads out of {folder}",
        hint="copy what it leads to into the folder, or name it in the task file",
    )


def files_below(folder: Path) -> list[Path]:
    """The files below a folder, relative to it and sorted; hidden files and folders are not.

    Folders that are links within the folder are read where they are. Raises `DataError` for links
    that lead out or nowhere, and for folders that may not be read.
    """
    found = []
    with readable(str(folder)):
        for here, folders, files in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            shown = [name for name in files if not name.startswith(".")]
            for name in (*folders, *shown):
                path = Path(here, name)
                if path.is_symlink() and not inside(folder, str(path.relative_to(folder))).exists():
                    raise DataError(f"{path} is a link that leads nowhere")
            paths = (Path(here, name) for name in shown)
            found += [path.relative_to(folder) for path in paths if path.is_file()]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Say what is wrong with a file that cannot be read, unpacked or found, in one line."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def open_file(path: Path) -> "io.BufferedReader[Any]":
    """Open a file, unpacking it if its name ends in .gz. Raises `DataError` for UTF-16."""
    packed = path.suffix.lower() == ".gz"
    stream = io.BufferedReader(_Unpacked(path) if packed else path.open("rb", 0), 2**17)
    refuse_wide(stream.peek(4), str(path))
    return stream


def refuse_wide(content: bytes, path: str) -> None:
    """Raise `DataError` for UTF-16 and UTF-32: byte by byte, they would be read as nonsense."""
    for encoding, marks in _WIDE.items():
        if content.startswith(marks):
            raise DataError(f"{path} is {encoding}", hint="save it as UTF-8")


class _Unpacked(io.RawIOBase):
    """A gzip file as plain bytes, as many as it may unpack to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._allowed = unpackable(path.stat().st_size)
        self._file = gzip.GzipFile(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        n = self._file.readinto(buffer)
        if self._file.tell() > self._allowed:
            raise bomb(str(self._path))
        return n

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()


def read_bytes(path: str, folder: Path, data_folder: Path | None) -> bytes:
    """The whole of a file, unpacked, without a byte order mark. Raises `DataError`."""
    return read_file(locate(path, folder, data_folder), path)


def read_file(file: Path, path: str) -> bytes:
    """The same of a file that is found; errors call it `path`."""
    limit = DOCUMENT.value * MIB
    with readable(path), open_file(file) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{path} is larger than {DOCUMENT.value:,} MiB", hint=DOCUMENT.hint)
    return content.removeprefix(BOM)


def stem(path: str) -> str:
    """The file name without `.gz` and suffix."""
    return PurePosixPath(path.removesuffix(".gz")).stem


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """Text from bytes, and what had to be assumed when they are not UTF-8."""
    for encoding, notes in (
        ("utf-8", ()),
        ("cp1252", ("not UTF-8, read as cp1252",)),
        ("latin-1", ("not UTF-8, read as Latin-1",)),  # cp1252 leaves five bytes undefined
    ):
        try:
            return raw.decode(encoding), notes
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 decodes every byte")
