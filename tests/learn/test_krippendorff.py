"""Agreement of annotators, against published figures, scikit-learn and the kappa of judges."""

import math
from random import Random

import pytest

from tailorbird.evaluate.judges import agreement as of_grades
from tailorbird.learn.agreement import alpha, kappa

# Krippendorff's example with missing values, three coders and fifteen units.
CODERS = ("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *",
          "* * 2 1 3 4 4 * 2 1 1 3 3 * 4")  # fmt: skip
UNITS = [[c for c in unit if c != "*"] for unit in zip(*(c.split() for c in CODERS))]


def pairs(n: int, faithful: float, seed: int = 0) -> list[tuple[str, str]]:
    rng = Random(seed)
    first = [rng.choice("xyz") for _ in range(n)]
    return [(a, a if rng.random() < faithful else rng.choice("xyz")) for a in first]


def test_alpha_of_the_published_example():
    found = alpha(UNITS)
    assert found is not None
    assert found.value == pytest.approx(0.691, abs=5e-4)
    assert (found.n, found.units) == (26, 12)  # labels that can be paired, and their units
    assert found.low < found.value < found.high


def test_kappa_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    both = pairs(80, 0.6)
    found = kappa(both)
    assert found is not None
    assert found.value == pytest.approx(metrics.cohen_kappa_score(*zip(*both)))


def test_kappa_of_two_labels_is_that_of_two_grades():
    both = [(a, b) for a, b in pairs(90, 0.6) if "z" not in (a, b)]
    found = kappa(both, seed=3)
    places = [("xy".index(a), "xy".index(b)) for a, b in both]
    other = of_grades.kappa(places, 2, [None] * len(places), seed=3)
    assert found is not None
    assert other is not None
    assert found.value == pytest.approx(other.value)
    assert found.low == pytest.approx(other.low, abs=0.06)


def test_the_interval_covers_the_truth():
    """Two who agree by choice in 60 % of the cases, and by chance in the others: kappa is 0.6."""
    found = [kappa(pairs(60, 0.6, seed), seed) for seed in range(60)]
    covered = sum(f is not None and f.low <= 0.6 <= f.high for f in found)
    assert covered >= 52


def test_perfect_agreement_is_not_certain():
    few, many = alpha([["a", "a"], ["b", "b"]] * 3), alpha([["a", "a"], ["b", "b"]] * 50)
    assert few is not None
    assert many is not None
    assert few.value == many.value == 1
    assert few.low < many.low < 1


def test_one_item_has_no_interval():
    found = alpha([["a", "b"]])
    assert found is not None
    assert (found.value, found.low) == (0, -math.inf)
    assert found.to_json()["low"] is None


def test_what_has_no_value():
    assert alpha([]) is None
    assert alpha([["a"], []]) is None
    assert alpha([["a", "a"]] * 9) is None  # nobody could have disagreed
    assert kappa([]) is None
    assert kappa([("a", "a")] * 9) is None
