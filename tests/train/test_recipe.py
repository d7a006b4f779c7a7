"""How often few examples are seen."""

import pytest

from tailorbird.train.recipe import suited_epochs


@pytest.mark.parametrize(
    ("examples", "epochs"), [(0, 20), (10, 20), (40, 20), (100, 12), (200, 6), (400, 3), (5000, 3)]
)
def test_few_examples_are_seen_often_and_many_as_usual(examples: int, epochs: int) -> None:
    assert suited_epochs(examples) == epochs


def test_fewer_examples_are_never_seen_less_often() -> None:
    epochs = [suited_epochs(n) for n in range(1, 2000, 7)]
    assert epochs == sorted(epochs, reverse=True)
