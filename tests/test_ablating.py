"""Did made-up rows help: two fits, the same dev items, and words for every outcome."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import task as made_task

from tailorbird.ablating import Ablation, ablate
from tailorbird.data.synth.base import Made, Row
from tailorbird.errors import BenchmarkError
from tailorbird.evaluate.statistics import compare, estimate_mean
from tailorbird.store import read_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Provenance

WORDS = ("cold", "warm", "soft", "loud")


def task(**changes: Any) -> Task:
    """Nearest knows two of four words; 40 dev items ask for all."""
    train = [(f"it is {w} here", w) for w in WORDS[:2]]
    dev = [Example(f"d{i}", f"{WORDS[i % 4]} number {i}", WORDS[i % 4]) for i in range(40)]
    labels = {"outputs": {"labels": list(WORDS)}, "rungs": ["nearest", "linear"]}
    return made_task(train, dev=dev, **labels, **changes)


def rows(pairs: list[tuple[str, str]]) -> list[Row]:
    return [
        Row(Made(Example("", text, target)), "variations", i, "t0-0", "typos")
        for i, (text, target) in enumerate(pairs, 1)
    ]


def tried(task: Task, made: list[tuple[str, str]], tmp_path: Path, **more: Any) -> Ablation:
    return ablate(task, "nearest", rows(made), (), tmp_path / "a", tmp_path, quiet=True, **more)


def test_rows_that_help(tmp_path: Path):
    found = tried(task(), [("it is soft here", "soft"), ("it is loud here", "loud")], tmp_path)
    assert found.answer == "helped"
    assert (found.without.value, found.with_them.value, found.made, found.found) == (0.5, 1.0, 2, 2)
    assert "50.0 % to 100.0 %: +50.0 points [" in found.sentence
    assert found.sentence.endswith("not in the fits: each was fitted once. They helped.")
    kept = read_json(tmp_path / "a" / "ablation.json")
    assert (kept["answer"], kept["comparison"]["wins"]) == ("helped", 20)
    assert not (tmp_path / "ledger.jsonl").exists()  # the test was not opened


def test_rows_that_harm(tmp_path: Path):
    found = tried(task(), [("warm number", "cold"), ("cold number", "warm")], tmp_path)
    assert found.answer == "harmed"
    assert found.comparison.difference < 0


def test_what_40_items_cannot_tell(tmp_path: Path):
    found = tried(task(), [("it rains", "loud")], tmp_path)
    assert found.comparison.difference == 0
    assert found.answer == "cannot tell"
    assert "dev items could show a difference of 2." in found.sentence


def test_made_up_rows_of_train_and_dev_are_no_part_of_what_was_found(tmp_path: Path):
    plain = task()
    made = Example("m", "it is soft here", "soft", provenance=Provenance("f", 1, "variations"))
    mixed = replace(
        plain,
        splits={
            **plain.splits,
            "train": (*plain.examples("train"), made),
            "dev": (*plain.examples("dev"), replace(made, id="m2", input="soft soft")),
        },
    )
    same = [("it is soft here", "soft"), ("it is loud here", "loud")]
    found = tried(mixed, same, tmp_path)
    assert (found.found, found.made, found.without.n) == (2, 2, 40)
    assert found.without.value == 0.5


def test_repeats_average_the_marks_of_each_item(tmp_path: Path):
    found = tried(task(), [("it is soft here", "soft")], tmp_path, repeats=3)
    assert found.repeats == 3
    assert "not in the fits: each was fitted with 3 seeds" in found.sentence
    assert sorted(p.name for p in (tmp_path / "a").iterdir() if p.is_dir()) == [
        f"{arm}-{n}" for arm in ("with", "without") for n in range(3)
    ]
    assert (found.without.value, found.with_them.value) == (0.5, 0.75)


def test_nothing_is_fitted_twice(tmp_path: Path):
    made = [("it is soft here", "soft")]
    first = tried(task(), made, tmp_path)
    file = tmp_path / "a" / "with-0" / "fitted.json"
    before = file.stat().st_mtime_ns
    assert tried(task(), made, tmp_path) == first
    assert file.stat().st_mtime_ns == before
    tried(task(), [("it is loud here", "loud")], tmp_path)
    assert file.stat().st_mtime_ns != before


@pytest.mark.parametrize(
    ("higher", "marks", "answer"),
    [
        (True, ([0.0] * 400, [1.0] * 400), "helped"),
        (False, ([0.0] * 400, [1.0] * 400), "harmed"),
        (True, ([1.0] * 4000, [1.0] * 4000), "made no difference"),
        (True, ([1.0] * 5, [1.0] * 5), "cannot tell"),
    ],
)
def test_every_answer_has_its_words(higher: bool, marks: Any, answer: str):
    groups = [None] * len(marks[0])
    means = [estimate_mean(m, groups, 0) for m in marks]
    found = compare(*marks, groups, 0)
    assert found is not None
    one = Ablation("r", "m", 1, 1, 3, means[0], means[1], found, 0.02, higher, 1)  # type: ignore[arg-type]
    assert one.answer == answer
    assert answer.removeprefix("made ") in one.sentence.casefold()
    assert "and 3 pairs" in one.sentence


def test_items_that_can_be_marked_are_needed(tmp_path: Path):
    plain = task(bar={"primary": {"metric": "facts", "at_least": 0.8}})
    with pytest.raises(BenchmarkError, match="no dev item could be marked by facts") as caught:
        tried(plain, [("a", "cold")], tmp_path)
    assert "bar.primary" in str(caught.value.hint)


def test_dev_is_needed(tmp_path: Path):
    without = replace(task(), splits={**task().splits, "dev": ()})
    with pytest.raises(BenchmarkError, match="no dev split"):
        tried(without, [("a", "cold")], tmp_path)
