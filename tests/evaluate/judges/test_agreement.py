"""Kappa against scikit-learn, coverage of corrected intervals, and leanings that are there."""

import json
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tailorbird.evaluate.judges.agreement import Agreement, agreement, kappa, lean
from tailorbird.evaluate.judges.correction import prediction_powered, rogan_gladen
from tailorbird.evaluate.statistics import Estimate, estimate_mean


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [2, 3, 5])
def test_kappa_equals_scikit_learn(seed: int, count: int):
    rng = np.random.default_rng(seed)
    people = rng.integers(0, count, 80)
    judge = np.where(rng.random(80) < 0.6, people, rng.integers(0, count, 80))
    found = kappa(list(zip(people.tolist(), judge.tolist())), count, [None] * 80, 0)
    weights = None if count == 2 else "quadratic"
    assert found is not None
    assert found.value == pytest.approx(cohen_kappa_score(people, judge, weights=weights))
    assert found.low < found.value < found.high


def test_what_was_not_read_is_counted():
    people, judge = [1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, None]
    found = agreement(people, judge, 2, [None] * 6, 0)
    assert found.not_read == 1
    assert found.agree.value == pytest.approx(4 / 6)
    assert found.confusion == ((2, 0), (1, 2))
    assert found.sensitivity is not None
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert found.specificity is not None
    assert found.specificity.value == 1
    assert found.effective == (3, 2)
    assert found.bias is not None
    assert found.bias.value == pytest.approx(-1 / 5)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert Agreement.from_json(written) == found


def test_one_grade_alone_has_no_kappa():
    found = agreement([1] * 5, [1] * 5, 2, [None] * 5, 0)
    assert found.kappa is None
    assert found.specificity is None
    assert found.agree.value == 1


def test_nothing_read_at_all():
    found = agreement([1, 0, 1], [None] * 3, 2, [None] * 3, 0)
    assert (found.kappa, found.sensitivity, found.bias) == (None, None, None)
    assert found.agree.value == 0


def test_repeated_rows_of_a_group_are_one_observation():
    rng = np.random.default_rng(0)
    people = rng.integers(0, 2, 30).tolist()
    judge = [p if rng.random() < 0.8 else 1 - p for p in people]
    pairs = list(zip(people, judge))
    once = kappa(pairs, 2, [None] * 30, 0)
    copied = kappa(pairs * 4, 2, [f"g{i}" for i in range(30)] * 4, 0)
    fooled = kappa(pairs * 4, 2, [None] * 120, 0)
    assert once
    assert copied
    assert fooled
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.05)
    assert fooled.high - fooled.low < 0.7 * (once.high - once.low)


# ---- correction ------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_corrected_interval_covers(share: float):
    """400 times: 80 labelled answers, half good, and 200 judged ones; a 95 % interval."""
    rng, hits, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        good, sensitivity, specificity, n = int(rng.binomial(80, 0.5)), 0.9, 0.75, 200
        se = rng.binomial(good, sensitivity) / good
        sp = rng.binomial(80 - good, specificity) / (80 - good)
        seen = rng.binomial(n, share * sensitivity + (1 - share) * (1 - specificity))
        apparent = estimate_mean([1.0] * seen + [0.0] * (n - seen), [None] * n, 0)
        assert apparent is not None
        found = rogan_gladen(apparent, n, se, sp, (good, 80 - good))
        assert found.low <= found.value <= found.high
        hits += found.low <= share <= found.high
        naive += apparent.low <= share <= apparent.high
    assert hits >= 372
    assert naive < 350  # without the correction the interval lies


def test_a_coin_tells_nothing():
    apparent = Estimate(0.5, 0.4, 0.6, 100, 100, "Wilson")
    found = rogan_gladen(apparent, 100, 0.5, 0.5, (50, 50))
    assert (found.low, found.high) == (0, 1)


def test_a_perfect_judge_with_many_labels_changes_little():
    apparent = Estimate(0.7, 0.65, 0.74, 400, 400, "Wilson")
    found = rogan_gladen(apparent, 400, 1.0, 1.0, (5000, 5000))
    assert found.value == pytest.approx(0.7, abs=0.01)
    assert found.high - found.low == pytest.approx(0.09, abs=0.02)


def test_the_mean_grade_less_the_bias_covers():
    """300 times: 60 labelled answers and 200 judged ones, in five grades; the judge is mild."""
    rng, hits = np.random.default_rng(0), 0

    def draw(n: int) -> tuple[list[float], list[float]]:
        people = rng.binomial(4, 0.5, n) / 4
        judge = np.clip(people + rng.choice([0, 0.25, 0.5], n), 0, 1)
        return people.tolist(), judge.tolist()

    for _ in range(300):
        people, judge = draw(60)
        bias = estimate_mean([j - p for j, p in zip(judge, people)], [None] * 60, 0, bounded=False)
        apparent = estimate_mean(draw(200)[1], [None] * 200, 0)
        assert bias
        assert apparent
        found = prediction_powered(apparent, bias)
        hits += found.low <= 0.5 <= found.high
        assert not apparent.low <= 0.5 <= apparent.high
    assert hits >= 276


def test_an_unbounded_bias_leaves_the_mean_open():
    apparent = Estimate(0.5, 0.4, 0.6, 100, 100, "Wilson")
    found = prediction_powered(apparent, Estimate(0, -math.inf, math.inf, 1, 1, "one unit"))
    assert (found.low, found.high) == (0, 1)


# ---- leaning ---------------------------------------------------------------------------------


def test_leaning_is_the_difference_of_mean_errors():
    rng = np.random.default_rng(0)
    flags = [i % 2 == 0 for i in range(200)]
    errors = [float(rng.normal(0.3 * f, 0.2)) for f in flags]
    found = lean([*errors, None], [*flags, True], [None] * 201, 0)
    assert found is not None
    on = [e for e, f in zip(errors, flags) if f]
    off = [e for e, f in zip(errors, flags) if not f]
    assert found.value == pytest.approx(np.mean(on) - np.mean(off))
    assert 0.2 < found.low < found.value < found.high < 0.4
    assert found.n == 200


def test_no_leaning_where_one_kind_is_missing():
    assert lean([0.1, 0.2], [True, True], [None, None], 0) is None
    assert lean([None, 0.2], [True, False], [None, None], 0) is None
