"""Ids of rows, each of one row alone."""

from collections.abc import Container
from dataclasses import dataclass, field

from tailorbird.data.accounts import FileAccount


@dataclass
class Repeats:
    """Tells rows that want the same id apart by numbers: `a`, `a#2`, `a#3`."""

    last: dict[str, int] = field(default_factory=dict)
    """Of each id that came again: it is not counted from 2 for every further row."""

    def unique(self, wanted: str, taken: Container[str], row: int, account: FileAccount) -> str:
        """`wanted`, or the next of it that is not among all that are `taken` so far."""
        if wanted not in taken:
            return wanted
        account.change("duplicate id made unique", row)
        name, number = wanted, self.last.get(wanted, 1)
        while name in taken:
            number += 1
            name = f"{wanted}#{number}"
        self.last[wanted] = number
        return name
