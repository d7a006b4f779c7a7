"""Intervals cover what they say, by the simulation of benchmarks/how_sure.py, made smaller."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import how_sure

REPEATS = 1_500
"""Standard error of a coverage of 95 %: 0.6 points."""
NOISE = 0.012

ALONE = [(n, rate) for n in how_sure.SIZES for rate in how_sure.RATES]
LATTICE = (50, 0.9)
"""Counts are whole numbers: here Wilson's interval covers 97 %, on the safe side."""
FEW_MIXED = [(50, 0.9), (50, 0.97), (200, 0.97)]
"""With 11 groups, or 44 of which few hold a wrong answer, it is on the safe side, too."""


@pytest.mark.parametrize(("n", "rate"), [cell for cell in ALONE if cell != LATTICE])
def test_alone(n: int, rate: float):
    assert 0.935 <= how_sure.coverage_alone(n, rate) <= 0.965


def test_alone_on_the_lattice():
    assert 0.965 < how_sure.coverage_alone(*LATTICE) < 0.971


@pytest.mark.parametrize(("n", "rate"), [cell for cell in ALONE if cell not in FEW_MIXED])
def test_in_groups(n: int, rate: float):
    found = how_sure.coverage_grouped(n, rate, 0.3, REPEATS)
    assert 0.935 - NOISE <= found <= 0.965 + NOISE


@pytest.mark.parametrize(("n", "rate"), FEW_MIXED)
def test_in_groups_of_which_few_differ(n: int, rate: float):
    assert 0.935 - NOISE <= how_sure.coverage_grouped(n, rate, 0.3, REPEATS) <= 0.99


def test_groups_that_are_much_alike():
    assert how_sure.coverage_grouped(200, 0.9, 0.7, REPEATS) >= 0.92
    assert how_sure.coverage_grouped(200, 0.97, 0.7, REPEATS) >= 0.935


@pytest.mark.parametrize("rate", [0.5, 0.9])
def test_fractional(rate: float):
    found = how_sure.coverage_fractional(200, rate, REPEATS)
    assert 0.935 - NOISE <= found <= 0.965 + NOISE


def test_fractional_of_which_few_are_low():
    assert how_sure.coverage_fractional(50, 0.97, REPEATS) >= 0.935


@pytest.mark.parametrize("in_groups", [False, True])
def test_differences(in_groups: bool):
    found = how_sure.coverage_of_a_difference(200, (0.88, 0.9), REPEATS // 3, in_groups)
    assert 0.935 - 2 * NOISE <= found <= 0.965 + 2 * NOISE


def test_bootstraps_of_a_skewed_mean():
    found = how_sure.coverage_of_tokens(50, REPEATS // 3)
    assert all(0.89 <= covered <= 0.965 + NOISE for covered in found.values()), found
    assert found["expanded percentile"] >= found["percentile"]
