import pytest

from tailorbird.data.accounts import FileAccount
from tailorbird.errors import DataError


def test_counts_add_up_and_are_told_in_words() -> None:
    account = FileAccount("a.jsonl")
    account.keep()
    account.keep()
    account.change("trimmed", 2)
    account.drop("not valid JSON", 3)
    account.withdraw("beyond train_limit", 1)
    account.verify()
    assert account.lines() == [
        "a.jsonl: 3 rows read, 1 kept, 2 dropped",
        "  changed 1: trimmed (first at row 2)",
        "  dropped 1: not valid JSON (first at row 3)",
        "  dropped 1: beyond train_limit (first at row 1)",
    ]


def test_what_is_strange_is_noted_and_things_may_have_names() -> None:
    account = FileAccount("handbook", unit="document")
    account.keep()
    account.note("invisible characters", "leave.pdf#page=2")
    account.verify()
    assert account.lines() == [
        "handbook: 1 document read, 1 kept, 0 dropped",
        "  noted 1: invisible characters (first at leave.pdf#page=2)",
    ]


def test_a_row_without_a_fate_is_an_error() -> None:
    with pytest.raises(DataError, match="2 rows read, but 1 kept and 0 dropped"):
        FileAccount("a.jsonl", read=2, kept=1).verify()


def test_names_that_nothing_can_print_are_spelled_out() -> None:
    (line,) = FileAccount("\udcff\u202e.md").lines()
    assert line == r"\udcff\u202e.md: 0 rows read, 0 kept, 0 dropped"
