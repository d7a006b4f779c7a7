"""A verdict claims no more than its level allows, by the simulation of benchmarks/how_sure.py."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import how_sure

from tailorbird.decide.ladder import ALPHA

REPEATS = 200
SLACK = 2 * np.sqrt(ALPHA * (1 - ALPHA) / REPEATS)
"""Two standard errors."""


@pytest.mark.parametrize(("n", "rate"), [(50, 0.5), (200, 0.9)])
def test_equal_rungs(n: int, rate: float):
    found = how_sure.false_alarms(n, rate, 5, 2, REPEATS)
    assert found["any difference"] <= ALPHA + SLACK
    assert found["fine-tune"] <= found["any difference"]


def test_many_equal_rungs_of_which_the_best_is_compared():
    # Corrected for the comparisons made alone, not for all that could have been, it is 12 %.
    assert how_sure.false_alarms(200, 0.5, 10, 3, REPEATS)["any difference"] <= ALPHA + SLACK


def test_equal_rungs_at_the_bar():
    found = how_sure.false_alarms(200, 0.5, 4, 1, REPEATS, at_least=0.5)
    assert found["fine-tune"] <= ALPHA + SLACK


def test_peeking():
    found = how_sure.false_alarms_of_peeking(200, 0.5, 8, REPEATS // 2)
    assert found["guarded"] <= ALPHA + SLACK
    assert found["each as if it were the first"] > 2 * ALPHA


def test_rungs_below_by_the_margin():
    found = how_sure.false_parity(1_000, 0.95, 4, REPEATS // 2)
    assert found["not inferior"] <= ALPHA + SLACK
    assert found["equivalent"] <= ALPHA + SLACK
