"""Unsupported claims by the sources shown and the gold ones, and abstention, on the small task."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.errors import TaskError
from tailorbird.evaluate.audits.base import Audited, Line, Subject, make_audit
from tailorbird.store import read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

ABSTAIN = "The handbook does not say."
Answer = Callable[[Example], Prediction]


def gold(example: Example) -> Prediction:
    return Prediction(str(example.target), citations=example.sources)


@pytest.fixture
def audited(answer_task: Task, tmp_path: Path) -> Callable[..., Audited]:
    folders = itertools.count()

    def audit(answer: Answer, task: Task = answer_task, **settings: Any) -> Audited:
        settings = {"detectors": ["facts"], "proof": 0, **settings}
        subject = subject_of(task, answer, tmp_path / str(next(folders)))
        return make_audit("claims", settings).examine(subject)

    return audit


def subject_of(task: Task, answer: Answer, folder: Path) -> Subject:
    predictions = tuple(answer(e) for e in task.examples("test"))
    return Subject(task, "r", None, predictions, folder / "w", folder / "c", quiet=True)  # type: ignore[arg-type]


def lines(found: Audited) -> dict[str, Line]:
    return {line.name: line for line in found.lines}


def value(line: Line) -> float:
    assert line.estimate is not None
    return line.estimate.value


SHOWN = "facts, shown sources: with an unsupported claim"
GOLD = "facts, gold sources: with an unsupported claim"
COUNT = "facts, shown sources: unsupported claims per 100"


def test_gold_answers_claim_nothing_that_is_not_there(audited: Callable[..., Audited]):
    found = lines(audited(gold, detectors=["facts", "overlap"]))
    assert value(found[GOLD]) == value(found[SHOWN]) == value(found[COUNT]) == 0
    assert value(found["right abstentions"]) == 1
    assert value(found["missed abstentions"]) == value(found["wrong abstentions"]) == 0
    assert found["right abstentions"].note == "9 of 9 that cannot be answered"


def test_inventions_are_counted_by_answer_and_by_claim(audited: Callable[..., Audited]):
    def invents(example: Example) -> Prediction:
        text = f"{example.target} It costs £999 and takes 77 days."
        told = "cost" in example.text or "code" in example.text
        return dataclasses.replace(gold(example), text=text if told else str(example.target))

    result = audited(invents)
    found = lines(result)
    share, count = found[SHOWN], found[COUNT]
    assert 0 < value(share) < 1
    assert value(count) == pytest.approx(2 * value(share))
    sample = next(s for s in result.samples if s.line == SHOWN)
    assert sample.after == "unsupported: £999; 77 days"


def test_the_wrong_passage_supports_what_it_says_but_gold_does_not(
    audited: Callable[..., Audited],
):
    def misled(example: Example) -> Prediction:
        return Prediction("A repair costs £35.", citations=("repairs",))

    found = lines(audited(misled))
    assert value(found[SHOWN]) == 0
    assert value(found[GOLD]) > 0.8
    assert value(found["missed abstentions"]) == 1


def test_abstaining_claims_nothing(audited: Callable[..., Audited]):
    def silent(example: Example) -> Prediction:
        return Prediction(ABSTAIN, citations=("repairs",))

    found = lines(audited(silent, detectors=["facts", "overlap"]))
    assert value(found["overlap, gold sources: with an unsupported claim"]) == 0
    assert value(found["right abstentions"]) == 1
    assert value(found["wrong abstentions"]) == 1

    def silent_and_wrong(example: Example) -> Prediction:
        return Prediction(f"{ABSTAIN} It costs £999.", citations=("repairs",))

    assert value(lines(audited(silent_and_wrong))[SHOWN]) == 1


def test_a_rung_that_shows_nothing_is_held_against_gold_alone(audited: Callable[..., Audited]):
    def bare(example: Example) -> Prediction:
        return Prediction("It costs £999.")

    found = lines(audited(bare, at_most=0.1))
    assert found[SHOWN].estimate is None
    assert "no source was shown" in found[SHOWN].note
    assert value(found[GOLD]) == 1
    assert found[GOLD].holds is False


def test_the_limit_is_for_the_sources_shown(audited: Callable[..., Audited], answer_task: Task):
    found = lines(audited(gold, at_most=0.05))
    assert (found[SHOWN].holds, found[GOLD].holds) == (True, None)
    bar = answer_task.spec.bar.model_copy(update={"proof": "interval"})
    strict = dataclasses.replace(answer_task, spec=answer_task.spec.model_copy(update={"bar": bar}))
    assert lines(audited(gold, strict, at_most=0.05))[SHOWN].holds is False
    assert lines(audited(gold, strict, at_most=0.5))[SHOWN].holds is True


def test_errors_are_left_out_and_said(audited: Callable[..., Audited]):
    def fails(example: Example) -> Prediction:
        return Prediction("", error="no answer")

    result = audited(fails)
    assert lines(result)[GOLD].estimate is None
    assert any("45 answers are errors" in note for note in result.notes)


def test_detectors_are_tried_on_gold_answers_made_false(audited: Callable[..., Audited]):
    found = lines(audited(gold, proof=36))
    alarms = found["facts: gold answers called unsupported"]
    caught = found["facts: gold answers made false, caught"]
    assert value(alarms) == 0
    assert alarms.estimate is not None
    assert alarms.estimate.n == 36
    assert value(caught) > 0.3


def test_a_killed_audit_goes_on(answer_task: Task, tmp_path: Path, monkeypatch: Any):
    from tailorbird.evaluate.audits import claims
    from tailorbird.evaluate.hallucination.facts import Facts

    monkeypatch.setattr(claims, "_TOGETHER", 16)
    made = make_audit("claims", {"detectors": ["facts"], "proof": 0})
    subject = subject_of(answer_task, gold, tmp_path)
    whole = made.examine(dataclasses.replace(subject, folder=tmp_path / "other"))
    examined, calls = Facts.examine, 0

    def dies(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return examined(*args)

    monkeypatch.setattr(Facts, "examine", dies)
    with pytest.raises(KeyboardInterrupt):
        made.examine(subject)
    (file,) = (tmp_path / "w").glob("facts-shown-*.jsonl")
    assert len(read_jsonl(file)) == 32
    assert made.examine(subject) == whole
    assert calls == 3 + 4  # 36 and 45 answers in sixteens, less the two batches that were kept


def test_equal_seeds_find_equal_things(audited: Callable[..., Audited]):
    found = audited(gold, proof=20)
    assert Audited.from_json(found.to_json()) == found
    assert audited(gold, proof=20) == found


def test_what_cannot_be_audited_is_said(answer_task: Task, label_task: Task, tmp_path: Path):
    made = make_audit("claims", {})
    assert made.missing(subject_of(label_task, gold, tmp_path)) == "a label claims nothing"
    bare = dataclasses.replace(answer_task, documents=())
    assert made.missing(subject_of(bare, gold, tmp_path)) == "the task names no documents"
    assert made.missing(subject_of(answer_task, gold, tmp_path)) is None
    with pytest.raises(TaskError, match="at_most"):
        make_audit("claims", {"at_most": 2})
    with pytest.raises(TaskError, match='did you mean "facts"'):
        make_audit("claims", {"detectors": ["fact"]}).examine(
            subject_of(answer_task, gold, tmp_path)
        )
