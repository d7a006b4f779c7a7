"""No silent loss: what happened to every row of a file, with the reason."""

from collections import Counter
from dataclasses import dataclass, field

from tailorbird.errors import DataError, plain


@dataclass
class FileAccount:
    """The rows of one file. `kept` includes changed and truncated rows; kept + dropped = read."""

    file: str
    read: int = 0
    kept: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    truncated: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)
    """The first row (1-based) that met each reason."""

    def keep(self) -> None:
        """Count one row that goes on."""
        self.read += 1
        self.kept += 1

    def drop(self, reason: str, row: int) -> None:
        """Count one row that does not go on."""
        self.read += 1
        self.dropped[reason] += 1
        self.examples.setdefault(reason, row)

    def withdraw(self, reason: str, row: int) -> None:
        """Count a row that was kept so far as dropped after all."""
        self.kept -= 1
        self.dropped[reason] += 1
        self.examples.setdefault(reason, row)

    def change(self, reason: str, row: int) -> None:
        """Note that a row was altered; it is also kept or dropped."""
        self.changed[reason] += 1
        self.examples.setdefault(reason, row)

    def truncate(self, reason: str, row: int) -> None:
        """Note that a row was shortened; it is also kept or dropped."""
        self.truncated[reason] += 1
        self.examples.setdefault(reason, row)

    def verify(self) -> None:
        """Raise unless the counts add up."""
        if self.kept + self.dropped.total() != self.read:
            raise DataError(
                f"{self.file}: {self.read} rows read, but {self.kept} kept and "
                f"{self.dropped.total()} dropped"
            )

    def lines(self) -> list[str]:
        """The account in words, one line per fact."""
        counts = (f"{self.read:,} rows read", f"{self.kept:,} kept")
        out = [f"{self.file}: {', '.join(counts)}, {self.dropped.total():,} dropped"]
        for verb, counter in (
            ("changed", self.changed),
            ("truncated", self.truncated),
            ("dropped", self.dropped),
        ):
            for reason, n in counter.most_common():
                out.append(f"  {verb} {n:,}: {reason} (first at row {self.examples[reason]:,})")
        return [plain(line) for line in out]
