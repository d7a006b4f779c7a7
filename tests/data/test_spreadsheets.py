import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.data.spreadsheets import inert, restored

FORMULAS = [
    "=1+1",
    "+SUM(A1)",
    "-cmd|'/c calc'!A1",
    "@now",
    "\t=1",
    "\r=1",
    "＝1+1",
    "'=1",
    "-",
    "+",
]


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_are_shown_and_not_computed(cell: str) -> None:
    assert inert(cell) == f"'{cell}"
    assert restored(inert(cell)) == cell


@pytest.mark.parametrize("cell", ["", "a", "a=b", "-5", "+1,234.50", "-1e-9", "12%", "'quoted'"])
def test_others_stay(cell: str) -> None:
    assert inert(cell) == restored(cell) == cell


@given(st.text(alphabet="'=+-@\t1a.", max_size=8))
def test_nothing_is_lost(cell: str) -> None:
    assert restored(inert(cell)) == cell
