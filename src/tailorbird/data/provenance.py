"""What a row says of where it comes from."""

from collections.abc import Mapping
from typing import Any

from tailorbird.task.types import Example

_NO = ("", "false", "0", "0.0", "no", "nan")


def made_up_by(row: Any) -> str | None:
    """What made the row up, by its key `synthetic`; None where it was found.

    `tailorbird synth` writes an object there, others may write a name or true.
    """
    said = row.get("synthetic") if isinstance(row, Mapping) else None
    if isinstance(said, Mapping):
        said = said.get("generator") or True
    if said is None or str(said).strip().casefold() in _NO:
        return None
    return said.strip() if isinstance(said, str) else "unknown"


def origin(example: Example) -> dict[str, Any]:
    """What `made_up_by` reads in the row of this example; nothing where it was found."""
    maker = example.provenance and example.provenance.synthetic
    return {"synthetic": {"generator": maker}} if maker is not None else {}
