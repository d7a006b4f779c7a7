"""No silent loss: what happened to every row of a file, with the reason."""

from collections import Counter
from dataclasses import dataclass, field

from tailorbird.errors import DataError, plain
from tailorbird.words import counted


@dataclass
class FileAccount:
    """The rows of one file; kept + dropped = read. Changed, truncated and noted ones are kept."""

    file: str
    read: int = 0
    kept: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    truncated: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    """What is strange about rows that stay as they are."""
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int | str] = field(default_factory=dict)
    """The first row (1-based) that met each reason, or its name."""
    unit: str = "row"
    """What is counted; an s makes it more of them."""

    def keep(self) -> None:
        """Count one row that goes on."""
        self.read += 1
        self.kept += 1

    def drop(self, reason: str, row: int | str) -> None:
        """Count one row that does not go on."""
        self.read += 1
        self.dropped[reason] += 1
        self.examples.setdefault(reason, row)

    def withdraw(self, reason: str, row: int | str) -> None:
        """Count a row that was kept so far as dropped after all."""
        self.kept -= 1
        self.dropped[reason] += 1
        self.examples.setdefault(reason, row)

    def change(self, reason: str, row: int | str) -> None:
        """Note that a row was altered; it is also kept or dropped."""
        self.changed[reason] += 1
        self.examples.setdefault(reason, row)

    def truncate(self, reason: str, row: int | str) -> None:
        """Note that a row was shortened; it is also kept or dropped."""
        self.truncated[reason] += 1
        self.examples.setdefault(reason, row)

    def note(self, mark: str, row: int | str) -> None:
        """Note what is strange about a row that stays as it is; it is also kept or dropped."""
        self.noted[mark] += 1
        self.examples.setdefault(mark, row)

    def verify(self) -> None:
        """Raise unless the counts add up."""
        if self.kept + self.dropped.total() != self.read:
            raise DataError(
                f"{self.file}: {counted(self.read, self.unit)} read, but {self.kept:,} kept and "
                f"{self.dropped.total():,} dropped"
            )

    def lines(self) -> list[str]:
        """The account in words, one line per fact."""
        counts = (f"{counted(self.read, self.unit)} read", f"{self.kept:,} kept")
        out = [f"{self.file}: {', '.join(counts)}, {self.dropped.total():,} dropped"]
        for verb, counter in (
            ("changed", self.changed),
            ("truncated", self.truncated),
            ("noted", self.noted),
            ("dropped", self.dropped),
        ):
            for reason, n in counter.most_common():
                row = self.examples[reason]
                where = f"row {row:,}" if isinstance(row, int) else row
                out.append(f"  {verb} {n:,}: {reason} (first at {where})")
        return [plain(line) for line in out]
