"""A judge's grades with its errors in the interval, and the gate that needs agreement."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tailorbird.errors import ModelError, StoreError, TaskError
from tailorbird.evaluate.audits.base import Audited, Subject, make_audit
from tailorbird.evaluate.judges.base import Item
from tailorbird.evaluate.judges.labelled import Labelled
from tailorbird.evaluate.judges.measuring import measure
from tailorbird.evaluate.judges.record import JudgeRecord
from tailorbird.evaluate.judges.rubric import Rubric
from tailorbird.models.scripted import Scripted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Prediction


def say(prompt: Any) -> str:
    """Good where the answer stands in the right answer; every seventh answer is not read."""
    text = prompt[-1].content
    answer = text.partition("<Answer>\n")[2].partition("\n</")[0]
    right = text.partition("<A right answer>\n")[2].partition("\n</")[0]
    if answer.startswith("mumble"):
        return "hm"
    return "Verdict: good" if answer == right else "Verdict: bad"


LM = Scripted(say, name="me")


@pytest.fixture
def task(answer_task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setattr("tailorbird.models.load.load_model", lambda *_: LM)
    return dataclasses.replace(answer_task, folder=tmp_path)


def labelled(n: int, wrong: int = 0) -> list[Labelled]:
    """People and judge agree but on the first `wrong` rows."""
    rows = []
    for i in range(n):
        good = i % 2 == 0
        answer = "yes" if good else "no"
        grade = int(good != (i < wrong))
        rows.append(Labelled(Item(f"Q{i}", "yes"), (answer,), grade, None, ()))
    return rows


def written(folder: Path, rows: list[Labelled], **changes: Any) -> JudgeRecord:
    record = measure(LM, "me", Rubric("Right?", ("bad", "good")), rows, {})
    record = dataclasses.replace(record, **changes)
    record.save(folder / "judge.json")
    return record


def subject_of(task: Task, folder: Path, right: int) -> Subject:
    predictions = tuple(
        Prediction(str(e.target) if i < right else "nonsense")
        for i, e in enumerate(task.examples("test"))
    )
    return Subject(task, "r", None, predictions, folder / "w", folder / "c", quiet=True)  # type: ignore[arg-type]


def test_the_judge_s_errors_widen_the_interval(task: Task, tmp_path: Path):
    made, found = make_audit("judge", {"file": "judge.json"}), {}
    for wrong in (0, 20):
        written(tmp_path, labelled(100, wrong))
        subject = subject_of(task, tmp_path, 30)
        assert made.missing(subject) is None
        audited = made.examine(subject)
        assert Audited.from_json(audited.to_json()) == audited
        apparent, corrected = (line.estimate for line in audited.lines)
        assert apparent is not None
        assert corrected is not None
        assert apparent.value == pytest.approx(30 / 45)
        assert corrected.low <= corrected.value <= corrected.high
        found[wrong] = corrected.high - corrected.low
    assert found[20] > 1.2 * found[0]


def test_the_judge_sees_what_it_saw_when_it_was_measured(task: Task, tmp_path: Path):
    record = written(tmp_path, labelled(20))
    assert record.shows == ("reference",)
    LM.calls.clear()
    make_audit("judge", {"file": "judge.json"}).examine(subject_of(task, tmp_path, 45))
    assert all("<A right answer>" in p[-1].content for p in LM.calls)
    assert not any("<Source>" in p[-1].content for p in LM.calls)


def test_a_limit_rests_on_the_corrected_figure(task: Task, tmp_path: Path):
    written(tmp_path, labelled(100))
    for at_least, holds in ((0.5, True), (0.9, False)):
        audit = make_audit("judge", {"file": "judge.json", "at_least": at_least})
        lines = audit.examine(subject_of(task, tmp_path, 30)).lines
        assert [line.holds for line in lines] == [None, holds]


def test_a_judge_without_agreement_cannot_gate(task: Task, tmp_path: Path):
    written(tmp_path, labelled(20), agreement=None)
    subject = subject_of(task, tmp_path, 30)
    with pytest.raises(TaskError, match="cannot gate: its agreement with people was never") as no:
        make_audit("judge", {"file": "judge.json", "at_least": 0.5}).missing(subject)
    assert "tailorbird judge" in str(no.value.hint)
    shown = make_audit("judge", {"file": "judge.json"})
    assert shown.missing(subject) is None
    audited = shown.examine(subject)
    assert [line.name for line in audited.lines] == ["as the judge grades"]
    assert any("nothing may rest on these" in n for n in audited.notes)


def test_agreement_by_chance_cannot_gate(task: Task, tmp_path: Path):
    written(tmp_path, labelled(40, 20))
    with pytest.raises(TaskError, match="may be chance"):
        make_audit("judge", {"file": "judge.json", "at_least": 0.5}).missing(
            subject_of(task, tmp_path, 30)
        )


def test_verdicts_that_cannot_be_read_are_counted(task: Task, tmp_path: Path):
    written(tmp_path, labelled(40))
    subject = subject_of(task, tmp_path, 45)
    answers = [
        dataclasses.replace(p, text="mumble") if i < 5 else p
        for i, p in enumerate(subject.predictions)
    ]
    answers[5] = Prediction("", error="no answer")
    audited = make_audit("judge", {"file": "judge.json"}).examine(
        dataclasses.replace(subject, predictions=tuple(answers))
    )
    apparent = audited.lines[0].estimate
    assert apparent is not None
    assert (apparent.n, apparent.unmarked) == (40, 5)
    assert apparent.value == pytest.approx(39 / 40), "an error is a bad answer"
    assert any("5 verdicts could not be read" in n for n in audited.notes)


def test_what_cannot_be_used_is_said(task: Task, tmp_path: Path, monkeypatch: Any):
    subject = subject_of(task, tmp_path, 45)
    assert "no judge is named" in str(make_audit("judge", {}).missing(subject))
    with pytest.raises(StoreError, match="cannot read"):
        make_audit("judge", {"file": "none.json"}).missing(subject)
    record = written(tmp_path, labelled(20), kind="pairwise")
    audit = make_audit("judge", {"file": "judge.json"})
    assert "compares two answers" in str(audit.missing(subject))
    dataclasses.replace(record, kind="rubric", identity="another").save(tmp_path / "judge.json")
    with pytest.raises(ModelError, match="not the model that was measured"):
        audit.examine(subject)
