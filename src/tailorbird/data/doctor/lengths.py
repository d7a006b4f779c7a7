"""Rows that are far longer or shorter than the others, or hold nothing to read."""

import heapq
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tailorbird.data.doctor._sample import clipped, counted
from tailorbird.data.doctor.base import SHOWN, Finding, Level, Part, Patient, Remedy, Sample
from tailorbird.task.types import Example

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
class Texts:
    """All inputs, or all answers."""

    check: Lengths
    side: Side
    sizes: "array[int]" = field(default_factory=lambda: array("L"))
    """Characters of each."""
    words: "array[int]" = field(default_factory=lambda: array("L"))
    """Words of each answer."""
    longest: list[Row] = field(default_factory=list)
    shortest: list[tuple[int, Row]] = field(default_factory=list)
    """By minus the length: a heap gives up the longest of the shortest."""
    blank: list[Row] = field(default_factory=list)
    """Without a letter or a digit."""
    single: list[Row] = field(default_factory=list)
    """Answers of one word, up to `kept`."""
    singles: int = 0

    def look(self, part: Part, example: Example, text: str) -> None:
        """Take notice of one text."""
        size = len(text)
        self.sizes.append(size)
        most = self.check.kept
        if len(self.longest) < most or size > self.longest[0].size:
            _push(self.longest, _row(part, example, size, text), most)
        if len(self.shortest) < most or -size > self.shortest[0][0]:
            _push(self.shortest, (-size, _row(part, example, size, text)), most)
        if not any(c.isalnum() for c in text):
            self.blank.append(_row(part, example, size, text))
        if self.side == "answer":
            words = len(text.split(None, self.check.usual))
            self.words.append(words)
            if words == 1:
                self.singles += 1
                if len(self.single) < most:
                    self.single.append(_row(part, example, size, text))


@dataclass
class Looking:
    """Lengths of every row."""

    check: Lengths
    texts: Mapping[Side, Texts]
    rows: dict[Part, int] = field(default_factory=dict)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        self.rows[part] = self.rows.get(part, 0) + len(rows)
        for example in rows:
            self.texts["input"].look(part, example, example.text)
            if "answer" in self.texts and example.target is not None:
                self.texts["answer"].look(part, example, example.target)

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        for side, texts in self.texts.items():
            if texts.blank:
                n = len(texts.blank)
                yield self._named(
                    f"{counted(n, side)} without a letter or a digit: there is nothing to read", n,
                    texts.blank, f"{side} without a letter or a digit",
                )  # fmt: skip
            if len(texts.sizes) >= _FEW:
                yield from self._outliers(texts)
        if "answer" in self.texts:
            yield from self._single_words(self.texts["answer"])

    def _outliers(self, texts: Texts) -> Iterator[Finding]:
        sizes = np.frombuffer(texts.sizes, dtype=f"u{texts.sizes.itemsize}")
        low, high = fences(sizes, self.check.far, self.check.ratio)
        long, short = int((sizes > high).sum()), int((sizes < low).sum())
        half = f"characters, where half have {np.median(sizes):,.0f} or more"
        details = {"characters": _histogram(sizes), "fences": [round(low, 1), round(high, 1)]}
        long_ones, short_ones = counted(long, texts.side), counted(short, texts.side)
        if long:
            yield self._named(
                f"{long_ones} far longer than the others: over {high:,.0f} {half}",
                long, sorted((r for r in texts.longest if r.size > high), reverse=True),
                f"{texts.side} far longer than the others", level="note", details=details,
            )  # fmt: skip
        if short:
            yield self._named(
                f"{short_ones} far shorter than the others: under {low:,.0f} {half}",
                short, sorted(r for _, r in texts.shortest if r.size < low),
                f"{texts.side} far shorter than the others", level="note", details=details,
            )  # fmt: skip

    def _single_words(self, texts: Texts) -> Iterator[Finding]:
        words = np.frombuffer(texts.words, dtype=f"u{texts.words.itemsize}")
        if len(words) < _FEW or not texts.singles or np.median(words) < self.check.usual:
            return
        found = counted(texts.singles, "one-word answer")
        yield self._named(
            f"{found}, where half have {self.check.usual} words or more: a model that learns "
            "from them learns to be curt at random",
            texts.singles, texts.single, "a one-word answer among long ones",
        )  # fmt: skip

    def _named(
        self,
        text: str,
        affected: int,
        rows: Sequence[Row],
        reason: str,
        level: Level = "warning",
        details: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding about rows that are named, the first ones as samples."""
        part: Part = "test" if any(r.part == "test" for r in rows) else rows[0].part
        share = sum(r.part == part for r in rows) / self.rows[part]
        unnamed = affected - len(rows)
        return Finding(
            check="lengths",
            level=level,
            text=text,
            affected=affected,
            effect=share,
            why=f"{100 * share:.2g} % of {part}, if every rung fails on them",
            samples=tuple(r.sample(f"{r.size:,} characters") for r in rows[:SHOWN]),
            remedy=Remedy("drop", dict.fromkeys((r.id for r in rows), None), reason),
            details={**(details or {}), **({"not named": unnamed} if unnamed else {})},
        )


def fences(sizes: Any, far: float, ratio: float) -> tuple[float, float]:
    """Below the first and above the second number of characters lie the outliers."""
    low, high = np.quantile(sizes, (0.25, 0.75)) + 1
    step = max(far * np.log(high / low), np.log(ratio))
    return float(low * np.exp(-step) - 1), float(high * np.exp(step) - 1)


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
