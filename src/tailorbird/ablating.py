"""Did made-up rows help? One rung fitted without them and with them, held against each other.

    runs/NAME/synth/ablation/RUNG/
      ablation.json      the marks of both, and the difference with its interval
      without/ with/     rung.json  fitted.json  solver/  marks-dev.jsonl; again for each repeat

The same dev items are marked, which were found; the test split stays closed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tailorbird.data.synth.base import Row
from tailorbird.errors import BenchmarkError
from tailorbird.evaluate.statistics import (
    Comparison,
    Estimate,
    compare,
    equivalent,
    estimate_mean,
    n_needed,
)
from tailorbird.growing import marked, unmarked
from tailorbird.store import write_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison as Pair
from tailorbird.task.types import Provenance

ALPHA, POWER = 0.05, 0.8
"""Of what is said to be needed where nothing could be told."""
Answer = Literal["helped", "harmed", "made no difference", "cannot tell"]


@dataclass(frozen=True)
class Ablation:
    """What made-up rows did to one rung."""

    rung: str
    metric: str
    found: int
    """Training rows that were found."""
    made: int
    """Training rows that were made up."""
    pairs: int
    """Pairs of answers that were made up: for rungs that learn from those."""
    without: Estimate
    """The mean mark on dev, with what was found alone."""
    with_them: Estimate
    comparison: Comparison
    """With them minus without."""
    margin: float
    """A difference below this matters to nobody."""
    higher: bool
    """Whether a mark of 1 is good."""
    repeats: int

    @property
    def answer(self) -> Answer:
        """By the whole interval of the difference: over dev items, for the fits that were made."""
        low, high = self.comparison.low, self.comparison.high
        if not self.higher:
            low, high = -high, -low
        if low > 0:
            return "helped"
        if high < 0:
            return "harmed"
        return "made no difference" if equivalent(self.comparison, self.margin) else "cannot tell"

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        found, points = self.comparison, 100 * self.comparison.difference
        ends = f"[{100 * found.low:.1f}, {100 * found.high:.1f}]"
        pairs = f" and {self.pairs:,} pairs" if self.pairs else ""
        told = (
            f"With {self.made:,} made-up rows{pairs} beside {self.found:,} that were found, "
            f"{self.rung}'s {self.metric} on dev goes from {100 * self.without.value:.1f} % to "
            f"{100 * self.with_them.value:.1f} %: {points:+.1f} points {ends}, p = "
            f"{found.p_value:.2g}, {found.units:,} independent items. That is chance in the items, "
            f"not in the fits: {self._fits}."
        )
        if self.answer == "made no difference":
            return f"{told} They made no difference of {100 * self.margin:.3g} points or more."
        if self.answer != "cannot tell":
            return f"{told} They {self.answer}."
        needed = n_needed(self.margin, max(found.discordance, self.margin), POWER, ALPHA)
        more = float(f"{needed * found.design_effect:.2g}")
        return (
            f"{told} Cannot tell; about {more:,.0f} dev items could show a difference of "
            f"{100 * self.margin:.3g}."
        )

    @property
    def _fits(self) -> str:
        if self.repeats == 1:
            return "each was fitted once"
        return f"each was fitted with {self.repeats:,} seeds, and the marks averaged"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {
            "version": 1,
            "without": self.without.to_json(),
            "with_them": self.with_them.to_json(),
            "comparison": self.comparison.to_json(),
            "answer": self.answer,
            "sentence": self.sentence,
        }


def ablate(
    task: Task,
    rung: str,
    rows: Sequence[Row],
    pairs: Sequence[Row],
    out: Path,
    run: Path,
    repeats: int = 1,
    quiet: bool = False,
) -> Ablation:
    """Fit `rung` twice and compare its answers to the dev items.

    Args:
        task: with its splits; made-up rows that already stand in train are taken out of the first.
        rung: one of the task's.
        rows: examples that were made up.
        pairs: preferences that were made up, for rungs that learn from those.
        out: the folder of the ablation.
        run: the climb's folder, which has the cache.
        repeats: seeds of the rung, over which the mark of each item is averaged.
        quiet: no progress bars.

    Raises `BenchmarkError` without found dev items, and where nothing could be marked.
    """
    before, after = _without_and_with(task, rows, pairs)
    (found,) = task.only([rung]).spec.rungs
    marks = {
        name: _averaged(
            [
                marked(_seeded(side, n), found, out / f"{name}-{n}", run, "dev", quiet)[0]
                for n in range(repeats)
            ]
        )
        for name, side in (("without", before), ("with", after))
    }
    metric, groups = task.spec.bar.primary.metric, [e.group for e in before.splits["dev"]]
    without, with_them = (estimate_mean(m, groups, task.spec.seed) for m in marks.values())
    comparison = compare(marks["without"], marks["with"], groups, task.spec.seed)
    if comparison is None or without is None or with_them is None:
        raise unmarked("dev", metric)
    size = len(before.splits["train"])
    done = Ablation(
        rung, metric, size, len(after.splits["train"]) - size, len(pairs), without, with_them,
        comparison, task.spec.bar.margin, higher_is_better(metric), repeats,
    )  # fmt: skip
    write_json(out / "ablation.json", done.to_json())
    return done


def _without_and_with(task: Task, rows: Sequence[Row], pairs: Sequence[Row]) -> tuple[Task, Task]:
    """The task with what was found alone, and with all that was made up; dev is the same."""
    dev = tuple(e for e in task.splits.get("dev", ()) if not e.made_up)
    if not dev:
        raise BenchmarkError(
            "there is no dev split to compare on", hint="name data.dev, or cut data.all by splits"
        )
    train = task.examples("train")
    known = {e.folded for e in train}
    added = tuple(e for r in rows if (e := r.example).folded not in known)
    alone = tuple(e for e in train if not e.made_up)
    without = replace(task, splits={**task.splits, "train": alone, "dev": dev})
    with_them = replace(
        without,
        splits={**without.splits, "train": (*train, *added)},
        comparisons=(*task.comparisons, *map(_pair, pairs)),
    )
    return without, with_them


def _pair(row: Row) -> Pair:
    example = row.example
    return Pair(
        example.id, example.input, (str(example.target), row.made.rejected or ""),
        group=example.group, provenance=Provenance("preferences.jsonl", row.number, row.generator),
    )  # fmt: skip


def _seeded(task: Task, n: int) -> Task:
    """The same rows, and another seed for whatever is fitted on them."""
    spec = task.spec.model_copy(update={"seed": task.spec.seed + n})
    return replace(task, spec=spec) if n else task


def _averaged(marks: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Of each item, over the repeats that could be marked."""
    out: list[float | None] = []
    for each in zip(*marks, strict=True):
        known = [m for m in each if m is not None]
        out.append(sum(known) / len(known) if known else None)
    return out
