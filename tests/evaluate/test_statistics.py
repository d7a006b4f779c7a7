import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from tailorbird.evaluate.statistics import (
    Comparison,
    Estimate,
    bca_interval,
    benjamini_hochberg,
    bootstrap_test,
    compare,
    design_effect,
    equivalent,
    estimate_mean,
    estimate_quantile,
    holm,
    level_of_opening,
    minimal_detectable_difference,
    n_needed,
    non_inferior,
    percentile_interval,
    permutation_test,
    power_of,
)

ALONE = [None] * 1000
REPEATS = 800


def mean(values, groups=None, **more):
    estimate = estimate_mean(values, groups or ALONE[: len(values)], 0, **more)
    assert estimate is not None
    return estimate


def clustered(rng, units, rate, likeness=0.3):
    """0/1 marks in groups of 1 to 8 whose rates differ (beta-binomial)."""
    strength = 1 / likeness - 1
    sizes = rng.integers(1, 9, units)
    rates = rng.beta(rate * strength, (1 - rate) * strength, units)
    values = [float(v) for s, r in zip(sizes, rates) for v in rng.random(s) < r]
    return values, [f"g{i}" for i, s in enumerate(sizes) for _ in range(s)]


def covered(estimates, truth):
    return np.mean([e.low <= truth <= e.high for e in estimates])


class TestEstimateMean:
    def test_wilson_known_value(self):
        # 81 of 263 (Newcombe 1998, Statist. Med. 17:857, table I): 0.2553 to 0.3662.
        estimate = mean([1.0] * 81 + [0.0] * 182)
        assert estimate.value == pytest.approx(81 / 263)
        assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
        assert (estimate.n, estimate.units, estimate.method) == (263, 263, "Wilson")

    def test_wilson_none_right(self):
        # 0 of 10: z² / (n + z²).
        estimate = mean([0.0] * 10)
        assert estimate.low == 0
        assert estimate.high == pytest.approx(0.2775, abs=5e-5)

    def test_unmarked_are_left_out_and_counted(self):
        estimate = mean([1.0, None, 0.0, None])
        assert (estimate.value, estimate.n, estimate.unmarked) == (0.5, 2, 2)

    def test_nothing_marked(self):
        assert estimate_mean([None, None], ALONE[:2], 0) is None
        assert estimate_mean([], [], 0) is None

    @pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
    def test_equal_marks_have_an_interval_as_wide_as_their_units_allow(self, value):
        groups = [f"g{i % 5}" for i in range(50)]
        estimate = mean([value] * 50, groups)
        assert estimate.units == 5
        assert estimate.high - estimate.low > 0.3

    def test_one_group_knows_little(self):
        assert mean([1.0, 0.0] * 20, ["g"] * 40).units == 1
        assert mean([1.0, 0.0] * 20, ["g"] * 40).high > 0.9
        assert mean([3.0, 4.0], ["g"] * 2, bounded=False).high == math.inf

    def test_groups_widen(self):
        marks = [1.0] * 40 + [0.0] * 40
        apart = mean(marks)
        together = mean(marks, [f"g{i // 8}" for i in range(80)])
        assert together.high - together.low > 1.8 * (apart.high - apart.low)

    def test_refuses_what_is_no_mark(self):
        with pytest.raises(ValueError, match="bounded=False"):
            mean([312.0, 5.0])
        with pytest.raises(ValueError, match="not finite"):
            mean([math.nan])

    def test_same_seed_same_interval(self):
        values = list(np.random.default_rng(1).gamma(2, 50, 40))
        assert mean(values, bounded=False) == mean(values, bounded=False)

    @pytest.mark.parametrize(("n", "rate"), [(40, 0.5), (100, 0.7), (150, 0.9)])
    def test_coverage_alone(self, n, rate):
        rng = np.random.default_rng(n)
        estimates = [mean([float(v) for v in rng.random(n) < rate]) for _ in range(REPEATS)]
        assert 0.93 <= covered(estimates, rate) <= 0.975

    @pytest.mark.parametrize(("units", "rate"), [(8, 0.5), (15, 0.8), (30, 0.5), (60, 0.8)])
    def test_coverage_grouped(self, units, rate):
        rng = np.random.default_rng(units)
        estimates = [mean(*clustered(rng, units, rate)) for _ in range(REPEATS)]
        assert 0.925 <= covered(estimates, rate) <= 0.975

    def test_coverage_of_the_bootstrap(self):
        rng = np.random.default_rng(3)
        estimates = [mean(list(rng.gamma(4, 25, 30)), bounded=False) for _ in range(REPEATS)]
        assert 0.93 <= covered(estimates, 100) <= 0.97


class TestEstimateQuantile:
    def test_known_ranks(self):
        # n = 25, median: P(X <= 7) = 0.0216 for Binomial(25, 1/2), so the 8th and the 18th value.
        estimate = estimate_quantile([float(i) for i in range(1, 26)], 0.5)
        assert estimate is not None
        assert (estimate.value, estimate.low, estimate.high) == (13, 8, 18)

    @pytest.mark.parametrize(("n", "bounded"), [(71, False), (72, True)])
    def test_upper_end_of_p95_needs_72_values(self, n, bounded):
        estimate = estimate_quantile([float(i) for i in range(n)], 0.95)
        assert estimate is not None
        assert math.isfinite(estimate.high) == bounded

    def test_nothing_measured(self):
        assert estimate_quantile([None], 0.5) is None

    def test_coverage(self):
        draws = np.random.default_rng(0).exponential(1, (REPEATS, 120))
        estimates = [estimate_quantile(list(row), 0.95) for row in draws]
        assert 0.94 <= covered(estimates, math.log(20)) <= 0.985


class TestCompare:
    def test_mcnemar_known_value(self):
        # 2 against 9 discordant pairs: 2 * (1 + 11 + 55) / 2**11.
        a = [1.0] * 2 + [0.0] * 9 + [1.0] * 9
        b = [0.0] * 2 + [1.0] * 9 + [1.0] * 9
        c = compare(a, b, ALONE[:20], 0)
        assert c is not None
        assert c.p_value == pytest.approx(2 * 67 / 2048)
        assert (c.wins, c.losses, c.difference) == (9, 2, 0.35)
        assert c.discordance == pytest.approx(11 / 20)

    def test_sign_flips_known_value(self):
        # Four groups, all better: 2 of the 16 sign flips are as large.
        a, b = [0.1, 0.2, 0.3, 0.4], [0.2, 0.5, 0.4, 0.8]
        c = compare(a, b, ["a", "b", "c", "d"], 0)
        assert c is not None
        assert c.p_value == pytest.approx(2 / 16)

    def test_enumeration_agrees_with_mcnemar(self):
        a, b = [0.0] * 8 + [1.0] * 2, [1.0] * 8 + [0.0] * 2
        alone = compare(a, b, ALONE[:10], 0)
        doubled = compare(a * 2, b * 2, [f"g{i}" for i in range(10)] * 2, 0)
        assert alone is not None
        assert doubled is not None
        assert doubled.method == "sign flips over units"
        assert doubled.p_value == pytest.approx(alone.p_value)
        assert doubled.design_effect > 1.9

    def test_swapping_changes_the_sign(self):
        a, b = [0.0, 1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0, 0.0]
        there, back = compare(a, b, ALONE[:5], 0), compare(b, a, ALONE[:5], 0)
        assert there is not None
        assert back is not None
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        assert there.p_value == back.p_value

    def test_equal_answers_are_not_proof_of_equality(self):
        few = compare([1.0] * 10, [1.0] * 10, ALONE[:10], 0)
        many = compare([1.0] * 500, [1.0] * 500, ALONE[:500], 0)
        assert few is not None
        assert many is not None
        assert few.p_value == many.p_value == 1
        assert few.high > 0.1
        assert many.high < 0.01

    def test_pairs_with_an_unmarked_side_are_left_out(self):
        c = compare([1.0, None, 0.0], [1.0, 1.0, None], ALONE[:3], 0)
        assert c is not None
        assert (c.n, c.unmarked) == (1, 2)
        assert compare([None], [1.0], [None], 0) is None

    def test_one_group_cannot_tell(self):
        c = compare([0.0] * 30, [1.0] * 30, ["g"] * 30, 0)
        assert c is not None
        assert (c.low, c.high, c.p_value) == (-1, 1, 1)

    def test_coverage_alone(self):
        rng = np.random.default_rng(5)
        found = []
        for _ in range(REPEATS):
            d = rng.choice([1.0, -1.0, 0.0], size=120, p=[0.2, 0.1, 0.7])
            found.append(compare(np.maximum(-d, 0), np.maximum(d, 0), ALONE[:120], 0))
        assert 0.93 <= covered(found, 0.1) <= 0.97

    @pytest.mark.parametrize("fractional", [False, True])
    def test_type_one_error_and_coverage_grouped(self, fractional):
        rng = np.random.default_rng(6)
        found = []
        for _ in range(REPEATS):
            a, groups = clustered(rng, 12, 0.5, likeness=0.5)
            b, c = rng.permutation(np.unique(groups)), []
            of = dict(zip(np.unique(groups), rng.random(len(b))))
            for g in groups:
                c.append(float(rng.random() < of[g]))
            if fractional:
                a, c = [0.1 + 0.8 * v for v in a], [0.1 + 0.7 * v + 0.05 for v in c]
            found.append(compare(a, c, groups, 0))
        assert np.mean([f.p_value < 0.05 for f in found]) <= 0.065
        assert 0.92 <= covered(found, 0.0) <= 0.975

    def test_type_one_error_by_sampled_flips(self):
        rng = np.random.default_rng(7)
        groups = [f"g{i // 2}" for i in range(60)]
        p_values = []
        for _ in range(300):
            a, b = rng.random(60) < 0.6, rng.random(60) < 0.6
            p_values.append(compare(a.astype(float), b.astype(float), groups, 0).p_value)
        assert np.mean(np.array(p_values) < 0.05) <= 0.08
        assert min(p_values) >= 1 / 10_001


class TestBootstrapIntervals:
    @pytest.mark.parametrize(
        ("ours", "method"), [(bca_interval, "BCa"), (percentile_interval, "percentile")]
    )
    def test_agrees_with_scipy(self, ours, method):
        values = np.random.default_rng(2).lognormal(0, 1, 60)
        found = ours(list(values), ALONE[:60], 0, resamples=20_000)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method=method, vectorized=True, rng=1
        ).confidence_interval
        assert found == pytest.approx((theirs.low, theirs.high), rel=0.02)

    def test_bca_leans_to_the_long_tail(self):
        values = list(np.random.default_rng(2).lognormal(0, 1, 60))
        bca, plain = (f(values, ALONE[:60], 0) for f in (bca_interval, percentile_interval))
        assert bca[0] > plain[0]
        assert bca[1] > plain[1]

    def test_whole_groups_are_drawn(self):
        marks, groups = [1.0] * 40 + [0.0] * 40, [f"g{i // 8}" for i in range(80)]
        for interval in (bca_interval, percentile_interval):
            low, high = interval(marks, groups, 0)
            alone = interval(marks, ALONE[:80], 0)
            assert high - low > 1.8 * (alone[1] - alone[0])

    def test_level(self):
        values = list(np.random.default_rng(2).normal(0, 1, 60))
        wide, narrow = (bca_interval(values, ALONE[:60], 0, level) for level in (0.99, 0.8))
        assert wide[0] < narrow[0] < narrow[1] < wide[1]

    def test_units_that_are_all_alike(self):
        assert bca_interval([1.0] * 9, ALONE[:9], 0) == (1, 1)

    @pytest.mark.parametrize("values", [[1.0], [None, None], []])
    def test_too_few_units(self, values):
        with pytest.raises(ValueError, match="two marked units"):
            bca_interval(values, ALONE[: len(values)], 0)


class TestPairedTests:
    def test_permutation_agrees_with_scipy(self):
        rng = np.random.default_rng(3)
        a, b = rng.random(11), rng.random(11) + 0.2
        theirs = stats.permutation_test(
            (b, a), lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples", n_resamples=np.inf, vectorized=True,
        )  # fmt: skip
        assert permutation_test(a, b, ALONE[:11], 0) == pytest.approx(theirs.pvalue)

    def test_bootstrap_agrees_with_the_permutation_test(self):
        rng = np.random.default_rng(4)
        a = rng.random(80)
        b = a + rng.normal(0.05, 0.2, 80)
        tests = [
            test(list(a), list(b), ALONE[:80], 0) for test in (bootstrap_test, permutation_test)
        ]
        assert tests[0] == pytest.approx(tests[1], abs=0.015)
        assert 0.001 < tests[1] < 0.5

    def test_bootstrap_false_alarms(self):
        rng = np.random.default_rng(5)
        p = [
            bootstrap_test(list(rng.random(30)), list(rng.random(30)), ALONE[:30], 0)
            for _ in range(200)
        ]
        assert np.mean(np.array(p) < 0.05) <= 0.05 + 0.031

    def test_nothing_marked_and_one_unit(self):
        assert permutation_test([None], [1.0], [None], 0) is None
        assert bootstrap_test([None], [1.0], [None], 0) is None
        assert bootstrap_test([0.0, 0.0], [1.0, 1.0], ["g", "g"], 0) == 1

    def test_equal_marks_differ_by_nothing(self):
        assert bootstrap_test([1.0, 0.0] * 9, [1.0, 0.0] * 9, ALONE[:18], 0) == 1


def between(low, high):
    return Comparison(
        (low + high) / 2, low, high, 1.0, n=9, units=9, unmarked=0, wins=0, losses=0,
        discordance=0.1, design_effect=1.0, method="by hand",
    )  # fmt: skip


class TestMargins:
    def test_non_inferior(self):
        assert non_inferior(between(-0.019, 0.1), 0.02)
        assert not non_inferior(between(-0.021, 0.1), 0.02)
        assert non_inferior(between(-0.1, 0.019), 0.02, higher=False)
        assert not non_inferior(between(-0.1, 0.021), 0.02, higher=False)

    def test_equivalent(self):
        assert equivalent(between(-0.019, 0.019), 0.02)
        assert not equivalent(between(-0.021, 0.019), 0.02)
        assert not equivalent(between(-0.019, 0.021), 0.02)

    def test_a_higher_level_is_a_wider_interval(self):
        a, b = [0.0, 1.0, 1.0, 0.0] * 20, [1.0, 1.0, 0.0, 0.0] * 20
        usual, strict = (compare(a, b, ALONE[:80], 0, level) for level in (0.95, 0.99))
        assert usual is not None
        assert strict is not None
        assert strict.low < usual.low < usual.high < strict.high
        assert (strict.level, strict.p_value) == (0.99, usual.p_value)
        assert Comparison.from_json(strict.to_json()) == strict


def test_design_effect():
    marks = [1.0, 1.0, 0.0, 0.0] * 10
    assert design_effect(marks, ALONE[:40]) == 1
    assert design_effect(marks, [f"g{i // 2}" for i in range(40)]) == pytest.approx(2, rel=0.03)
    assert design_effect([1.0, 0.0] * 20, [f"g{i // 2}" for i in range(40)]) == 1


class TestHolm:
    def test_known_example(self):
        # In R: p.adjust(c(.01, .04, .03, .005), "holm").
        assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])

    def test_edges(self):
        assert holm([]) == []
        assert holm([0.2]) == [0.2]
        assert holm([0.6, 0.7]) == [1, 1]

    def test_family_that_could_have_been_reported(self):
        assert holm([0.01, 0.002], family=10) == pytest.approx([0.09, 0.02])
        with pytest.raises(ValueError, match="family of 1"):
            holm([0.1, 0.2], family=1)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.2], [0.5, 0.5, 0.001], []])
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    theirs = stats.false_discovery_control(p_values, method="bh") if p_values else []
    assert benjamini_hochberg(p_values) == pytest.approx(list(theirs))


class TestOpenings:
    def test_all_openings_together_spend_the_whole(self):
        levels = [level_of_opening(k, 0.05) for k in range(1, 20_000)]
        assert levels[0] == pytest.approx(0.04)
        assert all(a > b for a, b in pairwise(levels))
        assert sum(levels) == pytest.approx(0.05, abs=1e-6)
        assert sum(levels) < 0.05

    def test_counted_from_one(self):
        with pytest.raises(ValueError, match="from 1"):
            level_of_opening(0, 0.05)


class TestPower:
    def test_n_needed_known_value(self):
        # By hand: ((1.95996 sqrt(.3) + 0.84162 sqrt(.3 - .01)) / .1)² = 233.09, rounded up
        assert n_needed(0.1, 0.3, 0.8, 0.05) == 234
        assert n_needed(-0.1, 0.3, 0.8, 0.05) == 234

    def test_no_difference_cannot_be_shown(self):
        with pytest.raises(ValueError, match="difference of 0"):
            n_needed(0, 0.3, 0.8, 0.05)

    def test_detectable_difference_inverts_n_needed(self):
        shown = minimal_detectable_difference(233, 0.5, discordance=0.3)
        assert shown == pytest.approx(0.1, abs=1e-3)

    def test_more_items_show_less(self):
        shown = [minimal_detectable_difference(n, 0.7) for n in (2, 20, 200, 2000, 20000)]
        assert shown[0] == 1
        assert all(a > b for a, b in pairwise(shown))

    @pytest.mark.parametrize(("difference", "discordance"), [(0.1, 0.3), (-0.02, 0.5), (0.2, 0.25)])
    def test_power_inverts_n_needed(self, difference, discordance):
        n = n_needed(difference, discordance, 0.8, 0.05)
        assert power_of(n, difference, discordance, 0.05) == pytest.approx(0.8, abs=0.02)

    def test_power_at_the_ends(self):
        assert power_of(100, 0, 0.3, 0.05) == pytest.approx(0.025)
        assert power_of(100_000, 0.1, 0.3, 0.05) == pytest.approx(1)
        assert (power_of(3, 1, 1, 0.05), power_of(4, 1, 1, 0.05)) == (0, 1)

    def test_power_is_what_it_says(self):
        rng = np.random.default_rng(0)
        n = n_needed(0.15, 0.35, 0.8, 0.05)
        d = rng.choice([1.0, -1.0, 0.0], size=(400, n), p=[0.25, 0.1, 0.65])
        found = [compare(np.maximum(-r, 0), np.maximum(r, 0), [None] * n, 0) for r in d]
        assert 0.74 <= np.mean([f.p_value < 0.05 for f in found]) <= 0.86


def test_json_round_trip():
    for high in (0.8, math.inf):
        estimate = Estimate(0.7, 0.6, high, n=10, units=5, method="Wilson", unmarked=1)
        written = estimate.to_json()
        assert written["high"] == (0.8 if high == 0.8 else None)
        assert Estimate.from_json(written) == estimate
