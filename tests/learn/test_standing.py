"""How labelling stands, in numbers."""

from pathlib import Path

import pytest
from labelling import entries, queue_of, study_with_pool

from tailorbird.learn.queue import Queue
from tailorbird.learn.standing import standing
from tailorbird.task.benchmark import Task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return study_with_pool(tmp_path_factory.mktemp("study"))


@pytest.fixture
def queue(task: Task, tmp_path: Path) -> Queue:
    return queue_of(task, tmp_path / "labels.db")


def label(queue: Queue, who: str, labels: list[str | None], first: int = 1) -> None:
    for item, said in enumerate(labels, start=first):
        queue.answer(item, who, said, "terminal", seconds=float(item))


def test_an_empty_queue(queue: Queue):
    found = standing(queue)
    assert found.to_json() == {
        "states": {}, "annotators": [], "alpha": None, "kappas": [], "ceiling": None,
    }  # fmt: skip


def test_states_people_and_agreement(queue: Queue):
    queue.put(entries(6), "chief", annotators=2)
    label(queue, "ann", ["billing", "billing", "returns", "returns", "delivery", None])
    label(queue, "ben", ["billing", "billing", "returns", "returns", "billing"])
    queue.skip(6, "ben", "terminal")
    found = standing(queue)
    assert found.states["train"] == {"agreed": 4, "disputed": 1, "open": 1}
    ann, ben = found.annotators
    assert (ann.name, ann.labelled, ann.cannot_tell, ann.skipped) == ("ann", 5, 1, 0)
    assert (ben.labelled, ben.skipped) == (5, 1)
    assert ann.seconds is not None
    assert ann.seconds.value == 3.5
    assert found.alpha is not None
    assert found.alpha.units == 5
    assert 0 < found.alpha.value < 1
    ((a, b, kappa),) = found.kappas
    assert (a, b, kappa.n) == ("ann", "ben", 5)
    assert found.ceiling is not None
    assert found.ceiling.agreement.value == 0.8


def test_who_is_asked_again_proves_no_agreement(queue: Queue):
    """A second round, in which all know what was said, does not mend the first."""
    queue.put(entries(3), "chief", annotators=2)
    label(queue, "ann", ["billing", "returns", "billing"])
    label(queue, "ben", ["billing", "returns", "returns"])
    before = standing(queue).alpha
    queue.reopen(3, "chief")
    label(queue, "ann", ["returns"], first=3)
    label(queue, "ben", ["returns"], first=3)
    found = standing(queue)
    assert found.states["train"] == {"agreed": 3}
    assert found.alpha == before
    assert found.annotators[0].labelled == 4


def test_control_items_measure_people_and_not_agreement(queue: Queue):
    queue.put(entries(4, purpose="control", gold="billing"), "chief")
    label(queue, "ann", ["billing"] * 4)
    label(queue, "ben", ["billing", "returns", None, "billing"])
    found = standing(queue)
    ann, ben = (a.controls for a in found.annotators)
    assert ann is not None
    assert ben is not None
    assert (ann.value, ben.value) == (1, 0.5)
    assert ann.low < 0.7
    assert found.states["control"] == {"open": 4}
    assert (found.alpha, found.kappas) == (None, ())
