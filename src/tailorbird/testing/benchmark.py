"""The suite for tasks: a benchmark that may judge."""

from dataclasses import replace

from tailorbird.errors import BenchmarkError
from tailorbird.task.benchmark import Task
from tailorbird.task.check import check_benchmark
from tailorbird.task.types import SPLITS, Prediction
from tailorbird.testing.claims import claim


def check_task(task: Task) -> None:
    """Everything that `tailorbird check` finds, and what approaches rely on.

    Raises `AssertionError`.
    """
    errors = [f.text for f in check_benchmark(task) if f.level == "error"]
    claim(not errors, f"the benchmark must not judge: {'; '.join(errors)}")
    _ids_are_unique(task)
    _test_is_closed(task)
    _errors_are_wrong(task)
    _digest_tells_changes(task)


def _ids_are_unique(task: Task) -> None:
    ids = [e.id for s in SPLITS for e in task.splits.get(s, ())]
    twice = next((i for i in ids if ids.count(i) > 1), None) if len(set(ids)) < len(ids) else None
    claim(twice is None, f"two examples are called {twice!r}")


def _test_is_closed(task: Task) -> None:
    closed = task.without_test()
    try:
        closed.examples("test")
    except BenchmarkError:
        pass
    else:
        raise AssertionError("approaches can read the test split")
    claim(task.examples("test") != (), "closing the test split for approaches empties the task's")


def _errors_are_wrong(task: Task) -> None:
    example = task.examples("test")[0]
    metric = task.spec.bar.primary.metric
    failed = Prediction(str(example.target), error="no answer")
    score, gold = task.score(metric, example, failed), task.score(metric, example, _gold(task))
    claim(score.value is not None, f"{metric}: a failed answer is not marked")
    claim(score.value != gold.value, f"{metric}: a failed answer is marked like the gold answer")


def _gold(task: Task) -> Prediction:
    example = task.examples("test")[0]
    return Prediction(str(example.target), citations=example.sources)


def _digest_tells_changes(task: Task) -> None:
    claim(replace(task).digest == task.digest, "two equal tasks have different digests")
    first, *rest = task.examples("test")
    changed = (replace(first, target=f"{first.target} "), *rest)
    other = replace(task, splits={**task.splits, "test": changed})
    claim(other.digest != task.digest, "the digest does not change when a target does")
