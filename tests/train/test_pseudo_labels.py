"""What is accepted, and why not."""

from tailorbird.task.types import Example, Prediction
from tailorbird.train.pseudo_labels import DIFFER, FAILED, FULL, UNSURE, judge, summary


def said(*votes: tuple[str, float | None]) -> list[Prediction]:
    return [Prediction(label, confidence=sure) for label, sure in votes]


INPUTS = [
    Example(f"u{i}", f"text {i}", known) for i, known in enumerate(["a", "b", None, "a", "b"])
]
ONE = said(("a", 0.99), ("a", 0.95), ("a", 0.97), ("b", 0.99), ("b", None))
OTHER = said(("a", 0.92), ("a", 0.91), ("a", 0.5), ("a", 0.99), ("b", 0.99))


def test_all_must_agree_and_each_be_sure() -> None:
    judged = judge(INPUTS, [ONE, OTHER], threshold=0.9, per_class=None)
    assert [j.verdict for j in judged] == ["accepted", "accepted", UNSURE, DIFFER, FAILED]
    assert [j.confidence for j in judged] == [0.92, 0.91, 0.5, 0.99, 0.0]
    assert summary(judged)["accepted_known"] == 2
    assert summary(judged)["accepted_right"] == 0.5


def test_a_full_class_keeps_its_most_certain_ones() -> None:
    judged = judge(INPUTS, [ONE, OTHER], threshold=0.4, per_class=2)
    assert [j.verdict for j in judged] == ["accepted", "accepted", FULL, DIFFER, FAILED]


def test_an_error_is_no_vote() -> None:
    failed = [Prediction("a", confidence=0.99, error="too long")]
    assert judge(INPUTS[:1], [failed], 0.9, None)[0].verdict == FAILED


def test_nothing_known_is_said_as_nothing() -> None:
    assert summary(judge(INPUTS[2:3], [ONE[:1]], 0.9, None))["accepted_right"] is None
