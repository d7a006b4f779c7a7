"""Each strategy chooses what it says, on pools where that is plain to see."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tailorbird.errors import TaskError
from tailorbird.learn.strategies.base import Opinion, Pool, choose, make_strategy

LABELS = ("a", "b", "c")


def opinion(rows: Sequence[Sequence[float]], rung: str = "linear") -> Opinion:
    table = np.array(rows, dtype=float)
    said = tuple(LABELS[i] for i in table.argmax(axis=1))
    return Opinion(rung, said, LABELS[: table.shape[1]], table, table.max(axis=1))


def pool(points: Sequence[Sequence[float]], **keys: Any) -> Pool:
    """Rows named by their number; `known` and `dev` are points, too."""
    places = {str(i): p for i, p in enumerate(points)}
    for name in ("known", "dev"):
        places |= {f"{name} {i}": p for i, p in enumerate(keys.get(name, ()))}
        keys[name] = tuple(f"{name} {i}" for i in range(len(keys.get(name, ()))))

    def embed(texts: Sequence[str]) -> Any:
        found = np.array([places[t] for t in texts], dtype=np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    return Pool(tuple(str(i) for i in range(len(points))), embed, **keys)


def chosen(name: str, of: Pool, n: int, **settings: Any) -> list[int]:
    return [c.index for c in choose(make_strategy(name, settings), of, n, seed=0)]


ROWS = ((0.9, 0.06, 0.04), (0.5, 0.49, 0.01), (0.4, 0.3, 0.3), (0.6, 0.3, 0.1))
POINTS = ((1, 0), (0, 1), (1, 1), (1, 2))


@pytest.mark.parametrize(
    ("name", "order"), [("margin", [1, 2]), ("entropy", [2, 3]), ("least_confident", [2, 1])]
)
def test_uncertain_rows(name: str, order: list[int]):
    assert chosen(name, pool(POINTS, opinions=(opinion(ROWS),)), 2) == order


def test_the_reason_names_both_labels():
    (one,) = choose(make_strategy("margin", {}), pool(POINTS, opinions=(opinion(ROWS),)), 1, 0)
    assert one.why == "torn between a 50 %, b 49 %"


def test_rows_on_which_rungs_differ():
    other = ((0.9, 0.06, 0.04), (0.5, 0.49, 0.01), (0.4, 0.3, 0.3), (0.1, 0.2, 0.7))
    both = (opinion(ROWS), opinion(other, "encoder"))
    assert chosen("disagreement", pool(POINTS, opinions=both), 1) == [3]


def test_written_answers_differ_by_their_words():
    said = (
        Opinion("rag", ("Within 14 days.", "It costs £12.", "Call us.")),
        Opinion("nearest", ("within 14 days.", "It costs £4.50.", "At nine in the morning.")),
    )
    assert chosen("disagreement", pool(POINTS[:3], opinions=said), 3) == [2, 1, 0]


def test_rows_far_from_what_is_known():
    points = ((1, 0.1), (1, 0.2), (0.1, 1), (-1, 0.1))
    assert chosen("k_center", pool(points, known=((1, 0),)), 2) == [3, 2]


def test_rows_that_stand_for_others():
    many, few = [(1, (i - 3) / 50) for i in range(7)], [(-1, i / 50) for i in range(3)]
    first, second = chosen("facility_location", pool([*many, *few]), 2)
    assert first == 3  # the middle of the many
    assert second in (7, 8, 9)
    assert chosen("facility_location", pool([*many, *few], known=((1, 0),)), 1)[0] >= 7


def test_a_sample_stands_for_a_large_pool():
    points = [(1, i) for i in range(50)]
    assert len(chosen("facility_location", pool(points), 3, limit=10)) == 3
    assert len(chosen("facility_location", pool(points), 20, limit=10)) == 20


def test_uncertain_outliers_are_left_out():
    rows = ((0.5, 0.5), (0.52, 0.48), (0.9, 0.1), (0.9, 0.1))
    points = ((-1, 0.2), (1, 0.1), (1, 0), (1, 0.2))
    assert chosen("margin", pool(points, opinions=(opinion(rows),)), 1) == [0]
    assert chosen("density", pool(points, opinions=(opinion(rows),)), 1) == [1]


def test_rows_like_those_that_dev_got_wrong():
    points = [(1, i / 50) for i in range(5)] + [(i / 50, 1) for i in range(5)]
    dev, wrong = [(1, 0.03)] * 6 + [(0.03, 1)] * 6, (0.0,) * 6 + (1.0,) * 6
    of = pool(points, dev=dev, wrong=wrong)
    (one,) = choose(make_strategy("expected_effect", {"neighbours": 6}), of, 1, seed=0)
    assert one.index >= 5
    assert one.why.startswith(("wrong 87 %", "wrong 88 %"))  # (6 x 1 + 2 x 0.5) / (6 + 2)


def test_uncertain_rows_that_differ():
    rows = [(0.5, 0.5)] * 6 + [(0.5, 0.5)] * 3 + [(1.0, 0.0)] * 6
    points = [(1, 0.01 * i) for i in range(6)] + [(0.01 * i, 1) for i in range(3)] + [(-1, 0)] * 6
    for name in ("badge", "combined"):
        first, second = chosen(name, pool(points, opinions=(opinion(rows),)), 2)
        assert {first < 6, second < 6} == {True, False}, name
        if name == "combined":
            assert max(first, second) < 9  # what is certain teaches nothing


def test_typical_rows_of_clusters_without_labels():
    many, few = [(1, i / 50) for i in range(9)], [(i / 50, 1) for i in range(6)]
    (index,) = chosen("typical", pool([*many, *few], known=((1, 0.06),)), 1, neighbours=2)
    assert index >= 9


def test_written_answers_are_chosen_by_confidence():
    sure = Opinion("rag", ("x",) * 4, confidence=np.array([0.9, 0.2, 0.95, 0.9]))
    of = pool(((0, 1), (1, 0), (0, 1), (0, 1)), opinions=(sure,))
    assert chosen("combined", of, 1) == [1]
    with pytest.raises(TaskError, match="probabilities of labels"):
        chosen("badge", of, 1)


def test_what_is_refused():
    with pytest.raises(TaskError, match='no strategy is called "margins"; did you mean "margin"'):
        make_strategy("margins", {})
    with pytest.raises(TaskError, match='"limit"'):
        make_strategy("combined", {"limit": 0})
    with pytest.raises(TaskError, match="-1 rows"):
        chosen("random", pool(POINTS), -1)
    with pytest.raises(TaskError, match="takes two rungs or more, and the climb has 1"):
        chosen("disagreement", pool(POINTS, opinions=(opinion(ROWS),)), 1)


def test_ties_are_broken_at_random_and_by_the_seed():
    of = pool([(1, 0)] * 30, opinions=(opinion([(0.5, 0.5)] * 30),))
    seeds = [[c.index for c in choose(make_strategy("margin", {}), of, 3, s)] for s in range(4)]
    assert len({tuple(s) for s in seeds}) > 1
    assert seeds[0] != [0, 1, 2]
