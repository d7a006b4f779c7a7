"""Settings for few examples."""

import pytest

from tailorbird.train.recipe import suited_to


@pytest.mark.parametrize("examples", [1, 10, 40, 100, 200, 400, 5000])
def test_few_examples_are_seen_often_and_many_as_usual(examples: int) -> None:
    suited = suited_to(examples)
    assert 3 <= suited.epochs <= 20
    assert suited.rank in (8, 16)
    if examples >= 400:
        assert (suited.epochs, suited.rank) == (3, 16)


def test_fewer_examples_are_never_seen_less_often() -> None:
    epochs = [suited_to(n).epochs for n in range(1, 2000, 7)]
    assert epochs == sorted(epochs, reverse=True)
