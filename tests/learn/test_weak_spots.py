"""Kinds of inputs on which a rung is wrong, found and put into words."""

from collections.abc import Sequence

import numpy as np
import pytest

from tailorbird.learn.strategies.base import Embed
from tailorbird.learn.vectors import embedder
from tailorbird.learn.weak_spots import WeakSpots, telling, weak_spots
from tailorbird.task.types import Example, Prediction

TOPICS = {
    "billing": "please explain the invoice and the amount of order {}",
    "delivery": "where does the courier bring parcel number {} today",
    "opening": "at what time do you open on sunday, customer {}",
}
TEXTS = [text.format(i) for text in TOPICS.values() for i in range(40)]
LABELS = [label for label in TOPICS for _ in range(40)]
EXAMPLES = [Example(str(i), t, label) for i, (t, label) in enumerate(zip(TEXTS, LABELS))]


def found(wrong: Sequence[float | None], pool: Sequence[str] = ()) -> WeakSpots:
    embed: Embed = embedder("tfidf", [TEXTS])
    said = ["delivery" if w else label for w, label in zip(wrong, LABELS)]
    predictions = [Prediction(label, {label: 0.9}, 0.9) for label in said]
    vectors = embed(pool) if pool else None
    return weak_spots("linear", EXAMPLES, predictions, wrong, embed, vectors)


def test_a_kind_of_inputs_that_goes_wrong():
    wrong = [0.0] * 80 + [1.0, 1.0, 0.0, 1.0] * 10
    spots = found(wrong, pool=["do you open on sunday", "open at this time on sunday", "invoice"])
    assert spots.overall is not None
    assert spots.overall.value == 0.25
    worst = spots.spots[0]
    assert {w for phrase in worst.words for w in phrase.split()} & {"sunday", "open", "customer"}
    assert worst.inside.value > 0.5
    assert worst.outside.value < spots.overall.value
    assert worst.p_value < 0.05
    assert worst.confused == (("opening", "delivery", round(worst.inside.value * worst.inside.n)),)
    assert all("sunday" in text for _, text in worst.shown)
    assert "opening taken for delivery" in worst.sentence
    assert "It may be chance" not in worst.sentence
    assert sum(s.in_pool for s in spots.spots) <= 3
    assert spots.to_json()["spots"][0]["sentence"] == worst.sentence


def test_nothing_stands_out():
    assert found([0.0] * 120).spots == ()
    nothing = weak_spots("linear", [], [], [], embedder("tfidf", [TEXTS]))
    assert (nothing.overall, nothing.spots) == (None, ())


def test_few_errors_may_be_chance():
    spots = found([1.0] + [0.0] * 119)
    assert all("It may be chance" in s.sentence for s in spots.spots)


def test_false_alarms_are_rare():
    """Where errors fall anywhere, 5 % of the time some kind of inputs seems weak."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        spots = found([float(x) for x in rng.random(120) < 0.3])
        alarms += any(s.p_value < 0.05 for s in spots.spots)
    assert alarms <= 5


def test_what_could_not_be_marked_does_not_count():
    spots = found([None] * 40 + [0.0] * 40 + [1.0] * 40)
    assert spots.overall is not None
    assert spots.overall.n == 80


@pytest.mark.parametrize(
    ("texts", "inside", "words"),
    [
        (["red apple pie"] * 9 + ["blue sky"] * 9, [True] * 9 + [False] * 9, 1),
        (["", " "], [True, False], 0),
        (["the same"] * 4, [True, True, False, False], 0),
    ],
)
def test_telling_words(texts: list[str], inside: list[bool], words: int):
    chosen = telling(texts, np.array(inside))
    assert len(chosen) >= words
    assert all(set(c.split()) <= {"red", "apple", "pie"} for c in chosen)
    named = [w for c in chosen for w in c.split()]
    assert len(set(named)) == len(named)
