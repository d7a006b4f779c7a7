"""Results with their intervals, as markdown and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from base_model.subject import SEED
from tailorbird.evaluate.statistics import Estimate, estimate_mean

Cell = str | int | float | Estimate | None


@dataclass(frozen=True)
class Table:
    """What a part has found."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def markdown(self) -> str:
        """The table as it is printed."""
        lines = [self.columns, ("---",) * len(self.columns), *[map(shown, r) for r in self.rows]]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{table}\n\n{self.note}" if self.note else table

    def to_json(self) -> dict[str, Any]:
        """One record per row, by column."""
        plain = [[c.to_json() if isinstance(c, Estimate) else c for c in row] for row in self.rows]
        return {"rows": [dict(zip(self.columns, row)) for row in plain], "note": self.note}


def shown(cell: Cell) -> str:
    """A cell as text; estimates of marks in per cent."""
    if isinstance(cell, Estimate):
        return f"{100 * cell.value:.1f} [{100 * cell.low:.1f}, {100 * cell.high:.1f}]"
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:,.1f}"
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell


def interval(marks: Sequence[float], groups: Sequence[str] | None = None) -> Estimate | None:
    """The mean of marks in [0, 1]; those of a group are not independent of each other."""
    return estimate_mean(marks, groups or [None] * len(marks), SEED)
