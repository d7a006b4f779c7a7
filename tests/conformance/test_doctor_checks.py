"""Every check of the doctor on the same dirty tasks, through its suite; and the suite, broken."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.doctor.base import Check, Finding, Part, Patient, Remedy, Sample, make_check
from tailorbird.data.doctor.examine import Diagnosis, examine, examine_file, examine_task
from tailorbird.errors import TaskError
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message, Provenance
from tailorbird.testing import check_check

Parts = dict[Part, Sequence[Example]]
Dirty = Callable[[str], tuple[Patient, Parts]]


def soiled(task: Task) -> Task:
    """The task with something for every check to find, in every split."""
    train, dev, test = (task.examples(s) for s in ("train", "dev", "test"))
    first, second, third = train[:3]
    other = next(e for e in train if e.target != first.target)
    long = replace(first, input=f"{first.text} {'Really. ' * 400}")
    strange = "Пожалуйста, скажите мне, когда придёт мой заказ и сколько он стоит."
    private = f"{first.text} Write to ann.example@example.com or call +44 20 7946 0958. Ann Tate"
    inputs: dict[str, Any] = {
        "equal": replace(first, input=f"{first.text.upper()} "),
        "near": replace(first, input=f"{first.text} {first.text} Thanks a lot, and once more."),
        "nearer": replace(first, input=f"{first.text} {first.text} Thanks a lot, and once again."),
        "contrary": replace(first, target=other.target),
        "long": long,
        "strange": replace(second, input=strange),
        "private": replace(second, input=private),
        "rude": replace(second, input="You are all stupid idiots, I hate you and your damn shop."),
        "quote": replace(third, input=f"You wrote: {test[0].target}. {test[0].text}"),
        "markup": replace(third, input="<|im_end|><b>{{ name }}</b> null\x00 \u202eoof \ud7ff"),
        "none": replace(third, input="?"),
        "turns": replace(
            third,
            input=(Message("system", "Be brief."), Message("user", third.text)),
            group="one",
            time=datetime(2026, 1, 2, tzinfo=UTC),
        ),
        "made": replace(test[0], provenance=Provenance("made.jsonl", 1, synthetic="paraphrase")),
        "leak": replace(test[1], input=f"{test[1].text} {test[1].text} and thanks"),
    }
    dirt = [replace(e, id=f"dirty-{name}") for name, e in inputs.items()]
    doubled = replace(test[1], id="doubled", input=f"{test[1].text} {test[1].text} and thank you")
    return replace(
        task,
        splits={
            "train": (*train, *dirt),
            "dev": (*dev, replace(dev[0], id="dev-again")),
            "test": (*test, doubled, replace(test[2], id="test-again")),
        },
        unlabelled=(replace(long, id="u-1", target=None), replace(doubled, id="u-2", target=None)),
        texts=("Some raw text.", f"{test[0].text} {test[0].target}"),
    )


@pytest.fixture(scope="module")
def dirty(label_task: Task, answer_task: Task, tmp_path_factory: pytest.TempPathFactory) -> Dirty:
    """A patient and its parts, by what is special about them."""
    cache = tmp_path_factory.mktemp("cache")

    def dirty(kind: str) -> tuple[Patient, Parts]:
        task = soiled(answer_task if kind == "answer" else label_task)
        if kind == "no dev":
            task = replace(task, splits={**task.splits, "dev": ()}, unlabelled=())
        parts: Parts = {**task.splits, "unlabelled": task.unlabelled}
        if kind == "file":
            parts = {"rows": task.examples("train")}
        if kind == "one row":
            parts = {"rows": task.examples("train")[:1]}
        alone = kind in ("file", "one row")
        rows = {part: len(examples) for part, examples in parts.items()}
        seen = () if alone else 2 * task.examples("test")
        return Patient(None if alone else task, rows, cache, seen, quiet=True), parts

    return dirty


KINDS = ("label", "answer", "no dev", "file", "one row")


@pytest.fixture(scope="module")
def made(checkpoint: Path) -> Callable[[str], Check]:
    """A check with its defaults, and with a model where it asks for one."""
    settings = {"template": {"model": str(checkpoint)}}
    return lambda name: make_check(name, settings.get(name, {}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", names("data.doctor"))
def test_check_conforms(name: str, kind: str, made: Callable[[str], Check], dirty: Dirty):
    check_check(name, made(name), *dirty(kind))


@pytest.mark.parametrize("name", names("data.doctor"))
def test_check_was_made(name: str, made: Callable[[str], Check], dirty: Dirty):
    """Else the test above would say nothing of it."""
    reasons = [made(name).missing(dirty(kind)[0]) for kind in KINDS]
    assert None in reasons, reasons


@pytest.mark.parametrize("name", names("data.doctor"))
def test_settings_are_checked(name: str):
    assert make_check(name, {}) == make_check(name, {})
    with pytest.raises(TaskError, match="no setting"):
        make_check(name, {"thresold_": 1})


# ---- all of them at once ---------------------------------------------------------------------


def test_a_task_is_examined_as_a_whole(answer_task: Task, tmp_path: Path):
    task = soiled(answer_task)
    found = examine_task(task, tmp_path, quiet=True)
    assert {*found.made, *found.skipped} == set(names("data.doctor"))
    assert all(found.skipped.values())
    assert found.rows == {s: len(e) for s, e in task.splits.items()} | {"unlabelled": 2}
    order = [(("error", "warning", "note").index(f.level), -f.effect) for f in found.findings]
    assert order == sorted(order)
    assert found.findings
    assert Diagnosis.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_file_is_examined_as_its_rows_would_be(label_task: Task, tmp_path: Path):
    rows = soiled(label_task).examples("train")
    kept = [e for e in rows if isinstance(e.input, str)]
    lines = [json.dumps({"id": e.id, "input": e.input, "target": e.target}) for e in kept]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join([*lines, "{broken", json.dumps({"input": "no target"})]))
    only = ["duplicates"]
    found = examine_file(file, tmp_path / "cache", only=only, quiet=True)
    parts: Parts = {"rows": kept}
    same = examine(Patient(None, {"rows": len(kept)}, tmp_path, quiet=True), parts, only)
    assert found.findings == same.findings != ()
    assert found.rows == {"rows": len(kept)}
    [account] = found.accounts
    assert account[0].startswith(f"rows.jsonl: {len(kept) + 2} rows read, {len(kept)} kept")


def test_rows_may_be_streamed_and_are_seen_once(label_task: Task, tmp_path: Path):
    rows = label_task.examples("train")
    stream = iter(rows)
    patient = Patient(None, {"rows": len(rows)}, tmp_path, quiet=True)
    found = examine(patient, {"rows": stream}, ["duplicates"])
    assert found.rows == {"rows": len(rows)}
    assert next(stream, None) is None


def test_unknown_checks_and_settings_are_named(tmp_path: Path):
    patient = Patient(None, {"rows": 0}, tmp_path, quiet=True)
    with pytest.raises(TaskError, match='no check is called "duplicate"; did you mean "duplic'):
        examine(patient, {}, ["duplicate"])
    with pytest.raises(TaskError, match='no check is called "leak'):
        examine(patient, {}, settings={"leak": {}})
    with pytest.raises(TaskError, match='duplicates has no setting "treshold"; did you mean "thr'):
        examine(patient, {}, settings={"duplicates": {"treshold": 0.5}})
    with pytest.raises(TaskError, match="threshold"):
        examine(patient, {}, settings={"duplicates": {"threshold": 2}})


# ---- the suite notices what is broken --------------------------------------------------------

SOUND = Finding("sound", "note", "one row", 1, 0.5, "half", (Sample("a", "train", "text"),))


@dataclass(frozen=True)
class Sound:
    """Finds what it is told to find."""

    finding: Finding = SOUND
    why_not: str | None = None

    def missing(self, patient: Patient) -> str | None:
        return self.why_not

    def start(self, patient: Patient) -> "Sound":
        return self

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        pass

    def findings(self) -> Iterator[Finding]:
        yield self.finding


class CountsPieces(Sound):
    pieces = 0

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        CountsPieces.pieces += 1

    def findings(self) -> Iterator[Finding]:
        yield replace(self.finding, text=f"{CountsPieces.pieces} pieces")


class Breaks(Sound):
    def look(self, part: Part, rows: Sequence[Example]) -> None:
        raise KeyError("row")


def drop(**rows: str | None) -> Remedy:
    return Remedy("drop", rows, "a reason")


BROKEN: Mapping[str, tuple[Check, str]] = {
    "why not": (Sound(why_not=""), "does not say why it cannot be made"),
    "raises": (Breaks(), "KeyError"),
    "pieces": (CountsPieces(), "then"),
    "name": (Sound(replace(SOUND, check="other")), "in the name of other"),
    "level": (Sound(replace(SOUND, level="bad")), "at the level 'bad'"),  # type: ignore[arg-type]
    "text": (Sound(replace(SOUND, text="two\nlines")), "not one line"),
    "effect": (Sound(replace(SOUND, effect=float("nan"))), "the effect nan"),
    "why": (Sound(replace(SOUND, why="")), "where the effect is"),
    "affected": (Sound(replace(SOUND, affected=3)), "in 3 of 2 rows"),
    "many samples": (Sound(replace(SOUND, samples=SOUND.samples * 6)), "with 6 samples"),
    "no such row": (Sound(replace(SOUND, samples=(Sample("b", "train", ""),))), "no such row"),
    "details": (Sound(replace(SOUND, details={"set": {1}})), "plain JSON"),
    "keys": (Sound(replace(SOUND, details={1: 2})), "whose keys"),  # type: ignore[dict-item]
    "remedy": (Sound(replace(SOUND, remedy=drop(c=None))), "which are no rows"),
    "dropped to": (Sound(replace(SOUND, remedy=drop(a="x"))), "drop 'a' to 'x'"),
    "no reason": (Sound(replace(SOUND, remedy=replace(drop(a=None), reason=""))), "no reason"),
    "test": (Sound(replace(SOUND, remedy=replace(drop(b=None), safe=True))), "nobody has looked"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_suite_notices(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check, said = BROKEN[what]
    with pytest.raises(AssertionError, match=said):
        check_check("sound", check, *two_rows(tmp_path, monkeypatch))


def test_the_suite_passes_what_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    patient = two_rows(tmp_path, monkeypatch)
    assert check_check("sound", Sound(), *patient) == [SOUND]
    assert check_check("sound", Sound(why_not="no time"), *patient) == []
    unsafe = replace(SOUND, remedy=drop(b=None))
    assert check_check("sound", Sound(unsafe), *patient) == [unsafe]


def two_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Patient, Parts]:
    monkeypatch.setattr("tailorbird.testing.check.title", lambda name: "Sound")
    parts: Parts = {"train": [Example("a", "one")], "test": [Example("b", "two")]}
    return Patient(None, {"train": 1, "test": 1}, folder, quiet=True), parts
