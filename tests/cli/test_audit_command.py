"""`tailorbird audit`: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

RUNGS = '--set=rungs=["majority","nearest"]'


@pytest.fixture
def climbed(tailorbird, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert tailorbird("climb", study, RUNGS, "--quiet").code == 0
    return study


def test_tables_notes_and_reasons(tailorbird, climbed: Path):
    only = ["--only", "slices", "--only", "likelihood_bias"]
    ran = tailorbird("audit", climbed, RUNGS, *only)
    assert ran.code == 0, ran.err
    assert "Slices: nearest" in ran.out
    assert "all items" in ran.out
    assert "likelihood_bias was not made: the rung asks no language model" in ran.out


def test_as_json(tailorbird, climbed: Path):
    ran = tailorbird(
        "audit", climbed, RUNGS, "--only", "slices", "--rung", "majority", "--rung", "nearest",
        "--json",
    )  # fmt: skip
    rungs = json.loads(ran.out)
    assert [r["rung"] for r in rungs] == ["majority", "nearest"]
    assert rungs[0]["found"][0]["audit"] == "slices"
    assert rungs[0]["found"][0]["lines"][0]["estimate"]["n"] == 36


def test_settings_from_the_command_line(tailorbird, climbed: Path):
    settings = "--set=audits=[{slices: {least: 30}}]"
    ran = tailorbird("audit", climbed, RUNGS, settings, "--json")
    (found,) = json.loads(ran.out)[0]["found"] or [None]
    assert found is None or all(line["estimate"]["n"] >= 30 for line in found["lines"])


def test_quiet_prints_nothing(tailorbird, climbed: Path):
    ran = tailorbird("audit", climbed, RUNGS, "--only", "slices", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "slces"], 'did you mean "slices"'),
        (["--rung", "nearst"], 'did you mean "nearest"'),
        (["--out", "nowhere"], "no finished climb in nowhere"),
    ],
)
def test_mistakes(tailorbird, climbed: Path, arguments: list[str], says: str):
    ran = tailorbird("audit", climbed, RUNGS, *arguments)
    assert ran.code == 1
    assert says in " ".join(ran.err.split())
