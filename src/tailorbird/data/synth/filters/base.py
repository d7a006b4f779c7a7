"""The protocol of filters. The file name is the registry: a filter is one file beside this.

A filter looks at rows that were made up, all that the filters before it let pass, and says of each
why it must go, or nothing. Each module exports its class, a frozen dataclass of settings, as
`FILTER`, and its place among the others as `STAGE`: rows by themselves first, then rows against
each other, and what costs most last.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from tailorbird.data.synth.base import Material, Row
from tailorbird.registry import module, names
from tailorbird.settings import from_settings

FOLDER = "data.synth.filters"


@runtime_checkable
class Filter(Protocol):
    """One reason to drop a row."""

    def missing(self, material: Material) -> str | None:
        """Why it has nothing to say of this material; None where it has."""

    def asks(self, material: Material) -> str | None:
        """The name of the model that it may ask once for each row; None where it asks none."""

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Of each row, why it is dropped; None: it passes. Rows come in the order of making."""


def make_filter(name: str, settings: Mapping[str, Any]) -> Filter:
    """The filter `name`; an unknown setting is refused with the nearest one."""
    made: Filter = from_settings(FOLDER, name, settings, "filter", "FILTER")
    return made


def in_order() -> tuple[str, ...]:
    """The filters' names, by stage."""
    return tuple(sorted(names(FOLDER), key=lambda name: (module(FOLDER, name).STAGE, name)))
