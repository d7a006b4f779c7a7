"""Variety: the effective number of inputs, distinct n-grams, answers that are always the same."""

from pathlib import Path
from typing import Any

import building
import numpy as np
import pytest

from tailorbird.data.doctor.base import Finding, Patient
from tailorbird.data.doctor.diversity import cosines, distinct, vendi_score
from tailorbird.data.doctor.examine import examine, examine_task
from tailorbird.task.types import Example, Provenance

VARIED = [
    f"{thing} {thing[::-1]} {woe}{thing} {i}{woe}"
    for i, thing in enumerate(
        ("kettle", "lamp", "radio", "desk", "chair", "teapot", "shelf", "mat")
    )
    for woe in ("broken", "late", "lost", "dear", "wet", "loud", "small", "heavy", "red", "odd")
]


def found(examples: list[Example], **settings: Any) -> list[Finding]:
    patient = Patient(None, {"rows": len(examples)}, Path("nowhere"), quiet=True)
    return list(
        examine(patient, {"rows": examples}, ["diversity"], {"diversity": settings}).findings
    )


def rows(texts: list[str], said: str | None = None) -> list[Example]:
    return [Example(f"r{i}", text, said or f"answer {i}") for i, text in enumerate(texts)]


# ---- numbers ---------------------------------------------------------------------------------


def test_the_vendi_score_counts_what_shares_nothing():
    assert vendi_score(np.eye(7)) == pytest.approx(7)
    assert vendi_score(np.ones((7, 7))) == pytest.approx(1)
    blocks = np.kron(np.eye(3), np.ones((2, 2)))
    assert vendi_score(blocks) == pytest.approx(3)
    # By hand: cosine 0.6 of two gives eigenvalues 0.8 and 0.2 of K/2.
    half = vendi_score(np.array([[1.0, 0.6], [0.6, 1.0]]))
    assert half == pytest.approx(np.exp(-0.8 * np.log(0.8) - 0.2 * np.log(0.2)))


def test_a_row_of_zeros_is_like_itself():
    kernel = cosines(np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert kernel.tolist() == [[1, 0], [0, 1]]


def test_distinct_n_grams_are_shares_of_all():
    assert distinct(["a b a b", "A b"]) == {
        "n = 1": pytest.approx(2 / 6, abs=1e-4),
        "n = 2": pytest.approx(2 / 4, abs=1e-4),
        "n = 3": 1.0,
    }
    assert distinct(["", ""]) == {}
    assert distinct(["我要退货", "我要退款"])["n = 1"] == pytest.approx(5 / 8, abs=1e-4)


# ---- findings --------------------------------------------------------------------------------


def test_inputs_that_share_nothing_count_as_many():
    texts = [f"{c}{c} {c}{c}{c}" for c in "abcdefghijklmnopqrstuvwx"]
    [finding] = found(rows(texts))
    assert finding.text.startswith("24 inputs count as 24 that share nothing")
    assert finding.details["effective number"] == pytest.approx(24)
    assert (finding.level, finding.effect, finding.remedy) == ("note", 0, None)


def test_copies_of_a_few_inputs_count_as_few():
    [finding] = found(rows(["Where is it?", "How much is that?"] * 20))
    assert finding.level == "warning"
    assert finding.details["effective number"] == pytest.approx(2, abs=0.3)
    assert finding.samples[0].note.startswith("1.00 like r")
    assert not found(rows(["Where is it?"] * 19)), "nothing is said of so few"


def test_the_nearest_pair_is_shown_once():
    texts = [*VARIED[:30], "my new radio hums all night", "my new radio hums all day"]
    [finding] = found(rows(texts))
    first = finding.samples[0]
    assert {first.row, first.note.split()[2].rstrip(":")} == {"r30", "r31"}
    assert {"r30", "r31"} - {first.row} & {s.row for s in finding.samples} == set()


def test_only_a_sample_is_compared_and_that_is_said():
    [finding] = found(rows(VARIED), rows=30)
    assert finding.text.startswith("30 inputs drawn of 80 count as")
    assert [finding] == found(rows(VARIED), rows=30), "drawn by the seed"


def test_text_without_spaces_has_words():
    texts = [f"请问我的{a}什么时候到{b}" for a in "壶灯椅桌钟镜" for b in "货店家门"]
    [finding] = found(rows(texts))
    assert finding.details["effective number"] < 12, "they share most of their characters"


def test_one_answer_to_most_questions():
    texts = VARIED[:40]
    same = [Example(f"r{i}", t, " Ask  a colleague.") for i, t in enumerate(texts[:20])]
    other = [Example(f"r{i}", t, f"answer {i}") for i, t in enumerate(texts[20:], start=20)]
    [repeated] = [f for f in found([*same, *other]) if "one answer" in f.text]
    assert repeated.text.startswith("one answer is that of 50 % of the rows (21 different ones")
    assert (repeated.level, repeated.affected) == ("warning", 20)
    assert {s.row for s in repeated.samples} <= {e.id for e in same}
    assert not [f for f in found([*same, *other], repeated=0.5) if "one answer" in f.text]


def test_labels_are_meant_to_repeat_and_only_train_is_looked_at():
    train = [Example(f"a{i}", t, "yes") for i, t in enumerate(VARIED[:30])]
    test = [Example(f"t{i}", "Where is it?", "yes") for i in range(30)]
    task = building.task(train, test)
    found = examine_task(task, Path("nowhere"), only=["diversity"], quiet=True).findings
    assert [f.affected for f in found] == [30]
    assert {s.part for f in found for s in f.samples} == {"train"}


def test_made_up_rows_are_compared_with_as_many_found_ones():
    by_rule = Provenance("made.jsonl", 1, synthetic="rules")
    made = [Example(f"m{i}", f"Where is it, number {i % 3}?", "x", provenance=by_rule)
            for i in range(25)]  # fmt: skip
    finding = found([*rows(VARIED[:40]), *made])
    [compared] = [f for f in finding if "made-up" in f.text]
    assert compared.details["made up"] < compared.details["found"] / 2
    assert compared.affected == 25
    assert not [f for f in found([*rows(VARIED[:40]), *made[:19]]) if "made-up" in f.text]


def test_the_found_ones_are_drawn_wherever_they_stand():
    by_rule = Provenance("made.jsonl", 1, synthetic="rules")
    made = [Example(f"m{i}", t, "x", provenance=by_rule) for i, t in enumerate(VARIED[:25])]
    uniform = rows([f"Where is it, number {i}?" for i in range(25)])
    varied = [Example(f"v{i}", t, "x") for i, t in enumerate(VARIED)]
    [first, last] = (
        next(f for f in found([*order, *made]) if "made-up" in f.text).details["found"]
        for order in ([*uniform, *varied], [*varied, *uniform])
    )
    assert min(first, last) > 0.6 * max(first, last)
