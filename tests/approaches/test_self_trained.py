"""Rounds that pay are kept, the audit says why, and gold labels stay unseen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import TaskError
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example
from tailorbird.testing import check_approach

LINEAR = {"student": "linear", "raters": ["linear", {"linear": {"strength": 10}}], "threshold": 0.3}


@pytest.fixture
def few(label_task: Task) -> Task:
    """Two training rows of each wording's label are gold; the other inputs have no answers."""
    train = label_task.examples("train")
    gold = [e for i, e in enumerate(train) if i % 12 in (0, 3, 6, 9)][:8]
    rest = tuple(e for e in train if e not in gold)
    return replace(label_task, splits={**label_task.splits, "train": tuple(gold)}, unlabelled=rest)


def test_it_conforms(few: Task, run: Callable[..., Run]) -> None:
    check_approach(make_approach("self_trained", LINEAR | {"per_class": 5}), few, run())


def test_rounds_and_audit(few: Task, run: Callable[..., Run]) -> None:
    make_approach("self_trained", LINEAR).fit(few.without_test(), run())
    rounds = read_json(run().folder / "rounds.json")
    audit = read_jsonl(run().folder / "pseudo_labels.jsonl")
    assert [r["round"] for r in rounds] == list(range(len(rounds)))
    first = [row for row in audit if row["round"] == 1]
    assert {row["id"] for row in first} == {e.id for e in few.unlabelled}
    accepted = [row for row in first if row["verdict"] == "accepted"]
    assert rounds[1]["verdicts"]["accepted"] == len(accepted) > 0
    right = sum(row["labels"][0] == row["known"] for row in accepted)
    assert rounds[1]["accepted_right"] == pytest.approx(right / len(accepted), abs=1e-4)
    kept = [r["dev"] for r in rounds if r["round"] == 0 or r.get("kept")]
    assert kept == sorted(kept)


def test_it_is_no_worse_on_dev_than_its_student_alone(few: Task, run: Callable[..., Run]) -> None:
    dev = few.examples("dev")

    def right(name: str, settings: dict[str, Any]) -> int:
        solver = make_approach(name, settings).fit(few, run())
        return sum(p.text == e.target for p, e in zip(solver.predict(dev), dev))

    assert right("self_trained", LINEAR) >= right("linear", {})


def test_gold_labels_of_unlabelled_inputs_change_nothing(
    few: Task, run: Callable[..., Run]
) -> None:
    answers = []
    for unlabelled in (few.unlabelled, tuple(replace(e, target=None) for e in few.unlabelled)):
        solver = make_approach("self_trained", LINEAR).fit(
            replace(few, unlabelled=unlabelled), run()
        )
        answers.append([p.text for p in solver.predict(few.examples("test"))])
    assert answers[0] == answers[1]


def test_an_input_of_the_test_split_is_never_labelled(few: Task, run: Callable[..., Run]) -> None:
    leak = replace(few.examples("test")[0], id="leak", target=None)
    task = replace(few, unlabelled=(*few.unlabelled, leak)).without_test()
    make_approach("self_trained", LINEAR).fit(task, run())
    assert all(r["id"] != "leak" for r in read_jsonl(run().folder / "pseudo_labels.jsonl"))


def test_what_it_needs_is_said(few: Task, answer_task: Task, run: Callable[..., Run]) -> None:
    approach = make_approach("self_trained", {})
    for task, words in (
        (answer_task, "closed list of labels"),
        (replace(few, unlabelled=()), "names none"),
        (replace(few, splits={"train": few.examples("train")}), "dev split"),
    ):
        with pytest.raises(TaskError, match=words):
            approach.fit(task, run())


def test_a_rater_that_is_no_rung_is_refused(few: Task, run: Callable[..., Run]) -> None:
    with pytest.raises(TaskError, match="lineer"):
        make_approach("self_trained", {"raters": ["lineer"]}).fit(
            replace(few, unlabelled=(Example("u", "x"),)), run()
        )
