"""Whether intervals cover what they say, and whether verdicts claim too much: by simulation.

    python benchmarks/how_sure.py [--repeats N] [--save FILE.json]

Coverage of marks that stand alone is computed, not simulated: every possible number of right
answers is tried, and weighed by its chance. Everything else is drawn. Marks in groups: 1 to 8
items each, whose rates differ (beta-binomial with an intra-class correlation of `likeness`). Marks
of several rungs: correlated over items, as hard items are hard for all, and equally often right.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from base_model.table import Cell, Table
from numpy.typing import NDArray
from scipy import stats

from tailorbird.decide.verdict import Verdict, decide
from tailorbird.evaluate.learning_curve import PowerLaw, fit_curve
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import (
    Estimate,
    bca_interval,
    compare,
    estimate_mean,
    n_needed,
    percentile_interval,
)
from tailorbird.progress import progress
from tailorbird.store import write_json
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec

Marks = NDArray[np.float64]
Groups = list[str | None]

SIZES = (50, 200, 1_000)
RATES = (0.5, 0.9, 0.97)
LAWS = ((3.0, 0.4, 0.05), (2.0, 0.25, 0.1), (5.0, 0.8, 0.2))
SHARED = 0.7
"""Correlation of what makes an item hard for one rung and for another."""


# ---- what is drawn -----------------------------------------------------------------------------


def grouped(
    rng: np.random.Generator, n: int, rate: float, likeness: float
) -> tuple[list[float], Groups]:
    """About `n` 0/1 marks in groups of 1 to 8."""
    strength = 1 / likeness - 1
    sizes = rng.integers(1, 9, round(n / 4.5))
    rates = rng.beta(rate * strength, (1 - rate) * strength, len(sizes))
    marks = rng.random(sizes.sum()) < np.repeat(rates, sizes)
    return marks.astype(float).tolist(), [f"g{i}" for i in np.repeat(range(len(sizes)), sizes)]


def rungs_of(
    rng: np.random.Generator, n: int, rates: Sequence[float], groups: Groups | None = None
) -> Marks:
    """0/1 marks, float[rungs, n]; with groups, items of a group are hard together."""
    hard = rng.standard_normal(n)
    if groups is not None:
        _, member = np.unique(np.array(groups), return_inverse=True)
        hard = np.sqrt(0.5) * hard + np.sqrt(0.5) * rng.standard_normal(n)[member]
    own = rng.standard_normal((len(rates), n))
    ease = SHARED * hard + np.sqrt(1 - SHARED**2) * own
    marks: Marks = (ease < stats.norm.ppf(rates)[:, None]).astype(float)
    return marks


def ladder(marks: Marks, tuned: int, at_least: float, openings: int = 1) -> Verdict:
    """The verdict on rungs with these marks, of which the last `tuned` are tuned."""
    alone = [None] * marks.shape[1]
    names = [f"rung{i}" for i in range(len(marks))]
    approaches = ["linear"] * (len(marks) - tuned) + ["fine_tuned"] * tuned
    results = tuple(
        RungResult(
            name, approach, {}, None, {"label": tuple(row)}, {"label": estimate_mean(row, alone, 0)}
        )
        for name, approach, row in zip(names, approaches, marks.tolist(), strict=True)
    )
    found = Results("drawn", "", tuple(alone), results, openings, len(results))
    return decide(found, spec(tuple(zip(names, approaches)), at_least))


@cache
def spec(rungs: tuple[tuple[str, str], ...], at_least: float) -> TaskSpec:
    content = {
        "name": "drawn",
        "goal": "Nothing.",
        "kind": "label",
        "data": {"train": "none", "test": "none"},
        "bar": {"primary": {"metric": "label", "at_least": at_least}},
        "rungs": [{"approach": approach, "name": name} for name, approach in rungs],
    }
    return parse(TaskSpec, content, "how_sure.py")


# ---- coverage ----------------------------------------------------------------------------------


def coverage_alone(n: int, rate: float) -> float:
    """Of the interval of a mean of independent 0/1 marks; exact."""
    covered = 0.0
    for right in range(n + 1):
        chance = float(stats.binom.pmf(right, n, rate))
        if chance > 1e-9:
            marks = [1.0] * right + [0.0] * (n - right)
            covered += chance * _covers(estimate_mean(marks, [None] * n, 0), rate)
    return covered


def coverage_grouped(n: int, rate: float, likeness: float, repeats: int) -> float:
    """Of the interval of a mean of 0/1 marks in groups."""
    rng = np.random.default_rng(n)
    drawn = (grouped(rng, n, rate, likeness) for _ in range(repeats))
    return float(np.mean([_covers(estimate_mean(*each, 0), rate) for each in drawn]))


def coverage_fractional(n: int, rate: float, repeats: int) -> float:
    """Of the interval of a mean of marks as of token F1: half of them 0 or 1, half between."""
    rng = np.random.default_rng(n)
    covered = 0
    for _ in range(repeats):
        whole, part = rng.random(n) < rate, rng.beta(4 * rate, 4 * (1 - rate), n)
        marks = np.where(rng.random(n) < 0.5, whole, part)
        covered += _covers(estimate_mean(marks.tolist(), [None] * n, 0), rate)
    return covered / repeats


def coverage_of_a_difference(
    n: int, rates: tuple[float, float], repeats: int, in_groups: bool
) -> float:
    """Of the interval of the paired difference of two rungs."""
    rng = np.random.default_rng(n)
    covered = 0
    for _ in range(repeats):
        groups: Groups = [None] * n
        if in_groups:
            _, groups = grouped(rng, n, 0.5, 0.3)
        a, b = rungs_of(rng, len(groups), rates, groups if in_groups else None)
        found = compare(a.tolist(), b.tolist(), groups, 0)
        assert found is not None
        covered += found.low <= rates[1] - rates[0] <= found.high
    return covered / repeats


def coverage_of_tokens(n: int, repeats: int) -> dict[str, float]:
    """Of the mean of log-normal counts (sigma 0.8), by three bootstrap intervals."""
    rng = np.random.default_rng(n)
    truth, alone = float(np.exp(0.8**2 / 2)), [None] * n

    def expanded(values: list[float], seed: int) -> tuple[float, float]:
        found = estimate_mean(values, alone, seed, bounded=False)
        assert found is not None
        return found.low, found.high

    ways: dict[str, Callable[[list[float], int], tuple[float, float]]] = {
        "expanded percentile": expanded,
        "percentile": lambda values, seed: percentile_interval(values, alone, seed),
        "BCa": lambda values, seed: bca_interval(values, alone, seed),
    }
    covered = dict.fromkeys(ways, 0)
    for _ in range(repeats):
        values = rng.lognormal(0, 0.8, n).tolist()
        for name, interval in ways.items():
            low, high = interval(values, 0)
            covered[name] += low <= truth <= high
    return {name: count / repeats for name, count in covered.items()}


def coverage_of_a_curve(n: int, law: tuple[float, float, float], repeats: int) -> float:
    """Of the gain that twice the data bring, by the law through five sizes, up to 1,600."""
    rng, sizes = np.random.default_rng(n), (100, 200, 400, 800, 1_600)

    def right(size: int) -> float:
        return 1 - PowerLaw(*law).error(size)

    truth, covered = right(3_200) - right(1_600), 0
    for _ in range(repeats):
        marks = rungs_of(rng, n, [right(size) for size in sizes]).tolist()
        gain = fit_curve(sizes, marks, [None] * n, 0, margin=0.02).gain
        covered += gain.low <= truth <= gain.high
    return covered / repeats


def _covers(estimate: Estimate | None, truth: float) -> bool:
    assert estimate is not None
    return estimate.low <= truth <= estimate.high


# ---- false claims ------------------------------------------------------------------------------


def false_alarms(
    n: int, rate: float, rungs: int, tuned: int, repeats: int, at_least: float = 1.0
) -> dict[str, float]:
    """How often a verdict on equal rungs claims a difference, and how often it says fine-tune."""
    rng = np.random.default_rng(n)
    verdicts = [ladder(rungs_of(rng, n, [rate] * rungs), tuned, at_least) for _ in range(repeats)]
    return {
        "any difference": float(np.mean([claims(v) for v in verdicts])),
        "fine-tune": float(np.mean([v.fine_tune == "fine-tune" for v in verdicts])),
    }


def claims(verdict: Verdict) -> bool:
    return any(c.outcome in ("better", "worse") for c in verdict.contrasts)


def false_alarms_of_peeking(n: int, rate: float, looks: int, repeats: int) -> dict[str, float]:
    """How often any of several looks, each at another equal tuned rung, claims a difference."""
    rng = np.random.default_rng(n)
    guarded = unguarded = 0
    for _ in range(repeats):
        marks = rungs_of(rng, n, [rate] * (1 + looks))
        tries = [marks[[0, k]] for k in range(1, looks + 1)]
        guarded += any(claims(ladder(t, 1, 1.0, k)) for k, t in enumerate(tries, 1))
        unguarded += any(claims(ladder(t, 1, 1.0)) for t in tries)
    return {"guarded": guarded / repeats, "each as if it were the first": unguarded / repeats}


def false_parity(n: int, rate: float, rungs: int, repeats: int) -> dict[str, float]:
    """How often a rung that is worse by the whole margin (2 points) is called not inferior, and
    how often equivalent."""
    rng = np.random.default_rng(n)
    rates = [rate - 0.02] * (rungs - 1) + [rate]
    parity = same = 0
    for _ in range(repeats):
        verdict = ladder(rungs_of(rng, n, rates), 1, 1.0)
        best = verdict.best == f"rung{rungs - 1}"
        parity += best and verdict.not_inferior is not None
        same += best and any(c.outcome == "equivalent" for c in verdict.contrasts)
    return {"not inferior": parity / repeats, "equivalent": same / repeats}


def power_found(difference: float, discordance: float, repeats: int) -> float:
    """How often `n_needed` items for 80 % show the difference."""
    n = n_needed(difference, discordance, 0.8, 0.05)
    rng = np.random.default_rng(n)
    shares = [(discordance + difference) / 2, (discordance - difference) / 2, 1 - discordance]
    drawn = rng.choice([1.0, -1.0, 0.0], size=(repeats, n), p=shares)
    return float(np.mean([_p_value(row) < 0.05 for row in drawn]))


def _p_value(differences: Marks) -> float:
    a, b = np.maximum(-differences, 0).tolist(), np.maximum(differences, 0).tolist()
    found = compare(a, b, [None] * len(a), 0)
    assert found is not None
    return found.p_value


# ---- the table ---------------------------------------------------------------------------------


def measured(repeats: int) -> Iterator[tuple[Cell, ...]]:
    """What, n, rate, found in per cent."""
    few = max(1, repeats // 4)
    for n in SIZES:
        for rate in RATES:
            yield "95 % interval, alone (exact)", n, rate, coverage_alone(n, rate)
            for likeness in (0.3, 0.7):
                found = coverage_grouped(n, rate, likeness, repeats)
                yield f"95 % interval, groups, likeness {likeness}", n, rate, found
            yield "95 % interval, fractional", n, rate, coverage_fractional(n, rate, repeats)
            pair = (rate - 0.02, rate)
            for where, in_groups in (("alone", False), ("groups", True)):
                drawn = few if in_groups else repeats  # their test is the slow part
                found = coverage_of_a_difference(n, pair, drawn, in_groups)
                yield f"95 % interval of a difference of 0.02, {where}", n, rate, found
            for what, found in false_alarms(n, rate, 5, 2, few).items():
                yield f"false claim, 5 equal rungs: {what}", n, rate, found
        for what, found in coverage_of_tokens(n, few).items():
            yield f"95 % interval of tokens: {what}", n, None, found
    for law in LAWS:
        what = "95 % interval of the gain from twice the data, a={} b={} c={}".format(*law)
        yield what, 200, None, coverage_of_a_curve(200, law, few)
    for what, found in false_alarms(200, 0.5, 10, 3, few).items():
        yield f"false claim, 10 equal rungs: {what}", 200, 0.5, found
    found = false_alarms(200, 0.5, 5, 2, few, at_least=0.5)["fine-tune"]
    yield "false claim, 5 equal rungs at the bar: fine-tune", 200, 0.5, found
    for what, found in false_alarms_of_peeking(200, 0.5, 10, few).items():
        yield f"false claim in any of 10 openings: {what}", 200, 0.5, found
    for what, found in false_parity(1_000, 0.95, 5, few).items():
        yield f"false claim, 4 rungs below by the margin: {what}", 1_000, 0.95, found
    yield (
        "power of n_needed, 80 % asked",
        n_needed(0.1, 0.3, 0.8, 0.05),
        None,
        power_found(0.1, 0.3, repeats),
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2_000)
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rows: list[tuple[Any, ...]] = []
    with progress("simulating", 86) as tick:
        for what, n, rate, found in measured(options.repeats):
            assert isinstance(found, float)
            rows.append((what, n, rate, round(100 * found, 2)))
            tick(1)
    rows.sort(key=lambda row: row[0])
    note = (
        f"{options.repeats:,} draws for an interval; a quarter as many for verdicts, tokens and "
        "differences in groups."
    )
    table = Table(("what", "n", "rate", "found, %"), rows, note)
    print(table.markdown())
    if options.save:
        write_json(options.save, table.to_json())


if __name__ == "__main__":
    main()
