"""The audit of slices: all of them, not only the worst."""

from pathlib import Path

from audited import Says, lines, subject
from building import task

from tailorbird.evaluate.audits.base import Audited, make_audit
from tailorbird.task.types import Example

ITEMS = tuple(
    Example(
        f"i{n}", f"Question {n} about {('law', 'tax', 'post')[n % 3]}.", "yes",
        fields={"topic": ("law", "tax", "post")[n % 3], "rare": "odd" if n < 3 else "usual"},
    )
    for n in range(90)
)  # fmt: skip
TASK = task(test=ITEMS, outputs={"labels": ["yes", "no"]})


def test_every_slice_is_listed_and_the_weak_one_is_found(tmp_path: Path):
    about = subject(TASK, Says(lambda text: "no" if "tax" in text else "yes"), tmp_path)
    found = make_audit("slices", {"at_most": 0.1}).examine(about)
    rows = lines(found)
    assert {"topic = law", "topic = tax", "topic = post", "rare = usual"} <= set(rows)
    assert "rare = odd" not in rows  # three items
    assert rows["all items"].estimate.n == 90
    assert (rows["topic = tax"].estimate.value, rows["topic = tax"].holds) == (0, False)
    assert rows["topic = tax"].p_value < 0.001
    assert rows["topic = law"].holds is True
    assert "topic = tax" in found.notes[1]
    assert Audited.from_json(found.to_json()) == found


def test_equal_slices_are_leads_alone(tmp_path: Path):
    about = subject(TASK, Says(lambda text: "no" if "1" in text else "yes"), tmp_path)
    found = make_audit("slices", {}).examine(about)
    topics = [x for x in found.lines if x.name.startswith("topic")]
    assert all(x.p_value == 1 for x in topics)
    assert all(x.holds is None for x in found.lines)


def test_nothing_to_slice(tmp_path: Path):
    few = task(test=ITEMS[:5], outputs={"labels": ["yes", "no"]})
    about = subject(few, Says(lambda text: "yes"), tmp_path)
    assert "no field" in str(make_audit("slices", {}).missing(about))
