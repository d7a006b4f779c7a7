"""Cells of tables for spreadsheets: a text that looks like a formula must not be computed.

Reading keeps such cells as they are; writing for people puts an apostrophe before them, as OWASP's
page on CSV injection advises. Nothing is lost: `restored(inert(cell))` is the cell.
"""

import re

_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""Spreadsheets compute what begins so; apostrophes before it were put there, or seem to be."""
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?", re.ASCII)


def inert(cell: str) -> str:
    """The cell as a spreadsheet shows it without computing it; numbers stay numbers."""
    return f"'{cell}" if _computed(cell) else cell


def restored(cell: str) -> str:
    """The cell that `inert` was given."""
    return cell[1:] if cell.startswith("'") and _computed(cell[1:]) else cell


def _computed(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell) is None
