"""Where a model's files are, and what they hold; nothing heavy is imported to tell."""

import hashlib
from functools import lru_cache
from pathlib import Path

from tailorbird.errors import ModelError
from tailorbird.store import file_digest

FLEDGLING = Path(__file__).parent / "fledgling" / "weights"


def is_endpoint(spec: str) -> bool:
    """Whether `spec` names an endpoint rather than a model on this machine."""
    return spec.startswith(("http://", "https://"))


@lru_cache(maxsize=8)
def identify(spec: str) -> str:
    """Changes when the model's answers could: the digest of its files, or its address."""
    if is_endpoint(spec):
        return spec
    where = Path(locate(spec))
    return f"{spec}@{folder_digest(where)}" if where.is_dir() else spec


def locate(spec: str) -> str:
    """The folder or hub id that `spec` stands for. Raises `ModelError` for a missing folder."""
    if spec == "fledgling":
        return str(FLEDGLING)
    path = Path(spec).expanduser()
    if path.is_dir():
        return str(path)
    if spec.startswith((".", "/", "~")) or spec.count("/") > 1:
        raise ModelError(f"no model folder at {spec}", hint="name a folder, a hub id or fledgling")
    return spec


def folder_digest(folder: Path) -> str:
    """Of weights, configuration, tokenizer and template."""
    content = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in (".safetensors", ".json", ".jinja"):
            content.update(f"{file.name} {file_digest(file)}\n".encode())
    return content.hexdigest()[:16]
