from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.split import nested_subset, place, split_examples
from tailorbird.errors import DataError
from tailorbird.task.task import Splits
from tailorbird.task.types import Example, Split

By = Literal["random", "stratum", "group"]
START = datetime(2024, 1, 1, tzinfo=UTC)


def example(n: int, **more: Any) -> Example:
    return Example(f"e{n}", f"input {n}", f"label {n % 3}", **more)


def sides(examples: list[Example], splits: Splits, seed: int = 0) -> dict[str, Split]:
    cut = split_examples(examples, splits, seed)
    found = {e.id: side for side, members in cut.items() for e in members}
    assert len(found) == len(examples)
    return found


POOLS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), min_size=1, max_size=60).map(
    lambda pairs: [
        Example(f"e{n}", "i", label, group=f"g{group}" if group else None)
        for n, (group, label) in enumerate([(1, "a"), *pairs])
    ]
)


@given(
    POOLS, st.integers(0, 60), st.integers(0, 5), st.sampled_from(["random", "stratum", "group"])
)
def test_no_row_changes_sides_as_rows_are_added(
    pool: list[Example], n: int, seed: int, by: By
) -> None:
    splits = Splits(by=by, dev=0.2, test=0.3)
    early = sides(pool[: n + 1], splits, seed)
    late = sides(pool, splits, seed)
    assert early.items() <= late.items()


@given(POOLS, st.randoms(use_true_random=False), st.sampled_from(["random", "group"]))
def test_random_and_group_do_not_care_for_order_or_absent_rows(
    pool: list[Example], random: Any, by: By
) -> None:
    splits = Splits(by=by, dev=0.2, test=0.3)
    whole = sides(pool, splits)
    some = [pool[0], *(e for e in pool[1:] if random.random() < 0.5)]
    random.shuffle(some)
    assert sides(some, splits).items() <= whole.items()


@given(POOLS, st.sampled_from(["random", "stratum", "group"]))
def test_groups_are_never_split(pool: list[Example], by: By) -> None:
    found = sides(pool, Splits(by=by, dev=0.2, test=0.3))
    for group in {e.group for e in pool if e.group}:
        assert len({found[e.id] for e in pool if e.group == group}) == 1


def test_fractions_hold_on_average_and_depend_on_the_seed() -> None:
    pool = [example(n) for n in range(5_000)]
    counts = Counter(sides(pool, Splits(dev=0.1, test=0.2)).values())
    assert counts["test"] == pytest.approx(1_000, abs=120)
    assert counts["dev"] == pytest.approx(500, abs=90)
    assert sides(pool, Splits(), seed=0) != sides(pool, Splits(), seed=1)


def test_the_split_is_the_same_on_every_machine() -> None:
    assert place(0, "split", "example é") == pytest.approx(0.4352025385777779)
    found = sides([example(n) for n in range(12)], Splits())
    assert (
        "".join({"train": ".", "dev": "d", "test": "t"}[s] for s in found.values())
        == ".........dtt"
    )


@given(st.integers(0, 20), st.integers(1, 400), st.floats(0.05, 0.3), st.floats(0.05, 0.5))
def test_fractions_hold_within_every_stratum(seed: int, n: int, dev: float, test: float) -> None:
    splits = Splits(by="stratum", dev=dev, test=test)
    pool = [example(i) for i in range(n)]
    found = sides(pool, splits, seed)
    for label in {e.target for e in pool}:
        members = [found[e.id] for e in pool if e.target == label]
        assert members.count("test") == pytest.approx(test * len(members), abs=4)
        assert members.count("dev") == pytest.approx(dev * len(members), abs=4)


def test_strata_of_ten_all_have_test_rows() -> None:
    pool = [Example(f"e{n}", "i", f"label {n % 150}") for n in range(1_500)]
    found = sides(pool, Splits(by="stratum", test=0.2))
    assert len({e.target for e in pool if found[e.id] == "test"}) == 150


def test_strata_by_field() -> None:
    pool = [example(n, fields={"channel": "ab"[n % 2]}) for n in range(40)]
    found = sides(pool, Splits(by="stratum", stratum="channel", test=0.5))
    test = Counter(e.fields["channel"] for e in pool if found[e.id] == "test")
    assert all(test[c] == pytest.approx(10, abs=1) for c in "ab")
    with pytest.raises(DataError, match='"chanel"; did you mean "channel"'):
        sides(pool, Splits(by="stratum", stratum="chanel"))


def test_by_time_the_latest_are_test() -> None:
    pool = [example(n, time=START + timedelta(days=(n * 37) % 100)) for n in range(100)]
    found = sides(pool, Splits(by="time", dev=0.1, test=0.2))
    days = {side: [] for side in ("train", "dev", "test")}  # type: dict[str, list[int]]
    for e in pool:
        assert e.time is not None
        days[found[e.id]].append((e.time - START).days)
    assert [(min(d), max(d)) for d in days.values()] == [(0, 69), (70, 79), (80, 99)]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_by_time_ties_stay_together_and_order_holds(days: list[int]) -> None:
    pool = [example(n, time=START + timedelta(days=d)) for n, d in enumerate(days)]
    found = sides(pool, Splits(by="time", dev=0.2, test=0.3))
    rank = {"train": 0, "dev": 1, "test": 2}
    for n, day in enumerate(days):
        for m, other in enumerate(days):
            if day <= other:
                assert rank[found[f"e{n}"]] <= rank[found[f"e{m}"]]


def test_what_a_split_needs() -> None:
    with pytest.raises(DataError, match="1 row has no time"):
        sides([example(1, time=START), example(2)], Splits(by="time"))
    with pytest.raises(DataError, match="no row has a group"):
        sides([example(1)], Splits(by="group"))
    with pytest.raises(DataError, match="leave nothing to train on"):
        sides([example(1)], Splits(dev=0.4, test=0.7))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 3))
def test_subsets_are_nested_and_keep_the_order(small: int, large: int, seed: int) -> None:
    small, large = sorted((small, large))
    pool = [example(n) for n in range(40)]
    less, more = nested_subset(pool, small, seed), nested_subset(pool, large, seed)
    assert len(less) == min(small, 40)
    assert {e.id for e in less} <= {e.id for e in more}
    assert list(more) == [e for e in pool if e in more]


def test_a_subset_keeps_earlier_rows_as_far_as_it_can_when_the_pool_grows() -> None:
    pool = [example(n) for n in range(100)]
    early = {e.id for e in nested_subset(pool[:50], 20, 0)}
    late = {e.id for e in nested_subset(pool, 20, 0)}
    assert late & {e.id for e in pool[:50]} <= early
