"""Lengths: outliers, nothing to read, one-word answers; which rows, and how many more."""

import json
from pathlib import Path
from typing import Any

import building
import numpy as np
import pytest

from tailorbird.data.doctor.base import Finding, Part, Patient
from tailorbird.data.doctor.examine import examine, examine_task
from tailorbird.data.doctor.lengths import fences
from tailorbird.task.types import Example


def found(texts: dict[Part, list[tuple[str, str]]], **settings: Any) -> list[Finding]:
    """What is found of a file's rows, `(input, answer)`; or of parts."""
    parts: Any = {
        part: [Example(f"{part}-{i}", text, said) for i, (text, said) in enumerate(rows)]
        for part, rows in texts.items()
    }
    rows = {part: len(examples) for part, examples in parts.items()}
    patient = Patient(None, rows, Path("nowhere"), quiet=True)
    return list(examine(patient, parts, ["lengths"], {"lengths": settings}).findings)


def usual(n: int, answer: str = "It is so.") -> list[tuple[str, str]]:
    """Inputs of 100 to 139 letters."""
    return [("a" * (100 + i % 40), answer) for i in range(n)]


def test_rows_of_usual_lengths_are_no_finding():
    assert not found({"rows": usual(60)})
    assert not found({"rows": [("a" * 300, "b")] * 18 + [("a", "b")]}), "19 texts are too few"


def test_far_longer_and_shorter_inputs():
    rows = [*usual(40), ("b" * 5_000, "It is so."), ("bb", "It is so.")]
    longer, shorter = sorted(found({"rows": rows}), key=lambda f: f.text)
    assert longer.text.startswith("1 input far longer than the others: over")
    assert shorter.text.startswith("1 input far shorter than the others: under")
    assert longer.effect == shorter.effect == 1 / 42
    assert (longer.level, shorter.level) == ("note", "note")
    assert longer.remedy is not None
    assert shorter.remedy is not None
    assert dict(longer.remedy.changes) == {"rows-40": None}
    assert dict(shorter.remedy.changes) == {"rows-41": None}
    assert longer.samples[0].note == "5,000 characters"
    assert sum(longer.details["characters"].values()) == 42
    assert longer.details["characters"]["3,000 to 9,999"] == 1


@pytest.mark.parametrize(("times", "n"), [(2.9, 0), (3.2, 1)])
def test_equal_lengths_leave_room_for_a_factor_of_three(times: float, n: int):
    rows = [("a" * 100, "b b")] * 40 + [("a" * int(100 * times), "b b")]
    assert len(found({"rows": rows})) == n
    assert not found({"rows": rows}, ratio=4)


def test_fences_are_tukeys_on_the_logarithm():
    sizes = np.exp(np.random.default_rng(0).normal(5, 1, 100_000)) - 1
    low, high = fences(sizes, far=3.0, ratio=1.01)
    # Quartiles of a normal distribution lie 0.6745 deviations from its mean.
    assert np.log([low + 1, high + 1]) == pytest.approx([5 - 7 * 0.6745, 5 + 7 * 0.6745], abs=0.05)


def test_nothing_to_read_is_worth_a_warning_even_in_one_row():
    rows = [("???", "It is so."), ("Where?", "—"), ("42", "数"), ("Who?", "Ann.")]
    one, two = found({"rows": rows})
    assert {one.level, two.level} == {"warning"}
    assert {f.text.split(":")[0] for f in (one, two)} == {
        "1 input without a letter or a digit", "1 answer without a letter or a digit",
    }  # fmt: skip
    assert {row for f in (one, two) if f.remedy for row in f.remedy.changes} == {"rows-0", "rows-1"}


def test_one_word_answers_are_odd_among_long_ones_alone():
    long = "You may send it back within two weeks and pay nothing."
    rows = [*usual(30, long), ("a" * 100, "Yes."), ("a" * 100, "14")]
    [curt] = [f for f in found({"rows": rows}) if "of one word" in f.text]
    assert curt.affected == 2
    assert curt.remedy is not None
    assert set(curt.remedy.changes) == {"rows-30", "rows-31"}
    assert not found({"rows": [*usual(30, "Yes, you may."), ("a" * 100, "Yes.")]})


def test_labels_are_no_answers():
    long = "a label of a good many words that is long"
    rows = [Example(f"r{i}", "a" * 100, long) for i in range(30)]
    test = [Example("t", "a" * 100, "short")]
    task = building.task([*rows, Example("x", "a" * 100, "short")], test)
    assert not examine_task(task, Path("nowhere"), only=["lengths"], quiet=True).findings


def test_rows_beyond_those_that_are_named_are_counted():
    rows = [*usual(40), *[("?", "It is so.")] * 8, *[("b" * 9_999, "It is so.")] * 7]
    every = found({"rows": rows}, kept=5)
    blank = next(f for f in every if "without" in f.text)
    longer = next(f for f in every if "longer" in f.text)
    for finding, n in ((blank, 8), (longer, 7)):
        assert finding.affected == n
        assert finding.effect == n / 55
        assert finding.remedy is not None
        assert len(finding.remedy.changes) == 5
        assert finding.details["not named"] == n - 5


def test_the_effect_is_that_on_test_where_test_rows_are_so():
    [finding] = found(
        {"train": [("?", "so")] * 3 + [("ok", "so")], "test": [("?", "so"), ("a", "b")]}
    )
    assert (finding.affected, finding.effect) == (4, 1 / 2)
    assert finding.why.startswith("50 % of test")
    json.dumps(dict(finding.details))
