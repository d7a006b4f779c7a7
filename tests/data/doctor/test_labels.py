"""Labels that were made wrong are found, with the label that they had; nothing else is claimed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import building
import numpy as np
import pytest

from tailorbird.data.doctor import labels
from tailorbird.data.doctor._suspects import chance_of_error
from tailorbird.data.doctor.base import Finding, Patient, make_check
from tailorbird.task.types import Example, Message

TOPICS = {
    "parcel": "parcel courier delivery tracking late doorstep depot",
    "refund": "refund money back charged twice amount bank",
    "login": "password login locked account reset code email",
    "goodbye": "cancel close leave subscription stop ending contract",
}


CLEAR = list(TOPICS.items())
"""Inputs that leave no doubt."""


def mails(each: int = 30, seed: int = 0) -> list[Example]:
    """Rows of four labels that a linear model tells apart."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, words in TOPICS.items():
        for _ in range(each):
            text = " ".join(rng.choice(words.split(), 4, replace=False))
            rows.append(Example(f"{label}-{len(rows)}", f"{text} {len(rows)}", label))
    return rows


def wrong(rows: list[Example], *places: int) -> list[Example]:
    names = list(TOPICS)
    turned = {p: names[(names.index(str(rows[p].target)) + 1) % len(names)] for p in places}
    return [replace(e, target=turned.get(n, e.target)) for n, e in enumerate(rows)]


def found(parts: dict[str, list[Example]], task: Any = None, **settings: Any) -> list[Finding]:
    counts: Any = {part: len(examples) for part, examples in parts.items()}
    patient = Patient(task, counts, Path("nowhere"), quiet=True)
    examination = make_check("labels", settings).start(patient)
    for part, examples in parts.items():
        examination.look(part, examples)  # type: ignore[arg-type]
    return list(examination.findings())


def suspected(findings: list[Finding], part: str) -> Finding:
    [one] = [f for f in findings if f"of {part} may be wrong" in f.text]
    return one


def test_wrong_labels_are_found_with_the_right_one():
    rows = mails()
    finding = suspected(found({"train": wrong(rows, 3, 40, 70, 100)}), "train")
    assert finding.remedy is not None
    assert (finding.remedy.action, finding.remedy.safe) == ("relabel", False)
    assert finding.remedy.changes == {rows[p].id: rows[p].target for p in (3, 40, 70, 100)}
    assert finding.details["expected"] == pytest.approx(4, abs=0.5)
    assert "about 4 are if errors fall at random" in finding.text
    assert finding.effect == labels.FELT * 4 / 120
    assert (finding.level, finding.affected) == ("warning", 4)
    first = finding.details["suspects"][0]
    assert 0 <= first["quality"] < 0.5 < first["probability"] <= 1
    assert f"suggested: {first['suggested']}" in finding.samples[0].note


def test_sound_labels_are_left_alone():
    assert found({"train": mails()}) == []


def test_test_rows_are_judged_by_all_others_and_weigh_fully():
    test = [Example(f"t{n}", f"{words} {n}", label) for n, (label, words) in enumerate(CLEAR * 5)]
    finding = suspected(found({"train": mails(), "test": wrong(test, 2)}), "test")
    assert (finding.affected, finding.effect) == (1, 1 / 20)
    assert "must not be made to agree" in finding.text


def test_labels_of_test_are_never_proposed_for_train():
    """Neither by the majority among equal inputs, nor by a model that was fitted to them."""
    rows = [Example("a", "Where is it?", "parcel")]
    copies = [replace(rows[0], id=f"t{n}", target="login") for n in range(2)]
    [finding, *_] = found({"train": rows, "test": copies}, building.task())
    assert finding.remedy is None
    assert finding.details == {"inputs": 1, "ties": 1}
    train = wrong(mails(), 3, 40)
    turned = [replace(e, id=f"t{e.id}", input=f"{e.text} again") for e in mails(seed=1)]
    alone = suspected(found({"train": train}), "train")
    for test in (turned, wrong(turned, *range(len(turned)))):
        beside = suspected(found({"train": train, "test": test}), "train")
        assert beside.remedy == alone.remedy


def test_a_benchmark_of_test_rows_alone_is_judged_by_them():
    rows = wrong(mails(), 3)
    finding = suspected(found({"test": rows}), "test")
    assert finding.remedy is not None
    assert list(finding.remedy.changes) == [rows[3].id]


def caught(rows: list[Example], mistake: list[Example]) -> int:
    every = found({"train": rows + mistake})
    changes = {row for f in every if f.remedy for row in f.remedy.changes}
    return sum(e.id in changes for e in mistake)


def test_a_group_does_not_vouch_for_its_own_mistake():
    """Copies of one mistake in a group: out of fold, nobody else says that they are right."""
    rows = mails()
    text = TOPICS["parcel"]
    mistake = [Example(f"m{n}", f"{text} {n}", "login", group="g") for n in range(60)]
    alone = [replace(e, group=None) for e in mistake]
    assert caught(rows, mistake) == 60
    assert caught(rows, alone) < 30


def test_rare_labels_are_named_and_not_judged():
    rows = [*mails(), Example("x", "something else entirely", "rare"), Example("y", "odd", "rare")]
    [note] = found({"train": rows})
    assert (note.level, note.affected, note.remedy) == ("note", 2, None)
    assert "rare" in note.text


def test_a_label_of_one_group_is_not_judged():
    rows = mails() + [
        Example(f"g{n}", f"parcel depot {n}", "lone" if n else "parcel", group="one")
        for n in range(8)
    ]
    assert all("lone" not in (f.remedy.changes if f.remedy else {}) for f in found({"train": rows}))


def test_equal_inputs_with_different_labels():
    rows = [
        Example("a", "Where is it?", "parcel"),
        Example("b", "where  is it?", "parcel"),
        Example("c", "WHERE is it?", "login"),
        Example("d", "Hello", "login"),
        Example("e", "hello", "parcel"),
    ]
    finding, *_ = found({"train": rows[:2] + rows[3:], "test": rows[2:3]}, building.task())
    assert finding.text.startswith("2 inputs with more than one label, in 5 rows")
    assert finding.remedy is not None
    assert finding.remedy.changes == {"c": "parcel"}  # "hello" is a tie: somebody must choose
    assert (finding.level, finding.effect) == ("error", 1)
    assert finding.details == {"inputs": 2, "ties": 1}
    assert {s.row for s in finding.samples} == {"c", "e"}


def test_other_system_turns_are_other_inputs():
    rows = [
        Example(say, (Message("system", say), Message("user", "Is it open?")), say)
        for say in ("yes", "no")
    ]
    assert not any("more than one label" in f.text for f in found({"train": rows}))


def test_what_contradicts_is_not_suspected_again():
    rows = mails()
    copies = [replace(rows[0], id=f"copy-{n}") for n in range(2)]
    every = found({"train": [*wrong(rows, 0), *copies]})
    changes = [f.remedy.changes for f in every if f.remedy]
    assert sum(rows[0].id in c for c in changes) == 1


def answers(*pairs: tuple[str, str], **more: Any) -> list[Example]:
    return [Example(f"a{n}", text, answer, **more) for n, (text, answer) in enumerate(pairs)]


ANSWERS = building.task(**building.ANSWERS)


def test_answers_that_state_other_facts_contradict_each_other():
    rows = answers(
        ("What is the fee?", "The fee is £75."),
        ("what is the fee?", "It costs £80 per year."),
        ("When are you open?", "From 9 am."),
        ("when are you open?", "From 9 a.m. until 5 pm."),  # says more, not otherwise
        ("How long?", "It takes 14 days."),
        ("how long?", "It takes fourteen days."),
    )
    [finding] = found({"train": rows[::2], "test": rows[1::2]}, ANSWERS)
    assert finding.details["pairs"] == [["a0", "a1"]]
    assert (finding.level, finding.effect, finding.remedy) == ("warning", 1 / 3, None)
    assert finding.samples[0].note == "a0: £75 against £80"


def test_an_answer_and_an_abstention_contradict_each_other():
    rows = answers(("Why?", "Because."))
    told = replace(rows[0], id="b", target="The pages do not say.", answerable=False)
    [finding] = found({"train": [*rows, told]}, ANSWERS)
    assert finding.samples[0].note == "a0: one abstains, the other answers"


def test_many_rows_are_sampled_and_that_is_said():
    rows = mails(60)
    finding = suspected(found({"train": wrong(rows, *range(0, 240, 8))}, rows=120), "train")
    assert "of a sample of" in finding.text
    assert 60 < finding.details["judged"] < 180


def test_without_cleanlab_contradictions_are_still_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(labels, "find_spec", lambda name: None)
    rows = [*mails(), Example("q", "parcel", "login"), Example("r", "parcel", "refund")]
    contradiction, note = found({"train": rows})
    assert "more than one label" in contradiction.text
    assert "pip install" in note.text


def test_the_share_of_random_errors_is_estimated():
    """Labels drawn from known probabilities, 5 % replaced: 100 of 2,000 are wrong."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 20)) * 4
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = np.array([rng.choice(20, p=row) for row in chances])
    given = true.copy()
    given[:100] = (true[:100] + rng.integers(1, 20, 100)) % 20
    sharper = chances**1.7  # an overconfident model
    _, wrong = chance_of_error(sharper / sharper.sum(axis=1, keepdims=True), given)
    assert wrong.sum() == pytest.approx(100, rel=0.25)
    assert wrong[:100].mean() > 0.6 > 0.1 > wrong[100:].mean()


def test_the_encoder_can_give_the_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    asked: list[tuple[str, int]] = []

    def embed(texts: list[str], cache: Path, name: str) -> Any:
        asked.append((name, len(texts)))
        return np.array([[w in t for w in " ".join(TOPICS.values()).split()] for t in texts], float)

    monkeypatch.setattr("tailorbird.models.encoder.embed", embed)
    rows = mails()
    settings = {"features": "encoder", "model": "some/encoder"}
    finding = suspected(found({"train": wrong(rows, 3)}, **settings), "train")
    assert finding.remedy is not None
    assert list(finding.remedy.changes) == [rows[3].id]
    assert asked == [("some/encoder", 120)]
