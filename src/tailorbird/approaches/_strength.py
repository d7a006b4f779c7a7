"""How much of what was learned to keep: strengths of a trained adapter, tried on dev.

A weaker adapter knows the task less well, and has forgotten less. Of the strengths that meet the
bar on dev the one is taken that differs least from the base on general text; where none meets it,
the one that does the task best.
"""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tailorbird.approaches._prompted import Prompted
from tailorbird.progress import progress
from tailorbird.registry import names
from tailorbird.store import append_jsonl, read_json, read_jsonl, write_json
from tailorbird.task.bar import Criterion
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)


@dataclass(frozen=True)
class Tried:
    """One strength on dev."""

    strength: float
    marks: dict[str, float | None]
    """Mean of each metric of the bar that dev can tell."""
    meets: bool
    """Whether all of these are good enough."""
    drift: float
    """KL of the tuned model from the base, nats per token of general text."""
    bits_per_byte: float
    """Of general text."""


def choose_strength(task: Task, solver: Prompted, folder: Path, quiet: bool) -> float:
    """The strength for the adapter of `solver`; the table is kept as `folder`/strength.json.

    Strengths that were tried before a kill are not tried again.
    """
    record = folder / "strength.json"
    if record.is_file():
        return float(read_json(record)["chosen"])
    log = folder / "strengths.jsonl"
    tried = [Tried(**row) for row in read_jsonl(log)]
    with progress("trying strengths", len(STRENGTHS), quiet) as tick:
        tick(len(tried))
        for strength in STRENGTHS[len(tried) :]:
            tried.append(_try(task, solver, strength, folder / "strengths"))
            append_jsonl(log, [asdict(tried[-1])])
            tick(1)
    best = chosen(tried, task.spec.bar.primary)
    write_json(record, {"chosen": best.strength, "tried": [asdict(t) for t in tried]})
    log.unlink()
    return best.strength


def chosen(tried: Sequence[Tried], primary: Criterion) -> Tried:
    """The least drift among those that meet the bar, or else among the best on the primary."""
    enough = [t for t in tried if t.meets]
    if not enough:
        sign = 1 if primary.at_least is not None else -1
        worth = {t.strength: sign * (t.marks[primary.metric] or 0.0) for t in tried}
        enough = [t for t in tried if worth[t.strength] == max(worth.values())]
    return min(enough, key=lambda t: t.drift)


def _try(task: Task, solver: Prompted, strength: float, folder: Path) -> Tried:
    from tailorbird.models.load import load_model
    from tailorbird.models.text import bits_of_each, divergences, general_text, text_rows
    from tailorbird.train.policy import set_strength

    assert solver.adapter is not None
    # A folder of its own: models in memory are known by where their adapter is.
    weakened = folder / f"{strength:g}"
    shutil.copytree(solver.adapter, weakened, dirs_exist_ok=True)
    set_strength(weakened, strength)
    tuned = replace(solver, adapter=weakened)
    marks = _marks(task, tuned.predict(task.examples("dev")))
    lm: Any = tuned.lm()
    base: Any = load_model(solver.model)
    texts = general_text()
    away = divergences(lm, base, text_rows(lm, texts))
    bits = bits_of_each(lm, texts)
    shutil.rmtree(folder)
    criteria = [c for c in task.spec.bar.criteria if c.metric in marks]
    return Tried(
        strength, marks, all(_meets(c, marks[c.metric]) for c in criteria),
        sum(away) / len(away), sum(bits) / len(bits),
    )  # fmt: skip


def _marks(task: Task, predictions: Sequence[Prediction]) -> dict[str, float | None]:
    dev = task.examples("dev")
    scorers = [c.metric for c in task.spec.bar.criteria if c.metric in names("task.scorers")]
    return {metric: _mean(task, metric, dev, predictions) for metric in scorers}


def _mean(
    task: Task, metric: str, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> float | None:
    values = [task.score(metric, e, p).value for e, p in zip(examples, predictions)]
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _meets(criterion: Criterion, value: float | None) -> bool:
    return value is not None and criterion.holds(value)
