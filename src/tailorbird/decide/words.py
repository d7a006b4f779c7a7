"""Numbers in plain words: percent, points, seconds, money, p-values."""

import math

from tailorbird.evaluate.statistics import Estimate
from tailorbird.task.bar import MEASURES, Criterion

_RIGHT = {"label", "exact"}
"""Metrics whose mean is the share of right answers."""


def amount(metric: str, value: float, currency: str, decimals: int = 0) -> str:
    """`71 %`, `1.2 s`, `312 tokens`, `0.42 EUR per 1,000 answers`, `12 minutes`."""
    if metric not in MEASURES:
        number = _percent(value, decimals)
    elif metric.startswith("latency"):
        number = f"{value:.{decimals + 2}g}"
    else:
        number = f"{value:,.{decimals + 2 * metric.startswith('cost')}f}"
    return number + _unit(metric, currency)


def _unit(metric: str, currency: str) -> str:
    if metric not in MEASURES:
        return " %"
    if metric == "cost_per_1000":
        return f" {currency} per 1,000 answers"
    if metric == "cost_per_correct":
        return f" {currency} per right answer"
    if metric == "training_minutes":
        return " minutes"
    return " s" if metric.startswith("latency") else " tokens"


def _percent(value: float, decimals: int = 0) -> str:
    """Whole percents, unless that would make nearly all into all or nearly none into none."""
    if not decimals and (0 < value < 0.01 or 0.99 < value < 1):
        decimals = 1
    return f"{100 * value:.{decimals}f}"


def interval(metric: str, estimate: Estimate, decimals: int = 0) -> str:
    """` [63, 78]`, in the unit of `amount`; nothing for a number without uncertainty."""
    if estimate.low == estimate.high:
        return ""
    ends = [_end(metric, value, decimals) for value in (estimate.low, estimate.high)]
    return f" [{ends[0]}, {ends[1]}]"


def _end(metric: str, value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return "unknown"
    return f"{value:.3g}" if metric in MEASURES else _percent(value, decimals)


def reaches(metric: str, estimate: Estimate, currency: str) -> str:
    """`answers 71 % right [63, 78]`, `scores 71 % on overlap [63, 78]`, `takes 1.2 s ...`."""
    value, ends = amount(metric, estimate.value, currency), interval(metric, estimate)
    if metric in _RIGHT:
        return f"answers {value} right{ends}"
    if metric in MEASURES:
        return f"has a {metric} of {value}{ends}"
    return f"scores {value} on {metric}{ends}"


def asked(criterion: Criterion, currency: str) -> str:
    """`at least 60 %`, `at most 2 s`; thresholds are never rounded."""
    side = "at least" if criterion.at_least is not None else "at most"
    scale = 1 if criterion.metric in MEASURES else 100
    return f"{side} {scale * criterion.threshold:,.6g}{_unit(criterion.metric, currency)}"


def falls_short(criterion: Criterion, estimate: Estimate, currency: str) -> str:
    """`57 % [50, 64] where at least 60 % is asked`, with the decimals it takes to show the gap."""
    metric = criterion.metric
    scale = 1 if metric in MEASURES else 100
    for decimals in range(4):
        shown = amount(metric, estimate.value, currency, decimals)
        if not criterion.holds(float(shown.split()[0].replace(",", "")) / scale):
            break
    return f"{shown}{interval(metric, estimate)} where {asked(criterion, currency)} is asked"


def points(difference: float, low: float, high: float) -> str:
    """`+31 points [22, 40]`; one decimal below ten points."""
    decimals = 0 if abs(difference) >= 0.095 else 1
    ends = f"[{100 * low:.{decimals}f}, {100 * high:.{decimals}f}]"
    return f"{100 * difference:+.{decimals}f} points {ends}"


def p_value(p: float) -> str:
    """`p < 0.001`, `p = 0.034`, `p = 0.31`."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
