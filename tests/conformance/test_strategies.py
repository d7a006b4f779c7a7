"""Every strategy, through its suite."""

import itertools
from dataclasses import dataclass

import pytest

from tailorbird.learn.strategies.base import Choice, Pool
from tailorbird.registry import names
from tailorbird.testing import check_strategy

COUNT = itertools.count()


@pytest.mark.parametrize("strategy", names("learn.strategies"))
def test_strategy_conforms(strategy: str):
    check_strategy(strategy)


@dataclass(frozen=True)
class Broken:
    how: str

    def missing(self, pool: Pool) -> str | None:
        return None

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        good = [Choice(i, 1.0, "because") for i in range(n)]
        return {
            "too few": good[:-1],
            "twice": [good[0]] * n,
            "beyond": [Choice(len(pool) + i, 1.0, "because") for i in range(n)],
            "without a reason": [Choice(i, 1.0, "") for i in range(n)],
            "never the same": [Choice(i, float(next(COUNT)), "because") for i in range(n)],
        }[self.how]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("too few", "rows were wanted"),
        ("twice", "chosen twice"),
        ("beyond", "not rows of the pool"),
        ("without a reason", "without a reason"),
        ("never the same", "the second time"),
    ],
)
def test_the_suite_sees_what_is_broken(how: str, said: str):
    with pytest.raises(AssertionError, match=said):
        check_strategy(Broken(how))
