import numpy as np
import pytest

from tailorbird.evaluate.noise_ceiling import annotators_labels, noise_ceiling, repeated_labels
from tailorbird.task.types import Example


def test_agreement_is_that_of_pairs():
    ceiling = noise_ceiling([["a", "a"], ["a", "b"], ["a", "a", "b"], ["a"]])
    assert ceiling is not None
    assert ceiling.agreement.value == pytest.approx((1 + 0 + 1 / 3) / 3)
    assert ceiling.agreement.n == 3


def test_nothing_to_compare():
    assert noise_ceiling([["a"], []]) is None


@pytest.mark.parametrize("chances", [(0.8, 0.2), (0.5, 0.3, 0.2), (0.95, 0.05)])
def test_the_truth_lies_between(chances):
    rng = np.random.default_rng(0)
    labels = [[str(v) for v in rng.choice(len(chances), 2, p=chances)] for _ in range(2000)]
    ceiling = noise_ceiling(labels)
    assert ceiling is not None
    assert ceiling.low <= max(chances) <= ceiling.high
    commonest = np.mean([max(each.count(v) for v in each) / 2 for each in labels])
    assert commonest > max(chances)  # why it is not counted


def test_where_labels_come_from():
    examples = [
        Example("1", "Where is it?", "a", fields={"x": "a", "y": "b"}),
        Example("2", "where  is it?", "b", fields={"x": "a", "y": ""}),
        Example("3", "Who?", "a"),
    ]
    assert repeated_labels(examples) == [["a", "b"]]
    assert annotators_labels(examples, ["x", "y"]) == [["a", "b"]]
