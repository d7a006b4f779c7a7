"""Rows that are far longer or shorter than the others, or hold nothing to read."""

import heapq
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tailorbird.data.doctor._sample import clipped
from tailorbird.data.doctor.base import SHOWN, Finding, Level, Part, Patient, Remedy, Sample
from tailorbird.task.types import Example
from tailorbird.words import counted

Side = Literal["input", "answer"]
_BINS = (0, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Left ends of the histogram, in characters."""
_FEW = 20
"""Fewer texts have no usual length."""


@dataclass(frozen=True)
class Lengths:
    """Outliers by Tukey's fences on the logarithm of the length, as lengths are about log-normal.

    Effect: the share of the rows of one part that are so; test rows where there are some, for these
    are marked. It assumes that every rung fails on them, so it is the most that there can be.
    """

    far: Annotated[float, Field(gt=0)] = 3.0
    """Outliers lie further than this many interquartile ranges from the quartiles (Tukey 1977:
    `far out`)."""
    ratio: Annotated[float, Field(gt=1)] = 3.0
    """And are at least so many times longer or shorter than those quartiles."""
    usual: Annotated[int, Field(ge=2)] = 8
    """One-word answers are odd where half of the answers have at least so many words."""
    kept: Annotated[int, Field(ge=SHOWN)] = 2_000
    """The longest and shortest rows that are named, so that they can be mended."""

    def missing(self, patient: Patient) -> str | None:
        """It can always be looked for."""
        return None

    def start(self, patient: Patient) -> "Looking":
        """Begin."""
        labels = patient.task is not None and patient.task.spec.kind == "label"
        sides: tuple[Side, ...] = ("input",) if labels else ("input", "answer")
        return Looking(self, {side: Texts(self, side) for side in sides})


@dataclass(frozen=True, order=True)
class Row:
    """A row that may be named."""

    size: int
    id: str
    part: Part
    text: str

    def sample(self, note: str) -> Sample:
        """The same as a sample."""
        return Sample(self.id, self.part, self.text, note)


@dataclass
class Named:
    """Rows that are so: all of them are counted, the first `most` are kept."""

    most: int
    rows: list[Row] = field(default_factory=list)
    counts: Counter[Part] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        """One more."""
        self.counts[row.part] += 1
        if len(self.rows) < self.most:
            self.rows.append(row)


@dataclass
class Texts:
    """All inputs, or all answers."""

    check: Lengths
    side: Side
    sizes: dict[Part, "array[int]"] = field(default_factory=dict)
    """Characters of each."""
    words: "array[int]" = field(default_factory=lambda: array("L"))
    """Words of each answer."""
    longest: list[Row] = field(default_factory=list)
    shortest: list[tuple[int, Row]] = field(default_factory=list)
    """By minus the length: a heap gives up the longest of the shortest."""
    blank: Named = field(init=False)
    """Without a letter or a digit."""
    single: Named = field(init=False)
    """Answers of one word."""

    def __post_init__(self) -> None:
        self.blank, self.single = Named(self.check.kept), Named(self.check.kept)

    def look(self, part: Part, example: Example, text: str) -> None:
        """Take notice of one text."""
        size = len(text)
        self.sizes.setdefault(part, array("L")).append(size)
        most = self.check.kept
        if len(self.longest) < most or size > self.longest[0].size:
            _push(self.longest, _row(part, example, size, text), most)
        if len(self.shortest) < most or -size > self.shortest[0][0]:
            _push(self.shortest, (-size, _row(part, example, size, text)), most)
        if not any(c.isalnum() for c in text):
            self.blank.add(_row(part, example, size, text))
        if self.side == "answer":
            words = len(text.split(None, self.check.usual))
            self.words.append(words)
            if words == 1:
                self.single.add(_row(part, example, size, text))


@dataclass
class Looking:
    """Lengths of every row."""

    check: Lengths
    texts: Mapping[Side, Texts]
    rows: Counter[Part] = field(default_factory=Counter)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        self.rows[part] += len(rows)
        for example in rows:
            self.texts["input"].look(part, example, example.text)
            if "answer" in self.texts and example.target is not None:
                self.texts["answer"].look(part, example, example.target)

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        for texts in self.texts.values():
            if texts.blank.rows:
                yield self._finding(
                    texts.blank, texts.side, "without a letter or a digit",
                    ": there is nothing to read",
                )  # fmt: skip
            yield from self._outliers(texts)
        if "answer" in self.texts:
            yield from self._single_words(self.texts["answer"])

    def _outliers(self, texts: Texts) -> Iterator[Finding]:
        by_part = {part: _numbers(sizes) for part, sizes in texts.sizes.items()}
        sizes = np.concatenate([*by_part.values(), np.array([], np.int64)])
        if len(sizes) < _FEW:
            return
        low, high = fences(sizes, self.check.far, self.check.ratio)
        half = f"characters, where half have {np.median(sizes):,.0f} or more"
        details = {
            "characters": _histogram(sizes),
            "usual from": round(low, 1),
            "usual to": round(high, 1),
        }
        long, short = Named(self.check.kept), Named(self.check.kept)
        for part, some in by_part.items():
            long.counts[part], short.counts[part] = (
                int((some > high).sum()),
                int((some < low).sum()),
            )
        long.rows = sorted((r for r in texts.longest if r.size > high), reverse=True)
        short.rows = sorted(r for _, r in texts.shortest if r.size < low)
        for named, word, bound in (
            (long, "longer", f"over {high:,.0f}"),
            (short, "shorter", f"under {low:,.0f}"),
        ):
            if named.rows:
                yield self._finding(
                    named, texts.side, f"far {word} than the others", f": {bound} {half}",
                    "note", details,
                )  # fmt: skip

    def _single_words(self, texts: Texts) -> Iterator[Finding]:
        words = _numbers(texts.words)
        if len(words) < _FEW or not texts.single.rows or np.median(words) < self.check.usual:
            return
        yield self._finding(
            texts.single, "answer", "of one word",
            f", where half have {self.check.usual} words or more: a model that learns from them "
            "learns to be curt at random",
        )  # fmt: skip

    def _finding(
        self,
        named: Named,
        what: str,
        said: str,
        more: str,
        level: Level = "warning",
        details: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding about rows that are `said`; the first ones are samples."""
        counts, n = +named.counts, named.counts.total()
        part: Part = "test" if counts["test"] else next(iter(counts))
        share = counts[part] / self.rows[part]
        unnamed = n - len(named.rows)
        sizes = {r.id: counted(r.size, "character") for r in named.rows}
        return Finding(
            check="lengths",
            level=level,
            text=f"{counted(n, what)} {said}{more}",
            affected=n,
            effect=share,
            why=f"{100 * share:.2g} % of {part}, if every rung fails on them",
            samples=tuple(r.sample(sizes[r.id]) for r in named.rows[:SHOWN]),
            remedy=Remedy("drop", dict.fromkeys(sizes), f"{what} {said}", notes=sizes),
            details={**(details or {}), **({"not named": unnamed} if unnamed else {})},
        )


def fences(sizes: Any, far: float, ratio: float) -> tuple[float, float]:
    """Below the first and above the second number of characters lie the outliers."""
    low, high = np.quantile(sizes, (0.25, 0.75)) + 1
    step = max(far * np.log(high / low), np.log(ratio))
    return float(low * np.exp(-step) - 1), float(high * np.exp(step) - 1)


def _numbers(kept: "array[int]") -> Any:
    """int64[N]."""
    return np.array(kept, dtype=np.int64)


def _histogram(sizes: Any) -> dict[str, int]:
    counts, _ = np.histogram(sizes, bins=[*_BINS, np.inf])
    ends = [f"{a:,} to {b - 1:,}" for a, b in pairwise(_BINS)]
    return dict(zip([*ends, f"{_BINS[-1]:,} or more"], map(int, counts), strict=True))


def _row(part: Part, example: Example, size: int, text: str) -> Row:
    return Row(size, example.id, part, clipped(text))


def _push(heap: list[Any], item: Any, most: int) -> None:
    """Keep the largest `most` items."""
    if len(heap) < most:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


CHECK = Lengths
