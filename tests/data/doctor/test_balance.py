"""What there is too little of is named, with the share of the test that it costs."""

from pathlib import Path
from typing import Any

import building
import pytest

from tailorbird.data.doctor.balance import half_width, rows_needed
from tailorbird.data.doctor.base import Finding, Patient, make_check
from tailorbird.evaluate.statistics import estimate_mean
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example


def rows(start: str, **counts: int) -> list[Example]:
    labels = [label for label, n in counts.items() for _ in range(n)]
    return [Example(f"{start}{n}", f"text {n}", label) for n, label in enumerate(labels)]


def found(task: Task | None, parts: dict[str, list[Example]], **settings: Any) -> list[Finding]:
    counts: Any = {part: len(examples) for part, examples in parts.items()}
    examination = make_check("balance", settings).start(Patient(task, counts, Path("nowhere")))
    for part, examples in parts.items():
        examination.look(part, examples)  # type: ignore[arg-type]
    return list(examination.findings())


def of_labels(train: list[Example], test: list[Example], **settings: Any) -> list[Finding]:
    return found(building.task(train, test), {"train": train, "test": test}, **settings)


def one(findings: list[Finding], said: str) -> Finding:
    [finding] = [f for f in findings if said in f.text]
    return finding


def test_labels_with_few_training_rows():
    finding = one(of_labels(rows("a", x=40, y=9), rows("b", x=8, y=2)), "to learn from")
    assert finding.text.startswith("1 label of 2 has fewer than 10 rows in train")
    assert (finding.level, finding.affected, finding.effect) == ("warning", 9, 0.2)
    assert finding.details["counts"] == {"y": 9}


def test_labels_that_cannot_be_measured():
    finding = one(of_labels(rows("a", x=40, y=40), rows("b", x=100, y=10)), "too few rows of")
    assert "takes 93 rows; 10 of 'y' tell it to ±26 points" in finding.text
    assert finding.details["counts"] == {"y": 10}


@pytest.mark.parametrize("n", [2, 30, 93])
def test_the_half_width_is_that_of_an_estimate(n: int):
    found = estimate_mean([float(i % 2) for i in range(2 * n)], [None] * (2 * n), 0)
    assert found is not None
    assert half_width(2 * n) == pytest.approx((found.high - found.low) / 2)
    assert half_width(rows_needed(half_width(n))) == pytest.approx(half_width(n))


def test_imbalance():
    finding = one(of_labels(rows("a", x=300, y=20), rows("b", x=30, y=2)), "spread like")
    assert "'x' has 300 rows and 'y' 20" in finding.text
    assert "like 1.26 labels of equal size instead of 2" in finding.text
    assert "right in 94 %" in finding.text
    assert not any("spread" in f.text for f in of_labels(rows("a", x=40, y=20), rows("b", x=4)))


def test_labels_of_one_split():
    both = of_labels(rows("a", x=20, y=20), rows("b", x=3, z=1))
    unlearned = one(both, "no training row")
    assert (unlearned.level, unlearned.effect, unlearned.affected) == ("warning", 0.25, 1)
    assert one(both, "no test row").details["counts"] == {"y": 20}


def test_a_shift_between_splits():
    finding = one(of_labels(rows("a", x=100, y=100), rows("b", x=80, y=20)), "distributed")
    assert (finding.level, finding.affected) == ("warning", 30)
    assert finding.effect == pytest.approx(0.3)
    assert "is 50 % of train and 80 % of test" in finding.text


@pytest.mark.parametrize(
    ("test", "groups"),
    [({"x": 54, "y": 46}, 0), ({"x": 6, "y": 2}, 0), ({"x": 80, "y": 20}, 10)],
    ids=["by chance", "few rows", "ten groups"],
)
def test_no_shift_where_chance_explains_it(test: dict[str, int], groups: int):
    tested = rows("b", **test)
    if groups:
        tested = [Example(e.id, e.text, e.target, group=str(n // 10)) for n, e in enumerate(tested)]
    every = of_labels(rows("a", x=100, y=100), tested)
    assert not any("distributed" in f.text for f in every)


def answered(start: str, *sources: str, unanswerable: int = 0) -> list[Example]:
    known = [Example(f"{start}{n}", "q", "a", sources=(s,)) for n, s in enumerate(sources)]
    return known + [
        Example(f"{start}-u{n}", "q", "not said", answerable=False) for n in range(unanswerable)
    ]


def of_answers(train: list[Example], test: list[Example]) -> list[Finding]:
    documents = {name: f"text of {name}" for name in ("one", "two", "three")}
    task = building.task(documents=documents, **building.ANSWERS)
    return found(task, {"train": train, "test": test})


def test_unanswerable_questions():
    none = of_answers(answered("a", "one"), answered("b", "one"))
    assert one(none, "no test question is unanswerable").level == "note"
    untaught = of_answers(answered("a", "one"), answered("b", "one", unanswerable=1))
    finding = one(untaught, "no rung is shown how to abstain")
    assert (finding.level, finding.effect, finding.affected) == ("warning", 0.5, 1)
    taught = of_answers(answered("a", "one", unanswerable=1), answered("b", "one", unanswerable=1))
    assert not any("unanswerable" in f.text for f in taught)


def test_documents_that_no_question_rests_on():
    finding = one(of_answers(answered("a", "two"), answered("b", "one")), "support no test")
    assert finding.text.startswith("2 of 3 documents support no test answer (1 of them")
    assert finding.details["counts"] == {"two": 1, "three": 0}


def test_fields_that_say_nothing():
    made = [
        Example(str(n), "q", "x", fields={"team": "A", "note": "" if n else "yes", "n": str(n)})
        for n in range(4)
    ]
    every = found(None, {"rows": made})
    assert [f.text for f in every] == [
        "the field 'note' is empty in 3 of 4 rows",
        "the field 'team' is 'A' in every row",
    ]


def test_a_file_of_texts_has_no_labels():
    made = [Example(str(n), "q", f"answer {n}") for n in range(50)]
    assert found(None, {"rows": made}) == []
    assert one(found(None, {"rows": rows("a", x=60, y=3)}), "to learn from").effect == 0
