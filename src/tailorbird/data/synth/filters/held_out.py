"""Nothing of test or dev: no row has their inputs, or ten words in a row of one.

As everywhere (`data/overlap.py`), an input of fewer than ten words is looked for as a whole; of
fewer than five, only as the whole of a row's input. This filter cannot be left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tailorbird.data.synth.base import Material, Row
from tailorbird.store import digest

STAGE = 0


@dataclass(frozen=True)
class HeldOut:
    """What is held out stays out."""

    def missing(self, material: Material) -> str | None:
        """Never."""
        return None

    def asks(self, material: Material) -> str | None:
        """Nobody."""
        return None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Inputs and answers alike are looked through."""
        return [_reason(row, material) for row in rows]


def _reason(row: Row, material: Material) -> str | None:
    if digest(row.example.asked) in material.held:
        return "the same input stands in test or dev"
    for text in row.texts:
        found = next(material.protected.found_in(text), None)
        if found is not None:
            return f"shares a run of words with an input of {found.name.split()[0]}"
    return None


FILTER = HeldOut
