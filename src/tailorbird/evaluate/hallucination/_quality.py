"""How good a detector is on answers whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tailorbird.evaluate.statistics import LEVEL, RESAMPLES, Estimate, estimate_mean


@dataclass(frozen=True)
class Quality:
    """Of calling answers unsupported."""

    auc: Estimate
    """How often an unsupported answer has less support than a supported one; 0.5 is chance."""
    precision: Estimate | None
    """Of the answers called unsupported, the share that are; None where none is called so."""
    recall: Estimate
    """Of the unsupported answers, the share that is called so."""
    false_alarms: Estimate
    """Of the supported answers, the share that is called unsupported."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        parts = {n: getattr(self, n) for n in ("auc", "precision", "recall", "false_alarms")}
        return {name: part and part.to_json() for name, part in parts.items()}


def quality(
    supports: Sequence[float],
    supported: Sequence[bool],
    groups: Sequence[str | None],
    threshold: float,
    seed: int,
) -> Quality:
    """`supports` against the truth. Raises `ValueError` without both kinds of answers.

    The interval of the area is a bootstrap over groups; the others as in `estimate_mean`.
    """
    called = [float(s < threshold) for s in supports]

    def share(values: Sequence[float], chosen: Sequence[bool]) -> Estimate | None:
        kept = [(v, g) for v, g, take in zip(values, groups, chosen, strict=True) if take]
        return estimate_mean([v for v, _ in kept], [g for _, g in kept], seed)

    wrong = [not s for s in supported]
    recall, false_alarms = share(called, wrong), share(called, supported)
    if recall is None or false_alarms is None:
        raise ValueError("a detector is judged on supported and on unsupported answers")
    precision = share([float(w) for w in wrong], [c == 1 for c in called])
    return Quality(auc(supports, supported, groups, seed), precision, recall, false_alarms)


def auc(
    supports: Sequence[float], supported: Sequence[bool], groups: Sequence[str | None], seed: int
) -> Estimate:
    """Area under the ROC curve of `supports`, with a bootstrap over groups."""
    index: dict[str | int, int] = {}
    unit = np.array(
        [index.setdefault(i if g is None else g, len(index)) for i, g in enumerate(groups)]
    )
    truth, marks = np.asarray(supported, dtype=bool), np.asarray(supports, dtype=np.float64)
    n = len(index)
    # Pairs of a supported answer of one group and an unsupported one of another, ordered right.
    wins = np.zeros((n, n))
    for row in range(n):
        here = marks[truth & (unit == row)]
        higher = (here[:, None] > marks[~truth]) + 0.5 * (here[:, None] == marks[~truth])
        wins[row] = np.bincount(unit[~truth], higher.sum(axis=0), minlength=n)
    good, bad = np.bincount(unit[truth], minlength=n), np.bincount(unit[~truth], minlength=n)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    drawn = drawn[(drawn @ good > 0) & (drawn @ bad > 0)]
    areas = ((drawn @ wins) * drawn).sum(axis=1) / ((drawn @ good) * (drawn @ bad))
    low, high = np.quantile(areas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = float(wins.sum() / (good.sum() * bad.sum()))
    return Estimate(value, float(low), float(high), len(marks), n, "bootstrap over units")
