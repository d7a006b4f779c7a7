"""Copies inside a part: which row stays, what is not a copy, and what it is worth."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import building
import pytest

from tailorbird.data.doctor.base import Finding, Part, Patient
from tailorbird.data.doctor.duplicates import Duplicates
from tailorbird.data.doctor.examine import Settings, examine
from tailorbird.task.types import Example, Message, Role

MAIL = "the courier left my new kettle in the rain and now it does not boil any water at all"
OTHER = "why does the invoice for the desk lamp show an amount that I never agreed to pay you"


def found(
    folder: Path, settings: Settings | None = None, **parts: Sequence[Example]
) -> dict[tuple[str, str], Finding]:
    """Findings by part and likeness."""
    given: dict[Part, Sequence[Example]] = dict(parts)  # type: ignore[arg-type]
    patient = Patient(None, {p: len(e) for p, e in given.items()}, folder, quiet=True)
    diagnosis = examine(patient, given, ["duplicates"], settings)
    return {(f.details["part"], f.details["likeness"]): f for f in diagnosis.findings}


def rows(*texts: str, start: int = 0) -> list[Example]:
    return [Example(f"r{start + i}", text, "a") for i, text in enumerate(texts)]


def test_the_first_row_stays_and_the_copies_go(tmp_path: Path):
    given = rows(MAIL, OTHER, MAIL, f"{MAIL} thanks", MAIL)
    findings = found(tmp_path, rows=given)
    equal, near = findings["rows", "identical"], findings["rows", "near"]
    assert equal.remedy is not None
    assert near.remedy is not None
    assert (dict(equal.remedy.changes), equal.remedy.safe) == ({"r2": None, "r4": None}, True)
    assert (dict(near.remedy.changes), near.remedy.safe) == ({"r3": None}, False)
    assert equal.text.startswith("2 of 5 rows repeat another word for word, with the same answer")
    assert (equal.details["originals"], equal.details["most_copies_of_one"]) == (1, 2)
    assert [s.note for s in equal.samples] == ["one of 2 rows that copy r0"]
    [sample] = near.samples
    assert (sample.row, sample.text) == ("r3", f"{MAIL} thanks")
    assert sample.note == f"copies r0; 94 % alike: {MAIL}"


def test_only_what_is_identical_is_safe_to_drop(tmp_path: Path):
    upper, spaced = rows(MAIL.upper(), f"  {MAIL}", start=1)
    findings = found(tmp_path, rows=[*rows(MAIL), upper, spaced, replace(upper, id="r3")])
    assert set(findings) == {("rows", "identical"), ("rows", "equal")}
    identical, equal = (findings["rows", how].remedy for how in ("identical", "equal"))
    assert identical is not None
    assert equal is not None
    assert (dict(identical.changes), identical.safe) == ({"r3": None}, True)
    assert (dict(equal.changes), equal.safe) == ({"r1": None, "r2": None}, False)
    assert "repeat another but for case and white space" in findings["rows", "equal"].text


def test_rows_with_other_system_turns_or_roles_are_no_copies(tmp_path: Path):
    def asked(*turns: tuple[Role, str]) -> Example:
        return Example(str(turns), tuple(Message(*t) for t in turns), "a")

    user: tuple[Role, str] = ("user", MAIL)
    german, french = asked(("system", "In German."), user), asked(("system", "In French."), user)
    assert not found(tmp_path, rows=[german, french, asked(user)])
    again = found(tmp_path, rows=[german, french, replace(french, id="again")])
    assert [f.affected for f in again.values()] == [1]
    said = asked(("assistant", "hello there"), ("user", "hello"))
    turned = asked(("user", "hello there"), ("assistant", "hello"))
    assert ("rows", "identical") not in found(tmp_path, rows=[said, turned])


def test_parts_are_examined_by_themselves(tmp_path: Path):
    """What stands in two parts is leakage."""
    assert not found(tmp_path, train=rows(MAIL), dev=rows(MAIL, start=1), test=rows(MAIL, start=2))


def test_test_rows_are_never_dropped(tmp_path: Path):
    again = rows(MAIL, MAIL, f"{MAIL} thanks", OTHER)
    findings = found(tmp_path, train=rows(MAIL, MAIL), test=again, dev=rows(OTHER, OTHER))
    assert findings["test", "identical"].remedy is None
    assert findings["test", "near"].remedy is None
    assert findings["test", "identical"].effect == pytest.approx(1 / 4)
    assert findings["test", "identical"].level == "warning"
    assert (findings["dev", "identical"].level, findings["dev", "identical"].effect) == ("note", 0)
    assert "give them one group" in findings["test", "near"].text


def test_the_effect_is_that_of_fewer_rows(tmp_path: Path):
    others = [f"question number {i} about the {i}th thing" for i in range(98)]
    finding = found(tmp_path, train=rows(*others, MAIL, MAIL))["train", "identical"]
    assert finding.effect == pytest.approx(1 - 0.99**0.35)
    assert finding.level == "note"
    half = found(tmp_path, train=rows(*others, *others))["train", "identical"]
    assert (half.level, half.effect) == ("warning", pytest.approx(1 - 0.5**0.35))


def test_other_answers_are_contradictions_not_copies(tmp_path: Path):
    given = rows(MAIL, MAIL, f"{MAIL} thanks")
    contrary = [replace(e, target=f"answer {e.id}") for e in given]
    assert not found(tmp_path, rows=contrary)


def test_the_threshold_says_what_is_near(tmp_path: Path):
    given = rows(MAIL, MAIL.replace("kettle", "toaster"))  # 3 of 17 runs change: 14 of 20
    assert found(tmp_path, rows=given)
    assert not found(tmp_path, {"duplicates": {"threshold": 0.75}}, rows=given)


def test_it_says_why_it_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert Duplicates().missing(Patient(None, {"rows": 0}, tmp_path)) == "there are no rows"
    monkeypatch.setitem(__import__("sys").modules, "rensa", None)
    why = Duplicates().missing(Patient(None, {"rows": 1}, tmp_path))
    assert why == (
        "rensa is not installed, and this step needs it; pip install 'tailorbird[doctor]'"
    )


def test_a_task_without_copies_has_no_finding(tmp_path: Path):
    task = building.task([(MAIL, "a"), (OTHER, "b")], rows(MAIL))
    patient = Patient(task, {"train": 2, "test": 1}, tmp_path, quiet=True)
    parts: dict[Part, Sequence[Example]] = {s: task.examples(s) for s in ("train", "test")}
    assert not examine(patient, parts, ["duplicates"]).findings
