"""Metrics of all answers together: their intervals, and comparisons of two rungs."""

from functools import cache

import numpy as np
import pytest
from building import ANSWERS, task

from tailorbird.evaluate.metrics import base
from tailorbird.evaluate.metrics.base import difference, estimate
from tailorbird.registry import module, names
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

LABELS = ("a", "b", "c")
SHARES = (0.6, 0.3, 0.1)
OF = task([("q", "a")], outputs={"labels": list(LABELS)})


@cache
def answered(
    n: int, seed: int, signal: float = 2.0, honest: bool = True, group: int = 1
) -> tuple[list[Example], list[Prediction]]:
    """Labels with probabilities; honest ones are the true posterior. Groups are `group` copies."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(3, n // group, p=SHARES)
    logits = rng.normal(size=(len(gold), 3)) + signal * np.eye(3)[gold]
    logits = logits * (signal if honest else 3 * signal) + np.log(SHARES)
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    examples, predictions = [], []
    for i, row in enumerate(odds):
        scores = dict(zip(LABELS, map(float, row)))
        for _ in range(group):
            name = f"g{i}" if group > 1 else None
            examples.append(Example(str(len(examples)), "q", LABELS[gold[i]], group=name))
            predictions.append(Prediction(LABELS[row.argmax()], scores, float(row.max())))
    return examples, predictions


def kinds(kind: str) -> list[str]:
    return [m for m in names("evaluate.metrics") if kind in module("evaluate.metrics", m).KINDS]


def test_no_name_is_both_a_scorer_and_a_metric():
    assert not set(names("evaluate.metrics")) & set(names("task.scorers"))


@pytest.mark.parametrize("metric", kinds("label"))
def test_an_estimate_has_an_interval_around_it(metric: str):
    examples, predictions = answered(120, 0)
    found = estimate(metric, examples, predictions, OF, 0)
    assert 0 <= found.low <= found.value < found.high <= 1
    assert (found.n, found.units, found.unmarked) == (120, 120, 0)
    assert estimate(metric, examples, predictions, OF, 0) == found


@pytest.mark.parametrize("metric", [m for m in kinds("label") if m != "ece"])
def test_copies_of_items_are_no_evidence(metric: str):
    alone = estimate(metric, *answered(60, 1), OF, 0)
    copied = estimate(metric, *answered(240, 1, group=4), OF, 0)
    assert (copied.n, copied.units) == (240, 60)
    assert copied.value == pytest.approx(alone.value)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_all_right_is_not_certainty():
    examples, _ = answered(50, 0)
    right = [Prediction(str(e.target)) for e in examples]
    found = estimate("macro_f1", examples, right, OF, 0)
    assert (found.value, found.high) == (1, 1)
    assert 0.9 < found.low < 0.95  # Wilson's: 50 of 50


def test_one_unit_has_no_interval():
    examples, predictions = answered(20, 0, group=20)
    found = estimate("brier", examples, predictions, OF, 0)
    assert (found.low, found.high, found.units) == (0, 1, 1)


def test_without_probabilities_there_is_no_auc():
    examples, predictions = answered(30, 0)
    bare = [Prediction(p.text) for p in predictions]
    for metric in ("roc_auc", "pr_auc", "brier", "ece"):
        assert estimate(metric, examples, bare, OF, 0) is None
        assert difference(metric, examples, bare, predictions, OF, 0) is None
    assert estimate("macro_f1", examples, bare, OF, 0) is not None


def test_an_error_is_wrong_for_labels_and_unmarked_for_probabilities():
    examples, predictions = answered(40, 0)
    right = [Prediction(str(e.target), p.label_scores, 0.9) for e, p in zip(examples, predictions)]
    failed = [Prediction(right[0].text, right[0].label_scores, 0.9, error="no"), *right[1:]]
    assert estimate("micro_f1", examples, failed, OF, 0).value < 1
    assert estimate("brier", examples, failed, OF, 0).unmarked == 1
    assert estimate("ece", examples, failed, OF, 0).n == 39


def test_an_answer_that_is_no_label_misses_and_claims_nothing():
    examples = [Example(str(i), "q", label) for i, label in enumerate("aabb")]
    said = [Prediction(t) for t in (" A ", "none", "b", "b")]
    value = module("evaluate.metrics", "macro_f1").value(examples, said, OF)
    assert value == pytest.approx((2 / 3 + 1) / 2)
    micro = module("evaluate.metrics", "micro_f1").value(examples, said, OF)
    assert micro == pytest.approx(2 * 3 / (4 + 3))


def test_one_class_in_the_test_split_cannot_be_ranked():
    examples, predictions = answered(30, 0)
    same = [Example(e.id, "q", "a") for e in examples]
    assert estimate("roc_auc", same, predictions, OF, 0) is None


SIMULATED = 100


@pytest.mark.parametrize("metric", ["macro_f1", "roc_auc", "pr_auc", "brier"])
def test_intervals_cover_the_truth(metric: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "RESAMPLES", 200)
    truth = module("evaluate.metrics", metric).weighted(*answered(20_000, 999), OF).value
    found = [estimate(metric, *answered(80, s), OF, s) for s in range(SIMULATED)]
    covered = sum(f.low <= truth <= f.high for f in found)
    assert covered >= 0.9 * SIMULATED


def test_chance_is_no_miscalibration(monkeypatch: pytest.MonkeyPatch):
    """ECE of honest probabilities is never 0; its interval has to say that it may be."""
    monkeypatch.setattr(base, "RESAMPLES", 200)
    honest = [estimate("ece", *answered(200, s), OF, s) for s in range(40)]
    assert min(f.value for f in honest) > 0.01
    assert sum(f.low == 0 for f in honest) >= 0.85 * len(honest)
    boastful = [estimate("ece", *answered(200, s, 1.0, honest=False), OF, s) for s in range(10)]
    assert all(f.low > 0 for f in boastful)


# ---- two rungs -------------------------------------------------------------------------------


def rivals(n: int, seed: int, signal: float) -> tuple[list[Example], list[Prediction], list]:
    """Answers of two rungs to the same items, the second of strength `signal`."""
    examples, first = answered(n, seed)
    rng = np.random.default_rng(seed + 10_000)
    gold = np.array([LABELS.index(str(e.target)) for e in examples])
    logits = (rng.normal(size=(n, 3)) + signal * np.eye(3)[gold]) * signal + np.log(SHARES)
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    second = [
        Prediction(LABELS[row.argmax()], dict(zip(LABELS, map(float, row))), float(row.max()))
        for row in odds
    ]
    return examples, first, second


@pytest.mark.parametrize("metric", kinds("label"))
def test_a_difference_is_that_of_the_two_values(metric: str):
    examples, a, b = rivals(150, 0, 2.5)
    found = difference(metric, examples, a, b, OF, 0)
    made = module("evaluate.metrics", metric)
    wanted = made.value(examples, b, OF) - made.value(examples, a, OF)
    assert found.difference == pytest.approx(wanted, abs=1e-9)
    assert found.low <= found.difference <= found.high
    back = difference(metric, examples, b, a, OF, 0)
    assert (back.difference, back.p_value) == (pytest.approx(-wanted, abs=1e-9), found.p_value)


def test_a_rung_does_not_differ_from_itself():
    examples, predictions = answered(60, 0)
    found = difference("macro_f1", examples, predictions, predictions, OF, 0)
    assert (found.difference, found.p_value) == (0, 1)


def test_a_large_difference_is_seen_and_a_small_one_is_not():
    examples, a, b = rivals(200, 0, 4.0)
    seen = difference("macro_f1", examples, a, b, OF, 0)
    assert seen.p_value < 0.01
    assert seen.low > 0
    examples, a, b = rivals(60, 0, 2.0)
    assert difference("macro_f1", examples, a, b, OF, 0).p_value > 0.05


def test_items_that_one_rung_has_no_probability_for_are_left_out():
    examples, a, b = rivals(80, 0, 3.0)
    b = [Prediction(p.text, error="no") if i < 20 else p for i, p in enumerate(b)]
    found = difference("brier", examples, a, b, OF, 0)
    rest = difference("brier", examples[20:], a[20:], b[20:], OF, 0)
    assert found.n == 60
    assert found.difference == pytest.approx(rest.difference)


def test_equal_rungs_are_seldom_called_different(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base, "RESAMPLES", 200)
    p = [difference("macro_f1", *rivals(60, s, 2.0), OF, s).p_value for s in range(SIMULATED)]
    assert sum(x <= 0.05 for x in p) <= 0.09 * SIMULATED


def test_answers_are_compared_by_corpus_bleu():
    of: Task = task(**ANSWERS)
    examples = [Example(str(i), "q", f"the fee for plan {i} is £{i} a month") for i in range(40)]
    good = [Prediction(f"the fee for plan {i} is £{i} a month") for i in range(40)]
    bad = [Prediction("the fee is not known") for _ in range(40)]
    found = difference("corpus_bleu", examples, bad, good, of, 0)
    assert found.difference > 0.5
    assert found.p_value < 0.01
