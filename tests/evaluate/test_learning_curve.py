import json

import numpy as np
import pytest
from scipy import optimize, stats

from tailorbird.evaluate.learning_curve import PowerLaw, _fit, fit_curve

SIZES = (100, 200, 400, 800, 1600)
ALONE = [None] * 5000


def law(n, a=3.0, b=0.4, c=0.05):
    return a * np.asarray(n, dtype=float) ** -b + c


def drawn(rng, error, n, sizes=SIZES):
    """0/1 marks of the same items at all sizes, hard items hard at each."""
    hard = rng.standard_normal(n)
    marks = []
    for rate in error(np.array(sizes)):
        own = rng.standard_normal(n)
        ease = 0.7 * hard + np.sqrt(0.51) * own
        marks.append((ease > stats.norm.ppf(rate)).astype(float).tolist())
    return marks


def test_the_law_itself_is_found():
    a, b, c = _fit(np.array(SIZES, dtype=float), law(SIZES)[None])
    assert b[0] == pytest.approx(0.4, rel=0.05)
    assert c[0] == pytest.approx(0.05, abs=0.01)
    assert a[0] * (3200 / 1600) ** -b[0] + c[0] == pytest.approx(law(3200), abs=1e-3)


def test_agrees_with_scipy():
    rng = np.random.default_rng(0)
    errors = law(SIZES) + rng.normal(0, 0.01, len(SIZES))
    bounds = ([0, 0.05, 0], [np.inf, 2, 1])
    theirs, _ = optimize.curve_fit(law, SIZES, errors, p0=(3, 0.4, 0.05), bounds=bounds)
    a, b, c = _fit(np.array(SIZES, dtype=float), errors[None])
    ours = PowerLaw(float(a[0] * SIZES[-1] ** b[0]), float(b[0]), float(c[0]))
    assert ours.error(3200) == pytest.approx(float(law(3200, *theirs)), abs=2e-3)


@pytest.mark.parametrize("errors", [[0.3] * 5, [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_no_gain_where_the_error_does_not_fall(errors):
    a, _, c = _fit(np.array(SIZES, dtype=float), np.array([errors]))
    assert a[0] == pytest.approx(0, abs=1e-9)
    assert c[0] == pytest.approx(np.mean(errors))


def test_the_floor_is_not_below_zero():
    a, b, c = _fit(np.array(SIZES, dtype=float), 0.9 - 0.12 * np.arange(5.0)[None])
    assert (a[0] > 0, b[0] > 0, c[0]) == (True, True, 0)


def test_answers():
    rng = np.random.default_rng(1)
    steep = fit_curve(
        SIZES, drawn(rng, lambda n: law(n, 2, 0.25), 1500), ALONE[:1500], 0, margin=0.02
    )
    assert steep.answer == "pays"
    assert steep.size == 3200
    assert steep.gain.low <= law(1600, 2, 0.25) - law(3200, 2, 0.25) <= steep.gain.high
    flat = fit_curve(SIZES, drawn(rng, lambda n: 0 * n + 0.2, 1500), ALONE[:1500], 0, margin=0.02)
    assert flat.answer == "does not pay"
    few = fit_curve(SIZES, drawn(rng, law, 60), ALONE[:60], 0, margin=0.02)
    assert few.answer == "cannot tell"
    assert few.gain.high - few.gain.low > steep.gain.high - steep.gain.low
    json.dumps(few.to_json(), allow_nan=False)


def test_coverage():
    rng = np.random.default_rng(2)
    gain = law(1600) - law(3200)
    mark = covered = 0
    for _ in range(150):
        curve = fit_curve(SIZES, drawn(rng, law, 300), ALONE[:300], 0, margin=0.02)
        covered += curve.gain.low <= gain <= curve.gain.high
        mark += curve.mark.low <= 1 - law(3200) <= curve.mark.high
    assert min(covered, mark) / 150 >= 0.9


def test_groups_widen():
    rng = np.random.default_rng(3)
    marks = [sorted(row) for row in drawn(rng, law, 400)]
    alone = fit_curve(SIZES, marks, ALONE[:400], 0, margin=0.02)
    groups = [f"g{i // 10}" for i in range(400)]
    together = fit_curve(SIZES, marks, groups, 0, margin=0.02)
    assert together.mark.high - together.mark.low > 1.5 * (alone.mark.high - alone.mark.low)


def test_lower_is_better_and_unmarked_items():
    marks = drawn(np.random.default_rng(4), law, 500)
    right = fit_curve(SIZES, marks, ALONE[:500], 0, margin=0.02)
    wrong = [[1 - v for v in row] for row in marks]
    flipped = fit_curve(SIZES, wrong, ALONE[:500], 0, margin=0.02, higher=False)
    assert flipped.gain == right.gain
    assert flipped.mark.value == pytest.approx(1 - right.mark.value)
    marks[0][:100] = [None] * 100
    assert fit_curve(SIZES, marks, ALONE[:500], 0, margin=0.02).estimates[0].unmarked == 100


def test_refuses():
    marks = [[1.0, 0.0]] * 3
    for sizes in ((100, 200), (100, 100, 200), (300, 200, 100)):
        with pytest.raises(ValueError, match="growing sizes"):
            fit_curve(sizes, marks[: len(sizes)], ALONE[:2], 0, margin=0.02)
    with pytest.raises(ValueError, match="nothing could be marked"):
        fit_curve((1, 2, 3), [*marks[:2], [None, None]], ALONE[:2], 0, margin=0.02)
