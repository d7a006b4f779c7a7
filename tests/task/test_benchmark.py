"""Task: closed to approaches, and frozen. The checks that let it judge."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from building import ANSWERS, spec, task

from tailorbird.errors import BenchmarkError, TaskError
from tailorbird.task.benchmark import Task
from tailorbird.task.check import MINIMUM_TEST, check_benchmark
from tailorbird.task.types import Document, Example, Message, Provenance

N = MINIMUM_TEST


# ---- closed ----------------------------------------------------------------------------------


def test_approaches_cannot_read_test(label_task: Task):
    closed = label_task.without_test()
    with pytest.raises(BenchmarkError, match="closed"):
        closed.examples("test")
    assert "test" not in closed.splits
    assert closed.examples("train") == label_task.examples("train")
    assert closed.examples("dev") == label_task.examples("dev")
    assert label_task.examples("test")


def test_labels_of_a_closed_task_do_not_tell_of_test():
    made = task([("x", "b"), ("y", "a")], test=[Example("t", "z", "secret")])
    assert made.without_test().labels == ("a", "b")


def test_what_test_asks_is_known_by_the_question_alone():
    def told(*system: str) -> Example:
        turns = (*(Message("system", s) for s in system), Message("user", "How much?"))
        return Example("x", turns, "a")

    open_task = task([("x", "a")], test=[told("Be kind.")])
    for made in (open_task, open_task.without_test()):
        assert made.in_test(told())
        assert made.in_test(told("Be brief."))
        assert made.in_test(Example("y", "how  MUCH?"))
        assert not made.in_test(Example("y", "Be kind. How much?"))
    leaks = [f.text for f in check_benchmark(task([told()], test=[told("Be kind.")]))]
    assert any("the same input stands in test and in another split 1 time" in t for t in leaks)


def test_labels_keep_the_order_of_the_task_file():
    made = task([("x", "b"), ("y", "a")], outputs={"labels": ["b", "a", "c"]})
    assert made.labels == ("b", "a", "c")


def test_a_task_of_answers_has_no_labels():
    assert task([("x", "b")], **ANSWERS).labels == ()


def test_only_some_rungs(label_task: Task):
    assert [r.name for r in label_task.only(["linear"]).spec.rungs] == ["linear"]
    assert label_task.only([]).spec.rungs == label_task.spec.rungs
    assert label_task.only(["linear"]).digest == label_task.digest
    with pytest.raises(TaskError, match='did you mean "linear"'):
        label_task.only(["linaer"])


# ---- the digest ------------------------------------------------------------------------------

EXAMPLE = Example("e", "q", "a", ("d",), ("f",), group="g")


def made(example: Example = EXAMPLE, text: str = "text", title: str = "D", **rest: Any) -> Task:
    split = rest.pop("split", "test")
    splits = {"train": (), "dev": (), "test": ()} | {split: (example,)}
    return Task(spec(**rest), splits, (Document("d", title, text),))


@pytest.mark.parametrize(
    "changed",
    [
        made(replace(EXAMPLE, id="e2")),
        made(replace(EXAMPLE, input="Q")),
        made(replace(EXAMPLE, target="b")),
        made(replace(EXAMPLE, sources=())),
        made(replace(EXAMPLE, facts=())),
        made(replace(EXAMPLE, answerable=False)),
        made(replace(EXAMPLE, group=None)),
        made(replace(EXAMPLE, time=datetime(2026, 1, 1, tzinfo=UTC))),
        made(replace(EXAMPLE, fields={"k": "v"})),
        made(split="train"),
        made(text="Text"),
        made(title="E"),
        made(goal="Another."),
        made(seed=1),
    ],
    ids=range(14),
)
def test_the_digest_changes_with_the_content(changed: Task):
    assert changed.digest != made().digest


@pytest.mark.parametrize(
    "equal",
    [
        made(),
        made(replace(EXAMPLE, provenance=Provenance("other.jsonl", 7))),
        made(replace(EXAMPLE, fields={})),
        made(rungs=["linear", "nearest"]),
    ],
    ids=range(4),
)
def test_the_digest_changes_with_nothing_else(equal: Task):
    assert equal.digest == made().digest


# ---- the checks ------------------------------------------------------------------------------


def labels(
    n: int = N, change: Callable[[int, Example], Example] | None = None, **rest: Any
) -> Task:
    test = [Example(f"t{i}", f"test {i}", "ab"[i % 2]) for i in range(n)]
    if change:
        test = [change(i, e) for i, e in enumerate(test)]
    train = [Example(f"r{i}", f"train {i}", "ab"[i % 2]) for i in range(4)]
    return task(train, test=test, **rest)


def answers(n: int = N, **change: Any) -> Task:
    whole = {"target": "It costs £35.", "facts": ("£35",), "sources": ("d",)} | change
    test = [Example(f"t{i}", f"test {i}", **whole) for i in range(n)]
    return task([], test=test, documents={"d": "A repair costs £35."}, **ANSWERS)


def found(made: Task, level: str) -> str:
    return "\n".join(f.text for f in check_benchmark(made) if f.level == level)


@pytest.mark.parametrize("made", [labels(), answers()], ids=["label", "answer"])
def test_a_sound_benchmark_passes(made: Task):
    assert found(made, "error") == found(made, "warning") == ""
    assert "smallest difference" in found(made, "ok")
    assert "(assumed: rungs that are right half of the time" in found(made, "ok")


def test_errors_come_first():
    levels = [f.level for f in check_benchmark(labels(5))]
    assert levels == sorted(levels, key=["error", "warning", "ok"].index)
    assert levels[0] == "error"


def test_too_few_items():
    assert "at least" in found(labels(N - 1), "error")


def test_too_few_groups():
    grouped = labels(2 * N, lambda i, e: replace(e, group=f"g{i % (N - 1)}"))
    assert f"({N - 1} independent)" in found(grouped, "error")


def test_gold_that_is_marked_wrong():
    said = found(answers(facts=("£36",)), "error")
    assert "the gold answer itself is marked wrong" in said
    assert "t0" in said


def test_gold_that_states_what_no_document_holds_is_a_warning():
    said = found(answers(target="It costs £35, or £99 on Sunday."), "warning")
    assert "£99" in said
    assert "learns to invent" in said


def test_an_empty_answer_that_passes():
    said = found(answers(facts=(), target=""), "error") + found(answers(facts=()), "error")
    assert "empty answer" not in said  # without facts nothing is marked, which does not pass
    exact = task(
        [],
        test=[Example(f"t{i}", f"q{i}", "the") for i in range(N)],
        **ANSWERS | {"bar": {"primary": {"metric": "exact", "at_least": 0.5}}},
    )
    assert "an empty answer passes" in found(exact, "error")


def test_a_question_in_train_and_test():
    leak = labels(change=lambda i, e: replace(e, input="  TRAIN   1 ") if i == 3 else e)
    said = found(leak, "error")
    assert "the same input stands in test" in said
    assert "'r1'" in said
    assert "'t3'" in said


def test_a_group_in_train_and_test():
    made = labels(change=lambda i, e: replace(e, group=f"g{i}"))
    leak = replace(made, splits={**made.splits, "train": (Example("r", "other", "a", group="g0"),)})
    assert "the same group stands in test" in found(leak, "error")


def test_a_question_in_train_and_dev_is_a_warning():
    made = labels(dev=[Example("d", "train 1", "b")])
    assert "train and dev" in found(made, "warning")
    assert found(made, "error") == ""


def test_a_label_that_training_never_shows():
    said = found(labels(change=lambda i, e: replace(e, target="c") if i == 0 else e), "warning")
    assert "never occur in train" in said
    assert "'c'" in said


def test_a_label_that_nobody_has():
    assert "no training example" in found(labels(outputs={"labels": ["a", "b", "z"]}), "warning")
