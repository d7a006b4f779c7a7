"""What is measured of a rung, and how it is kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from building import ANSWERS, SPEC, task

from tailorbird.decide.ladder import Ladder
from tailorbird.errors import MissingExtra
from tailorbird.evaluate import run as answering
from tailorbird.evaluate.cost import cost_per_correct
from tailorbird.evaluate.metrics import macro_f1
from tailorbird.evaluate.per_class import per_class
from tailorbird.evaluate.reliability import reliability
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.run import Answered, answer_test, measure
from tailorbird.evaluate.table import columns, further_columns, ladder_markdown
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Usage

N = 60


def label_task(**changes: Any) -> Task:
    """Sixty items of two labels, in pairs that share a group."""
    test = [Example(str(i), f"text {i}", "ab"[i % 2], group=f"g{i // 2}") for i in range(N)]
    return task([("x", "a"), ("y", "b"), ("z", "c")], test, **changes)  # fmt: skip


def said(of: Task, right: int, sure: float = 0.8) -> tuple[Prediction, ...]:
    """The first `right` answers are right; probabilities over three labels."""
    found = []
    for i, example in enumerate(of.examples("test")):
        text = str(example.target) if i < right else "c"
        scores = {k: sure if k == text else (1 - sure) / 2 for k in "abc"}
        found.append(Prediction(text, scores, sure))
    return tuple(found)


def measured(of: Task, predictions: Sequence[Prediction], **answered: Any) -> RungResult:
    given = Answered(tuple(predictions), (0.2,) * 80, 9.0, **answered)
    return RungResult("r", "linear", {}, None, **measure(of, given, 60.0, None, 0))


def test_labels_have_metrics_classes_and_a_reliability_diagram():
    of = label_task()
    found = measured(of, said(of, 45))
    estimates = found.estimates
    wanted = ["brier", "ece", "macro_f1", "micro_f1", "pr_auc", "roc_auc", "weighted_f1"]
    assert [m for m in sorted(estimates) if m in wanted] == wanted
    assert estimates["micro_f1"].value == pytest.approx(0.75)
    assert estimates["macro_f1"].units == N / 2
    assert [c.label for c in found.classes] == ["a", "b", "c"]
    (bar,) = found.reliability
    assert (bar.confidence, bar.right.n) == (pytest.approx(0.8), N)
    assert bar.right.value == pytest.approx(0.75)
    assert estimates["ece"].value == pytest.approx(0.05)
    assert bar.low < 0.8 <= bar.high


def test_answers_have_corpus_scores_and_calibration_where_they_have_confidence():
    test = [Example(str(i), f"q{i}", f"It costs £{i}.", facts=(f"£{i}",)) for i in range(40)]
    of = task([("q", "a")], test, **ANSWERS)
    right = [Prediction(str(e.target), confidence=0.9) for e in test]
    found = measured(of, right)
    assert found.estimates["corpus_bleu"].value == found.estimates["corpus_chrf"].value == 1
    assert found.estimates["ece"].value == pytest.approx(0.1)
    assert found.estimates["brier"].value == pytest.approx(0.01)
    assert found.classes == ()
    assert "macro_f1" not in found.estimates
    unsure = measured(of, [replace(p, confidence=None) for p in right])
    assert unsure.estimates["ece"] is None
    assert unsure.reliability == ()


def test_the_results_file_gives_it_all_back_and_old_files_load():
    of = label_task()
    found = measured(of, said(of, 45), first_latencies=(0.1,) * 80)
    plain = json.loads(json.dumps(found.to_json()))
    assert RungResult.from_json(plain) == found
    del plain["classes"], plain["reliability"], plain["estimates"]["macro_f1"]
    old = RungResult.from_json(plain)
    assert (old.classes, old.reliability) == ((), ())
    assert old.measured("macro_f1") is None


def test_a_missing_library_is_an_error_only_where_the_bar_asks(monkeypatch: pytest.MonkeyPatch):
    def missing(*_: Any) -> None:
        raise MissingExtra("not installed")

    monkeypatch.setattr(macro_f1, "value", missing)
    of = label_task()
    assert "macro_f1" not in measured(of, said(of, 45)).estimates
    guard = {"guards": [{"metric": "macro_f1", "at_least": 0.5}]}
    with pytest.raises(MissingExtra):
        measured(label_task(bar=SPEC["bar"] | guard), said(of, 45))


def test_a_metric_may_guard_the_bar():
    guard = {"guards": [{"metric": "macro_f1", "at_least": 0.9}]}
    of = label_task(bar=SPEC["bar"] | guard)
    rung = measured(of, said(of, 50))
    groups = tuple(e.group for e in of.examples("test"))
    ladder = Ladder(Results("t", of.digest, groups, (rung,)), of.spec)
    assert [c.criterion.metric for c in ladder.lacking("r")] == ["macro_f1"]
    shown = {c.metric: c for c in columns(ladder)}
    assert shown["macro_f1"].unit == "%"
    assert "macro_f1" not in {c.metric for c in further_columns(ladder)}


def test_tables_stay_as_narrow_as_they_were():
    of = label_task()
    rung = measured(of, said(of, 45), first_latencies=(0.1,) * 80)
    results = Results("t", of.digest, tuple(e.group for e in of.examples("test")), (rung,))
    ladder = Ladder(results, of.spec)
    further = {c.metric for c in further_columns(ladder)}
    assert {"macro_f1", "roc_auc", "ece", "latency_p99", "latency_first_p50"} <= further
    assert not further & {c.metric for c in columns(ladder)}
    assert "cost_per_correct" not in further  # no price, so nobody knows
    verdict = SimpleNamespace(checks=(), enough=None)
    assert "macro_f1" not in ladder_markdown(results, verdict, of.spec)


# ---- classes ---------------------------------------------------------------------------------


def test_precision_recall_and_f1_of_each_class():
    texts = "aaaaaabbbb"
    found = per_class(
        [Example(str(i), "q", t) for i, t in enumerate(texts)],
        [Prediction(t) for t in ("a", "a", "a", "b", "b", "??", "b", "b", "b", "a")],
        task([("x", "a"), ("y", "b"), ("z", "c")]),
        0,
    )
    a, b = found
    assert (a.label, a.n, a.taken_for) == ("a", 6, "b")
    assert (a.recall.value, a.recall.n) == (0.5, 6)
    assert (a.precision.value, a.precision.n) == (0.75, 4)
    assert a.f1.value == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert a.f1.low < a.f1.value < a.f1.high
    assert (b.n, b.precision.n, b.taken_for) == (4, 5, "a")


def test_a_class_that_is_never_said_or_never_gold():
    examples = [Example(str(i), "q", "a") for i in range(5)]
    of = task([("x", "a"), ("y", "b")])
    a, b = per_class(examples, [Prediction("b")] * 5, of, 0)
    assert a.precision is None
    assert (a.recall.value, a.f1.value) == (0, 0)
    assert (b.n, b.recall, b.precision.value) == (0, None, 0)


def test_only_answers_with_a_confidence_are_in_the_diagram():
    of = label_task()
    given = [replace(p, confidence=None) if i < 20 else p for i, p in enumerate(said(of, 40))]
    given[-1] = replace(given[-1], error="no")
    (bar,) = reliability(of.examples("test"), given, of, 0)
    assert (bar.right.n, bar.right.value) == (39, pytest.approx(20 / 39))


# ---- cost and latency ------------------------------------------------------------------------


def test_the_cost_of_a_right_answer():
    groups = [None] * 100
    right = [1.0] * 50 + [0.0] * 50
    found = cost_per_correct([0.02] * 100, right, groups, 0)
    assert found.value == pytest.approx(0.04)
    assert 0.03 < found.low < 0.04 < found.high < 0.06
    assert cost_per_correct([0.02] * 100, [0.0] * 100, groups, 0) is None
    assert cost_per_correct([0.02] * 99 + [None], right, groups, 0) is None
    rare = cost_per_correct([0.02] * 100, [1.0] + [0.0] * 99, groups, 0)
    assert rare.high == float("inf")


def test_cost_follows_from_prices():
    of = label_task(budget={"prices": {"machine_hour": 3.6}})
    found = measured(of, said(of, 30)).timings
    assert found["cost_per_1000"].value == pytest.approx(1000 * 9.0 / N / 3600 * 3.6)
    assert found["cost_per_correct"].value == pytest.approx(9.0 / 30 / 3600 * 3.6)
    assert measured(label_task(), said(of, 30)).timings["cost_per_correct"] is None


@dataclass(frozen=True)
class Writer:
    """Writes as many words as it may."""

    max_tokens: int = 9
    labels: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example], progress: Any = None) -> list[Prediction]:
        return [Prediction("w " * self.max_tokens, usage=Usage(5, self.max_tokens))] * len(examples)


@pytest.mark.parametrize(("solver", "known"), [(Writer(), 1), (Writer(labels=("a",)), 0)])
def test_the_first_token_is_timed_where_tokens_are_written(
    solver: Writer, known: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    whole = Writer.predict

    def watched(self: Writer, examples: Sequence[Example], progress: Any = None) -> Any:
        asked.append(self.max_tokens)
        return whole(self, examples)

    monkeypatch.setattr(Writer, "predict", watched)
    monkeypatch.setattr(answering, "PROBES", 5)
    of = label_task()
    found = answer_test(solver, of, tmp_path, tmp_path / "ledger.jsonl", "f", quiet=True)
    assert (len(found.latencies), len(found.first_latencies)) == (5, 5 * known)
    assert asked.count(1) == 5 * known
    before = len(asked)
    again = answer_test(solver, of, tmp_path, tmp_path / "ledger.jsonl", "f", quiet=True)
    assert again == found
    assert len(asked) == before
    assert all(p.usage.completion_tokens == 9 for p in found.predictions)
