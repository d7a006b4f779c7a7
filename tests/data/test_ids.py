"""Rows that want the same id."""

from collections.abc import Iterable

from tailorbird.data.accounts import FileAccount
from tailorbird.data.ids import Repeats


def given(wanted: Iterable[str]) -> tuple[list[str], int]:
    """The id of each row, and how many were changed."""
    repeats, taken, account = Repeats(), dict[str, None](), FileAccount("rows.jsonl")
    for row, each in enumerate(wanted, 1):
        taken[repeats.unique(each, taken, row, account)] = None
    assert len(taken) == row
    return list(taken), account.changed.total()


def test_the_first_keeps_its_id_and_others_are_numbered():
    assert given("abaab") == (["a", "b", "a#2", "a#3", "b#2"], 3)


def test_a_number_that_is_an_id_itself_is_passed_over():
    assert given(["a", "a#2", "a", "a#2", "a"]) == (["a", "a#2", "a#3", "a#2#2", "a#4"], 3)


def test_one_id_for_all_rows_is_counted_once_through():
    class Asked(dict[str, None]):
        times = 0

        def __contains__(self, key: object) -> bool:
            Asked.times += 1
            return super().__contains__(key)

    taken, repeats, account = Asked(), Repeats(), FileAccount("rows.jsonl")
    for row in range(1000):
        taken[repeats.unique("a", taken, row, account)] = None
    assert list(taken)[-1] == "a#1000"
    assert Asked.times < 5 * 1000
