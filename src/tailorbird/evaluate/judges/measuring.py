"""A judge on answers that people judged: agreement, and probes of what it favours."""

from collections.abc import Sequence
from typing import Any

from tailorbird.evaluate.judges.agreement import agreement, lean
from tailorbird.evaluate.judges.labelled import Labelled
from tailorbird.evaluate.judges.pairwise import PREFERENCES, Pairwise
from tailorbird.evaluate.judges.record import JudgeRecord
from tailorbird.evaluate.judges.rubric import Rubric
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.models.base import LM, Progress

Probes = dict[str, Estimate | None]


def measure(
    lm: LM,
    model: str,
    judge: Rubric | Pairwise,
    rows: Sequence[Labelled],
    labelled: dict[str, Any],
    seed: int = 0,
    progress: Progress | None = None,
) -> JudgeRecord:
    """Ask `judge` about every row, and hold what it says against people.

    `model` is its name, as rows name their authors; `labelled` says where the rows come from.
    """
    people, groups = [r.grade for r in rows], [r.group for r in rows]
    if isinstance(judge, Rubric):
        grades, probes = _rubric(lm, model, judge, rows, seed, progress)
        known = judge.grades
    else:
        grades, probes = _pairwise(lm, model, judge, rows, seed, progress)
        known = PREFERENCES
    return JudgeRecord(
        kind="rubric" if isinstance(judge, Rubric) else "pairwise",
        model=model,
        identity=lm.identity,
        text=judge.text,
        grades=known,
        max_tokens=judge.max_tokens,
        shows=_shows(rows),
        agreement=agreement(people, grades, len(known), groups, seed),
        probes=probes,
        labelled=labelled,
    )


def _shows(rows: Sequence[Labelled]) -> tuple[str, ...]:
    held = {"reference": any(r.item.reference for r in rows)}
    held["sources"] = any(r.item.sources for r in rows)
    return tuple(name for name, given in held.items() if given)


def _rubric(
    lm: LM,
    model: str,
    judge: Rubric,
    rows: Sequence[Labelled],
    seed: int,
    progress: Progress | None,
) -> tuple[list[int | None], Probes]:
    said = judge.grade(lm, [(r.item, r.answers[0]) for r in rows], progress)
    grades, groups = [c.index for c in said], [r.group for r in rows]
    top = len(judge.grades) - 1
    errors = [None if g is None else (g - r.grade) / top for g, r in zip(grades, rows)]
    lengths = sorted(len(r.answers[0]) for r in rows)
    long = [len(r.answers[0]) > lengths[(len(rows) - 1) // 2] for r in rows]
    own = [r.authors[:1] == (model,) for r in rows]
    named = [e if r.authors else None for e, r in zip(errors, rows)]
    return grades, {
        "length": lean(errors, long, groups, seed),
        "self-preference": lean(named, own, groups, seed),
    }


def _pairwise(
    lm: LM,
    model: str,
    judge: Pairwise,
    rows: Sequence[Labelled],
    seed: int,
    progress: Progress | None,
) -> tuple[list[int | None], Probes]:
    said = judge.prefer(lm, [(r.item, r.answers[0], r.answers[1]) for r in rows], progress)
    groups = [r.group for r in rows]
    errors = [None if p.value is None else p.value - r.grade / 2 for p, r in zip(said, rows)]
    longer = [_sign(len(r.answers[0]) - len(r.answers[1])) for r in rows]
    own = [(r.authors[0] == model) - (r.authors[1] == model) if r.authors else 0 for r in rows]
    changed = [None if p.consistent is None else float(not p.consistent) for p in said]
    return [None if p.value is None else round(2 * p.value) for p in said], {
        "order changes the verdict": estimate_mean(changed, groups, seed),
        "first shown wins": estimate_mean([p.position for p in said], groups, seed),
        "length": _towards(errors, longer, groups, seed),
        "self-preference": _towards(errors, own, groups, seed),
    }


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _towards(
    errors: Sequence[float | None],
    side: Sequence[int],
    groups: Sequence[str | None],
    seed: int,
) -> Estimate | None:
    """How much more often than people the judge prefers the answer on `side`.

    `side`: 1 the first answer, -1 the second, 0 neither: left out.
    """
    kept = [(e * s, g) for e, s, g in zip(errors, side, groups) if e is not None and s]
    return estimate_mean([e for e, _ in kept], [g for _, g in kept], seed, bounded=False)
