"""BLiMP (Warstadt et al. 2020, TACL 8:377): 67 paradigms of pairs that differ in grammar."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.evaluate.capabilities._pairs import likelier
from tailorbird.evaluate.capabilities.base import Ground, Item

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel

FILE = "blimp.jsonl.gz"


@dataclass(frozen=True)
class BLiMP:
    """Share of pairs of which the acceptable sentence is the likelier one; chance is 50 %."""

    path: str = "{data}/blimp"
    """A folder with blimp.jsonl.gz: all files of the data set, one pair a line."""
    per_paradigm: Annotated[int, Field(ge=1, le=1000)] = 10
    margin: Annotated[float, Field(gt=0)] = 0.05
    unit: ClassVar[str] = "share right"
    higher_is_better: ClassVar[bool] = True
    title: ClassVar[str] = "BLiMP"

    def missing(self, ground: Ground) -> str | None:
        """Where the data are not there."""
        file = self._file(ground)
        if file is None:
            return "no data folder was given (--data-folder)"
        return None if file.is_file() else f"{self.path} holds no {FILE}"

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """The first pairs of every paradigm."""
        file = self._file(ground)
        assert file is not None  # else it is missing
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            pairs = first_of_each(map(json.loads, lines), self.per_paradigm)
        return likelier(lm, [(p["sentence_good"], p["sentence_bad"]) for p in pairs])

    def _file(self, ground: Ground) -> Path | None:
        if "{data}" not in self.path:
            return ground.folder / self.path / FILE
        if ground.data_folder is None:
            return None
        return Path(self.path.replace("{data}", str(ground.data_folder))) / FILE


def first_of_each(pairs: Iterable[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The first pairs of every paradigm; they were generated in a random order."""
    seen: Counter[str] = Counter()
    kept = []
    for pair in pairs:
        seen[pair["UID"]] += 1
        if seen[pair["UID"]] <= count:
            kept.append(pair)
    return kept


CAPABILITY = BLiMP
