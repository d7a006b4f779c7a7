"""Does more data pay? One rung fitted on growing, nested parts of the training split.

    runs/NAME/curve/RUNG/
      curve.json   the marks, the law through them, and what it says of twice the data
      SIZE/        rung.json  fitted.json  solver/  marks-dev.jsonl

The marks are those of dev, so that the test split stays closed. What is there is not made again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tailorbird.approaches.base import Solver, make_approach
from tailorbird.climbing import fingerprint_of, fitted, model_of, set_aside_if_other
from tailorbird.data.split import nested_subset
from tailorbird.errors import BenchmarkError, TaskError
from tailorbird.evaluate.chunks import in_chunks
from tailorbird.evaluate.learning_curve import LEAST_SIZES, LearningCurve, fit_curve
from tailorbird.evaluate.noise_ceiling import Ceiling, noise_ceiling, repeated_labels
from tailorbird.evaluate.run import CHUNK, record_opening
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.models.base import Progress
from tailorbird.store import write_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Rung
from tailorbird.task.types import Example, Split

SIZES = 5
"""Where none are named: the whole training split, and half of it again and again."""
SMALLEST = 20


@dataclass(frozen=True)
class Grown:
    """What one rung made of growing training sets."""

    rung: str
    split: Split
    """Whose items were marked."""
    metric: str
    curve: LearningCurve
    seconds: tuple[float, ...]
    """To fit, at each size."""
    ceiling: Ceiling | None
    """Of the labels, where inputs stand in several rows; None where none does."""
    higher: bool
    """Whether a mark of 1 is good."""

    @property
    def sentence(self) -> str:
        """Whether more data pay, in words."""
        found, gain = self.curve, self.curve.gain
        last, times = found.sizes[-1], found.size / found.sizes[-1]
        more = "Twice" if times == 2 else f"{times:g} times"
        points = f"{100 * gain.value:.1f} points [{100 * gain.low:.1f}, {100 * gain.high:.1f}]"
        margin = f"{100 * found.margin:.3g}"
        consequence = {
            "pays": f"at least the margin of {margin}: it pays.",
            "does not pay": f"less than the margin of {margin}: it does not pay.",
            "cannot tell": f"and the margin is {margin}: these items cannot tell whether it pays.",
        }[found.answer]
        mark = found.mark
        return (
            f"{more} the {last:,} examples should take {self.metric} to {100 * mark.value:.0f} % "
            f"[{100 * mark.low:.0f}, {100 * mark.high:.0f}], a gain of {points}, {consequence}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": 1,
            "rung": self.rung,
            "split": self.split,
            "metric": self.metric,
            "curve": self.curve.to_json(),
            "seconds": list(self.seconds),
            "ceiling": self.ceiling and self.ceiling.to_json(),
            "sentence": self.sentence,
        }


def grow(
    task: Task,
    rung: str,
    out: Path,
    run: Path,
    sizes: Sequence[int] = (),
    split: Split = "dev",
    factor: float = 2.0,
    told: Callable[[int, Estimate], None] | None = None,
    stop: bool = False,
    quiet: bool = False,
) -> Grown:
    """Fit `rung` on nested subsets of train, mark its answers, and look ahead.

    Args:
        task: with its splits.
        rung: one of the task's.
        out: the curve's folder.
        run: the climb's folder, which has the cache and the ledger of test openings.
        sizes: training examples, in any order; default the whole, and half of it four times.
        split: whose items are answered; `test` opens the test split, and the ledger says so.
        factor: how many times the largest size to look ahead.
        told: is called with each size and its estimate.
        stop: grow no further once more data do not pay.
        quiet: no progress bars.

    Raises `BenchmarkError` where the split is empty or nothing of it can be marked, and `TaskError`
    for sizes that the training split does not have.
    """
    examples = _to_mark(task, split)
    (found,) = task.only([rung]).spec.rungs
    sizes = _checked(sizes or usual_sizes(len(task.examples("train"))), task)
    marks, seconds = [], []
    curve: LearningCurve | None = None
    for size in sizes:
        part = _with_train(task, size)
        each, took = marked(part, found, out / str(size), run, split, quiet)
        marks.append(each)
        seconds.append(took)
        estimate = estimate_mean(each, [e.group for e in examples], task.spec.seed)
        if estimate is None:
            raise unmarked(split, task.spec.bar.primary.metric)
        if told is not None:
            told(size, estimate)
        if stop and len(marks) >= LEAST_SIZES:
            curve = _curve(task, sizes[: len(marks)], marks, examples, factor)
            if curve.answer == "does not pay":
                break
    curve = curve or _curve(task, sizes, marks, examples, factor)
    metric = task.spec.bar.primary.metric
    grown = Grown(
        rung, split, metric, curve, tuple(seconds), _ceiling(task), higher_is_better(metric)
    )
    write_json(out / "curve.json", grown.to_json())
    return grown


def _to_mark(task: Task, split: Split) -> Sequence[Example]:
    examples = task.splits.get(split, ())
    if split == "train" or not examples:
        raise BenchmarkError(
            f"the {split} split cannot be marked here",
            hint="name data.dev, or cut data.all by splits; --on test opens the test split",
        )
    return examples


def unmarked(split: Split, metric: str) -> BenchmarkError:
    """What is said where no item of `split` has what `metric` looks at."""
    return BenchmarkError(
        f"no {split} item could be marked by {metric}",
        hint=f"name another metric in bar.primary, or give these items what {metric} looks at",
    )


def _ceiling(task: Task) -> Ceiling | None:
    labels = repeated_labels(task.examples("train")) if task.spec.kind == "label" else []
    return noise_ceiling(labels, task.spec.seed)


def _curve(
    task: Task,
    sizes: Sequence[int],
    marks: Sequence[Sequence[float | None]],
    examples: Sequence[Example],
    factor: float,
) -> LearningCurve:
    groups, spec = [e.group for e in examples], task.spec
    return fit_curve(
        sizes, marks, groups, spec.seed,
        margin=spec.bar.margin, higher=higher_is_better(spec.bar.primary.metric), factor=factor,
    )  # fmt: skip


def usual_sizes(n: int) -> list[int]:
    """All `n`, and half of them again and again, as long as there are enough."""
    return [n >> i for i in range(SIZES - 1, -1, -1) if n >> i >= SMALLEST]


def _checked(sizes: Sequence[int], task: Task) -> list[int]:
    growing, most = sorted(set(sizes)), len(task.examples("train"))
    if len(growing) < LEAST_SIZES:
        raise TaskError(
            f"a curve takes at least {LEAST_SIZES} sizes, not {growing}",
            hint="name more of them: --sizes 100,200,400",
        )
    if growing[0] < 1 or growing[-1] > most:
        raise TaskError(
            f"sizes from {growing[0]:,} to {growing[-1]:,}, but train has {most:,} examples",
            hint=f"name sizes from 1 to {most:,}",
        )
    return growing


def _with_train(task: Task, size: int) -> Task:
    part = nested_subset(task.examples("train"), size, task.spec.seed)
    return replace(task, splits={**task.splits, "train": part})


def marked(
    task: Task, rung: Rung, folder: Path, run: Path, split: Split, quiet: bool
) -> tuple[list[float | None], float]:
    """The mark of each item of `split` by a rung that learns from the task's train, and the seconds
    that fitting took; both are kept in `folder`."""
    approach = make_approach(rung.approach, rung.settings)
    fingerprint = fingerprint_of(task, rung, approach, model_of(task, rung))
    set_aside_if_other(folder, fingerprint, folder.parent / "previous")
    solver, seconds = fitted(task, rung, approach, folder, run, quiet)
    file = folder / f"marks-{split}.jsonl"
    if split == "test" and not file.is_file():
        name = f"{rung.name} on {len(task.examples('train'))}"
        record_opening(run / "ledger.jsonl", task, name, fingerprint)
    return [row["mark"] for row in _rows(solver, task, task.examples(split), file, quiet)], seconds


def _rows(
    solver: Solver, task: Task, examples: Sequence[Example], file: Path, quiet: bool
) -> list[Any]:
    """One row per item."""
    metric = task.spec.bar.primary.metric

    def mark(chunk: Sequence[Example], tick: Progress) -> list[Any]:
        answered = zip(chunk, solver.predict(chunk, tick), strict=True)
        return [{"id": e.id, "mark": task.score(metric, e, p).value} for e, p in answered]

    return in_chunks(file, examples, CHUNK, mark, f"answering {len(examples):,} items", quiet)
