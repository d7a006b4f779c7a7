"""What becomes of an item: the whole table of the state machine."""

import itertools

import pytest

from tailorbird.learn.states import outcome


@pytest.mark.parametrize(
    ("answers", "wanted", "needed", "state", "label"),
    [
        ([], 1, 1, "open", None),
        (["a"], 1, 1, "agreed", "a"),
        (["a"], 2, 2, "open", None),
        (["a", "a"], 2, 2, "agreed", "a"),
        (["a", "b"], 2, 2, "disputed", None),
        ([None], 1, 1, "unclear", None),
        ([None, None], 2, 2, "unclear", None),
        (["a", None], 2, 2, "disputed", None),
        (["a", "a"], 3, 2, "agreed", "a"),  # the third could change nothing
        (["a", "b"], 3, 2, "open", None),
        (["a", "b"], 3, 3, "disputed", None),  # the third could change nothing either
        (["a", "b", "b"], 3, 2, "agreed", "b"),
        (["a", "b", "c"], 3, 2, "disputed", None),
        (["a", "b"], 1, 1, "disputed", None),  # an opinion that came late
        (["a", "b", "a"], 1, 1, "agreed", "a"),
        (["a", "b", "b", "a"], 4, 2, "disputed", None),
    ],
)
def test_outcome(answers, wanted, needed, state, label):
    for order in itertools.permutations(answers):
        assert outcome(order, wanted, needed) == (state, label)
