"""Areas, rates and corruptions, against scikit-learn and against what they claim."""

import random

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from tailorbird.evaluate.hallucination._corruptions import KINDS, Material, corrupt, names_of
from tailorbird.evaluate.hallucination._quality import auc, quality
from tailorbird.task.facts import facts_in, proper_names, states


@pytest.mark.parametrize("seed", range(5))
def test_quality_equals_scikit_learn(seed: int):
    rng = np.random.default_rng(seed)
    truth = rng.random(60) < 0.6
    marks = np.round(rng.random(60) * 0.6 + truth * 0.3, 1)
    groups = [f"g{i // 3}" for i in range(60)]
    found = quality(marks.tolist(), truth.tolist(), groups, 0.55, 0)
    called = marks < 0.55
    assert found.auc.value == pytest.approx(roc_auc_score(truth, marks))
    assert found.recall.value == pytest.approx(recall_score(~truth, called))
    assert found.precision is not None
    assert found.precision.value == pytest.approx(precision_score(~truth, called))
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.auc.units == 20


def test_the_interval_of_the_area_covers():
    rng, hits = np.random.default_rng(1), 0
    true = 0.7602  # P(N(1, 1) > N(0, 1))
    for _ in range(80):
        truth = [i % 2 == 0 for i in range(80)]
        found = auc(
            [float(rng.normal(t)) for t in truth], truth, [f"g{i // 2}" for i in range(80)], 0
        )
        hits += found.low <= true <= found.high
    assert hits >= 71


def test_one_kind_alone_cannot_be_judged():
    with pytest.raises(ValueError, match="supported and on unsupported"):
        quality([0.1, 0.2], [True, True], [None, None], 0.5, 0)


SOURCE = (
    "On 3 March 1998 the Tyne Bridge trust paid 1,250 euros to Nadia Holm for more than 12 days."
)
SENTENCE = "In March 1998 the trust was glad to pay Nadia Holm more than 1,250 euros."
MATERIAL = Material((SOURCE,), ["Bo Lund", "Hull", "Ada Berg"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_corruption_changes_one_thing(kind: str):
    made = corrupt(kind, SENTENCE, MATERIAL, random.Random(0))
    assert made is not None
    assert made != SENTENCE
    before, after = SENTENCE.split(), made.split()
    assert abs(len(before) - len(after)) <= 1
    assert len(set(after) - set(before)) <= 2
    assert corrupt(kind, SENTENCE, MATERIAL, random.Random(0)) == made


@pytest.mark.parametrize("kind", ["number", "date", "name"])
def test_what_is_put_in_does_not_stand_in_the_sources(kind: str):
    for seed in range(20):
        made = corrupt(kind, SENTENCE, MATERIAL, random.Random(seed))
        assert made is not None
        new = {*facts_in(made), *proper_names(made)} - {
            *facts_in(SENTENCE),
            *proper_names(SENTENCE),
        }
        assert any(not states(SOURCE, f) for f in new), made


def test_what_is_misplaced_stands_in_the_sources():
    made = {corrupt("misplaced", SENTENCE, MATERIAL, random.Random(s)) for s in range(20)}
    changed = {w.strip(".,") for m in made if m for w in set(m.split()) - set(SENTENCE.split())}
    assert changed
    assert all(states(SOURCE, w) for w in changed)


def test_negation_goes_both_ways():
    def negate(text: str) -> str | None:
        return corrupt("negation", text, MATERIAL, random.Random(0))

    assert negate("It is open.") == "It is not open."
    assert negate("It is not open.") == "It is open."
    assert negate("Opens at noon.") is None


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_change(kind: str):
    assert corrupt(kind, "Hello there", MATERIAL, random.Random(0)) is None


def test_names_of_a_text():
    assert names_of("Yesterday Nadia Holm met the Tyne Bridge trust. Later she left.") == (
        "Nadia Holm",
        "Tyne Bridge",
    )
