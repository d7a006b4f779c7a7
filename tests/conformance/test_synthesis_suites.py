"""Every generator and every filter, through its suite; and the suites, through broken ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.overlap import Protected
from tailorbird.data.synth.base import Made, Material, Order, Row, Teacher, Unmade, make_generator
from tailorbird.data.synth.filters.base import FOLDER, make_filter
from tailorbird.models.scripted import Scripted
from tailorbird.registry import names
from tailorbird.store import digest
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Document, Example, Prompt
from tailorbird.testing import check_filter, check_generator

STEPS = Document(
    "claims",
    "Making a claim",
    "1. Call the claims line.\n2. Fill in form TM-20.\n3. Send the form within 14 days.\n\n"
    "You need:\n- a receipt\n- the serial number\n",
)
FILTERS: dict[str, dict[str, Any]] = {"diverse": {"by": "sparse"}}


def obliging(prompt: Prompt) -> str:
    """A teacher that answers in every form that it may be asked for."""
    said = prompt[-1].content
    text = said.split("<Message>\n")[-1].split("\n</Message>")[0] if "<Message>" in said else ""
    return (
        f"Question: Within how many days is this to be sent, {len(said)}?\n"
        "Answer: Within 14 days.\n"
        f"Message: Well now, {text or 'about that'}\n"
        "Wrong answer: Within 41 days."
    )


def material(task: Task, cache: Path, taught: bool) -> Material:
    lm = Scripted(obliging, name="obliging")
    held = [(s, e) for s in ("dev", "test") for e in task.examples(s)]  # type: ignore[arg-type]
    return Material(
        task=replace(task.without_test(), documents=(*task.documents, STEPS))
        if task.documents
        else task.without_test(),
        protected=Protected({f"{s} {e.id}": e.text for s, e in held}),
        held=frozenset(digest(e.asked) for _, e in held),
        teachers=(Teacher("obliging", lm),) if taught else (),
        cache=cache,
        quiet=True,
    )


@pytest.mark.parametrize("taught", [False, True], ids=["by rule", "by a teacher"])
@pytest.mark.parametrize("name", names("data.synth"))
def test_generator_conforms(
    name: str, taught: bool, label_task: Task, answer_task: Task, tmp_path: Path
):
    file = tmp_path / "templates.yaml"
    file.write_text(
        "templates:\n  - input: 'Claims: what is the {what}?'\n    target: The {what} is TM-20.\n"
        "    sources: [claims]\n    facts: [TM-20]\nslots:\n  what: [form, paper]\n"
    )
    made: list[Row] = []
    for task in (label_task, answer_task):
        own = {"file": str(file)} if name == "templates" and task is answer_task else {}
        made += check_generator(name, make_generator(name, own), material(task, tmp_path, taught))
    assert made, "neither task lets it make a row"


@pytest.mark.parametrize("taught", [False, True], ids=["by rule", "by a teacher"])
@pytest.mark.parametrize("name", names(FOLDER))
def test_filter_conforms(
    name: str, taught: bool, label_task: Task, answer_task: Task, tmp_path: Path
):
    for task, generators in (
        (label_task, ("variations", "preferences")),
        (answer_task, ("questions", "procedures", "preferences", "variations")),
    ):
        own = material(task, tmp_path, taught)
        rows = [r for g in generators for r in check_generator(g, make_generator(g, {}), own)]
        check_filter(name, make_filter(name, FILTERS.get(name, {})), rows, own)


# ---- broken ones ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sound:
    """Every training input, asked again; the broken ones change one thing."""

    def missing(self, material: Material) -> str | None:
        return None

    def orders(self, material: Material) -> Iterator[Order]:
        for seed in material.seeds:
            yield Order(seed.id, "again", None, {"seed": seed})

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        return [Made(self.made(order.about["seed"]))]

    def made(self, seed: Example) -> Example:
        return replace(seed, input=f"Again: {seed.input}")


class Copies(Sound):
    def made(self, seed: Example) -> Example:
        return seed


class Invents(Sound):
    def made(self, seed: Example) -> Example:
        return replace(seed, input=f"Again: {seed.input}", target="a new label")


class Lists(Sound):
    def orders(self, material: Material) -> Iterator[Order]:
        return iter(())


class Crashes(Sound):
    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        raise ValueError("no")


class Refuses(Sound):
    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        raise Unmade("no")


class Regroups(Sound):
    def made(self, seed: Example) -> Example:
        return replace(seed, input=f"Again: {seed.input}", group="elsewhere")


def test_a_sound_generator_passes(label_task: Task, tmp_path: Path):
    assert len(check_generator("sound", Sound(), material(label_task, tmp_path, False))) == 25


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Copies, "gives back the row"),
        (Invents, "makes up the label"),
        (Lists, "lists no order"),
        (Crashes, "should read None"),
        (Refuses, "gives a row"),
        (Regroups, "out of its group"),
    ],
)
def test_a_broken_generator_is_noticed(
    broken: type[Sound], says: str, label_task: Task, tmp_path: Path
):
    with pytest.raises(AssertionError, match=says):
        check_generator("broken", broken(), material(label_task, tmp_path, False))


@dataclass(frozen=True)
class Says:
    """A filter that says what it is told to."""

    said: Any

    def missing(self, material: Material) -> str | None:
        return None

    def asks(self, material: Material) -> str | None:
        return None

    def sift(self, rows: list[Row], material: Material) -> list[str | None]:
        return self.said(rows)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (lambda rows: [None] * (len(rows) - 1) if rows else [], "things of"),
        (lambda rows: [""] * len(rows), "without a reason"),
        (lambda rows: ["always"], "of no rows"),
        (lambda rows: rows[0].nothing, "should say of any row"),
    ],
)
def test_a_broken_filter_is_noticed(said: Any, says: str, label_task: Task, tmp_path: Path):
    own = material(label_task, tmp_path, False)
    rows = check_generator("sound", Sound(), own)
    with pytest.raises(AssertionError, match=says):
        check_filter("broken", Says(said), rows, own)
