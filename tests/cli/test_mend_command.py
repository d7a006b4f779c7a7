"""`tailorbird mend`: proposed, agreed to, recorded, taken back; files are mended in a copy."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_strangers import HOSTILE, harmless

from tailorbird.data.remedies import FILE
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands may keep a cache in the folder where they are run."""
    monkeypatch.chdir(tmp_path)


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def soiled(study: Path) -> Path:
    """A study with two equal rows, two near copies and two blank inputs; of each one in test."""
    for split in ("train", "test"):
        file = study / f"{split}.jsonl"
        rows = rows_of(file)
        said = f"Good morning. {rows[5]['input']} I have been waiting for three weeks now."
        long = {"input": said, "target": rows[5]["target"]}
        near = {**long, "input": f"{said} Thanks."}
        blank = {"input": {"train": "?!", "test": "!?"}[split], "target": "billing"}
        write(file, [*rows, rows[0], long, near, blank])
    return study


def task(study: Path) -> Task:
    return load_task(load_spec(study), study)


def ids(study: Path, split: Any = "train") -> set[str]:
    return {e.id for e in task(study).examples(split)}


def steps(study: Path) -> list[dict[str, Any]]:
    file = study / FILE
    return rows_of(file) if file.exists() else []


STRICT = ("--set", "doctor.duplicates.threshold=0.9")
"""The rows of the small task are made of sentences that differ in a word."""
BLANK = {"train": "train-000052", "test": "test-000040"}
NEAR = "train-000051"
EQUAL = "train-000049"


# ---- safe and unsafe remedies --------------------------------------------------------------------


def test_a_safe_remedy_is_recorded_and_an_unsafe_one_asks(tailorbird: Command, soiled: Path):
    before = {p.name: p.read_bytes() for p in soiled.iterdir()}
    ran = tailorbird("mend", soiled, "duplicates", *STRICT)
    assert ran.code == 1
    assert "near" in ran.out
    assert NEAR in ran.out, "the rows are shown"
    assert "error: a person should look at these rows first" in ran.err
    assert "--dry-run" in ran.err
    assert not steps(soiled)
    ran = tailorbird("mend", soiled, "duplicates", "--yes", *STRICT)
    assert ran.code == 0
    assert {r for s in steps(soiled) for r in s["rows"]} == {NEAR, EQUAL}
    assert "Step 1: 1 row dropped, " in ran.out
    assert "Step 2: 1 row dropped, " in ran.out
    assert f"tailorbird mend {soiled} --undo 2" in ran.out
    assert f"look again: tailorbird check {soiled}" in ran.out
    assert not {NEAR, EQUAL} & ids(soiled)
    assert {n: (soiled / n).read_bytes() for n in before} == before, "no file has changed"


@pytest.mark.parametrize(("answer", "made"), [(True, 1), (False, 0)])
def test_a_person_is_asked(
    answer: bool, made: int, tailorbird: Command, soiled: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question: asked.append(question) or answer)
    ran = tailorbird("mend", soiled, "lengths")
    assert ran.code == 0
    assert asked == ["Drop 1 row?"]
    assert len(steps(soiled)) == made
    assert ("Nothing was changed." in ran.out) is not answer


def test_only_the_rows_that_are_named(tailorbird: Command, soiled: Path):
    ran = tailorbird("mend", soiled, "duplicates", "--only", NEAR, *STRICT)
    assert ran.code == 0
    assert [list(s["rows"]) for s in steps(soiled)] == [[NEAR]]
    ran = tailorbird("mend", soiled, "lengths", "--only", "train-000001")
    assert ran.code == 1
    assert 'nothing is proposed for a row "train-000001"' in ran.err


def test_a_dry_run_shows_every_row_and_changes_nothing(tailorbird: Command, soiled: Path):
    ran = tailorbird("mend", soiled, "duplicates", "--dry-run", *STRICT)
    assert ran.code == 0
    assert {NEAR, EQUAL} <= set(ran.out.replace(":", " ").split())
    assert "copies train-0000" in ran.out, "and why"
    assert ran.out.endswith("Nothing was changed.\n")
    assert not (soiled / FILE).exists()


@pytest.mark.parametrize(
    ("check", "row", "why"),
    [
        ("duplicates", {"input": "Once more, where is my order 17?", "target": "delivery"},
         r"cop(?:ies|y) train-\d+"),
        ("privacy", {"input": "Order {n}: mail ann{n}@example.com", "target": "delivery"},
         "e-mail addresses"),
        ("lengths", {"input": "{n} " + "where is it? " * 900, "target": "delivery"},
         r"\d,\d+ characters"),
        ("content", {"input": "What a fucking mess, order {n}", "target": "delivery"},
         "coarse words: "),
    ],
)  # fmt: skip
def test_a_dry_run_says_of_every_row_why(
    check: str, row: dict[str, str], why: str, tailorbird: Command, study: Path
):
    file = study / "train.jsonl"
    more = [json.dumps({k: v.replace("{n}", str(n)) for k, v in row.items()}) for n in range(9)]
    file.write_text(file.read_text() + "".join(f"{line}\n" for line in more))
    ran = tailorbird("mend", study, check, "--dry-run")
    shown = [line for line in ran.out.splitlines() if line.startswith("  train train-")]
    assert len(shown) >= 8, ran.out
    assert not [line for line in shown if not re.search(rf"\[[^\[]*{why}[^\[]*\]$", line)]


def test_where_nothing_is_found_nothing_is_done(tailorbird: Command, study: Path):
    ran = tailorbird("mend", study, "lengths")
    said = "lengths proposes no remedy here. Nothing was changed.\n"
    assert (ran.code, ran.out) == (0, said)
    assert not (study / FILE).exists()


def test_why_a_check_leaves_nothing_to_mend(tailorbird: Command, study: Path):
    ran = tailorbird("mend", study, "balance", "--yes")
    assert (ran.code, ran.out) == (0, "balance proposes no remedy here. Nothing was changed.\n")
    ran = tailorbird("mend", study, "representativeness", "--yes")
    assert ran.code == 0
    assert ran.out.startswith("representativeness was not made, because ")
    assert not (study / FILE).exists()


def test_what_is_rewritten_is_shown_from_where_it_changes(tailorbird: Command, study: Path):
    file = study / "train.jsonl"
    long = "I have been waiting for it for weeks. " * 12
    write(file, [*rows_of(file), {"input": f"{long}Mail ann@example.com.", "target": "billing"}])
    ran = tailorbird("mend", study, "privacy", "--yes", "--set", "doctor.privacy.kinds=[email]")
    assert ran.code == 0
    [step] = steps(study)
    assert step["action"] == "rewrite"
    [new] = [e for e in task(study).examples("train") if e.id in step["rows"]]
    assert "ann@example.com" not in new.text
    assert new.target == "billing"
    shown = tailorbird(
        "mend", study, "privacy", "--dry-run", "--set", "doctor.privacy.kinds=[email]"
    )
    said = "privacy proposes no remedy here. Nothing was changed.\n"
    assert shown.out == said, "it is mended"
    tailorbird("mend", study, "--undo", "1")
    shown = tailorbird(
        "mend", study, "privacy", "--dry-run", "--set", "doctor.privacy.kinds=[email]"
    )
    assert "input: … " in shown.out
    assert "Mail ann@example.com. -> … " in shown.out


# ---- the test split ------------------------------------------------------------------------------


def test_test_rows_are_left_alone_unless_asked_for(tailorbird: Command, soiled: Path):
    before = task(soiled)
    ran = tailorbird("mend", soiled, "lengths", "--yes")
    assert "1 row is left alone, of the test split; --also-test changes the benchmark" in ran.out
    assert BLANK["train"] not in ids(soiled)
    assert task(soiled).test_digest == before.test_digest
    ran = tailorbird("mend", soiled, "lengths", "--yes", "--also-test")
    assert "this is another benchmark than before" in ran.out
    assert BLANK["test"] not in ids(soiled, "test")
    assert task(soiled).test_digest != before.test_digest


def test_check_proposes_also_test_where_only_test_rows_are_wrong(tailorbird: Command, soiled: Path):
    tailorbird("mend", soiled, "lengths", "--yes", "-q")
    ran = tailorbird("check", soiled, "--only", "lengths")
    assert f"-> tailorbird mend {soiled} lengths --also-test" in ran.out


def test_a_frozen_test_split_stays(tailorbird: Command, soiled: Path):
    digest = task(soiled).test_digest[:12]
    ran = tailorbird(
        "mend", soiled, "lengths", "--yes", "--also-test", "--set", f"data.frozen='{digest}'"
    )
    assert ran.code == 1
    assert "data.frozen keeps it as it is" in ran.err
    assert not steps(soiled)


# ---- taking back ---------------------------------------------------------------------------------


def test_steps_are_listed_and_taken_back(tailorbird: Command, soiled: Path):
    assert tailorbird("mend", soiled, "--list").out == "No step was made.\n"
    tailorbird("mend", soiled, "lengths", "--yes")
    ran = tailorbird("mend", soiled, "--undo", "1")
    assert ran.out == "Step 1 is taken back; step 2 says so.\n"
    assert BLANK["train"] in ids(soiled)
    listed = tailorbird("mend", soiled / "task.yaml", "--list").out.splitlines()
    assert listed[0].endswith(
        "lengths: 1 row dropped, input without a letter or a digit (taken back)"
    )
    assert listed[1].endswith("step 1 taken back")
    ran = tailorbird("mend", soiled, "--undo", "5")
    assert (ran.code, ran.out) == (1, "")
    assert "has no step 5" in ran.err


def test_a_row_that_has_changed_since_is_left_alone_and_said(tailorbird: Command, soiled: Path):
    tailorbird("mend", soiled, "lengths", "--yes")
    file = soiled / "train.jsonl"
    rows = rows_of(file)
    rows[-1]["target"] = "returns"
    write(file, rows)
    ran = tailorbird("check", soiled, "--only", "lengths")
    assert "remedies.jsonl: 1 change read, 0 kept, 1 dropped" in ran.err
    assert f"the row is not as it was at step 1 (first at {BLANK['train']})" in ran.err
    assert BLANK["train"] in ids(soiled)


def test_a_climb_sees_what_was_mended(tailorbird: Command, soiled: Path, tmp_path: Path):
    def climbed(out: str) -> tuple[dict[str, Any], str]:
        ran = tailorbird("climb", soiled, "--out", tmp_path / out, "--set", "rungs=[majority]")
        assert ran.code == 0, ran.err
        return json.loads((tmp_path / out / "manifest.json").read_text()), ran.err

    before, _ = climbed("before")
    tailorbird("mend", soiled, "duplicates", "--yes", *STRICT)
    after, said = climbed("after")
    assert "train.jsonl: 52 rows read, 50 kept, 2 dropped" in said
    assert before["benchmark"] != after["benchmark"]
    tailorbird("mend", soiled, "--undo", "2")
    tailorbird("mend", soiled, "--undo", "1")
    again, _ = climbed("again")
    assert again["benchmark"] == before["benchmark"], "taken back is as before"


# ---- a file --------------------------------------------------------------------------------------


def test_a_file_is_mended_in_a_copy(tailorbird: Command, soiled: Path, tmp_path: Path):
    file, out = soiled / "train.jsonl", tmp_path / "clean.jsonl"
    before = file.read_bytes()
    ran = tailorbird("mend", file, "duplicates", "--out", out, "--yes", *STRICT)
    assert ran.code == 0
    assert f"50 rows written to {out}; {file} is as it was" in ran.out
    assert f"Go on from there: tailorbird check {out}" in ran.out
    assert file.read_bytes() == before
    assert not (soiled / FILE).exists()
    wanted = [r for i, r in enumerate(rows_of(file), start=1) if i not in (49, 51)]
    assert rows_of(out) == wanted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say where to write the mended file"),
        (("--out", "clean.csv"), "should end in .jsonl"),
        (("--out", "taken.jsonl"), "exists already"),
        (("--list",), "a file without a task has no steps"),
        (("--undo", "1"), "a file without a task has no steps"),
    ],
)
def test_what_a_file_cannot_have(
    options: tuple[str, ...], said: str, tailorbird: Command, soiled: Path, tmp_path: Path
):
    (tmp_path / "taken.jsonl").write_text("mine\n")
    ran = tailorbird("mend", soiled / "train.jsonl", "lengths", "--yes", *options)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert (tmp_path / "taken.jsonl").read_text() == "mine\n"


def test_a_file_needs_no_place_to_be_looked_at(tailorbird: Command, soiled: Path):
    ran = tailorbird("mend", soiled / "train.jsonl", "lengths", "--dry-run")
    assert ran.code == 0
    assert BLANK["train"] in ran.out


def test_what_is_said_of_wrong_usage(tailorbird: Command, study: Path):
    ran = tailorbird("mend", study)
    assert ran.code == 1
    assert f"tailorbird check {study} shows what was found" in ran.err
    ran = tailorbird("mend", study, "lenghts")
    assert 'no check is called "lenghts"; did you mean "lengths"' in ran.err
    ran = tailorbird("mend", study, "lengths", "--out", "x.jsonl")
    assert "a study keeps its steps beside task.yaml" in ran.err


# ---- strangers -----------------------------------------------------------------------------------


def test_hostile_rows_are_mended_harmlessly(tailorbird: Command, study: Path):
    file = study / "train.jsonl"
    hostile = [{"input": text, "target": "billing", "id": f"\x1b[1m{i}[/]"}
               for i, text in enumerate(HOSTILE)]  # fmt: skip
    write(file, [*rows_of(file), *hostile, *hostile])
    shown = tailorbird("mend", study, "duplicates", "--dry-run", *STRICT)
    ran = tailorbird("mend", study, "duplicates", "--yes", *STRICT)
    listed = tailorbird("mend", study, "--list")
    for each in (shown, ran, listed):
        assert each.code == 0
        assert harmless(each.out)
        assert harmless(each.err)
    mended = task(study).examples("train")
    assert len(mended) == 48 + len(HOSTILE)
    assert sum(len(s["rows"]) for s in steps(study)) == len(HOSTILE)
