"""`tailorbird plan` and `tailorbird search`: what they print, and what they refuse."""

import json
from pathlib import Path

import pytest
import yaml

from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec, load_spec


@pytest.fixture
def ladder(study: Path, checkpoint: Path) -> Path:
    file = study / "task.yaml"
    spec = json.loads(file.read_text())
    spec["rungs"] = ["majority", "linear", "zero_shot", {"fine_tuned": {"epochs": 1}}]
    spec["model"] = str(checkpoint)
    file.write_text(json.dumps(spec))
    return study


# ---- plan --------------------------------------------------------------------------------------


def test_plan_prints_every_rung(tailorbird, ladder: Path):
    ran = tailorbird("plan", ladder, "--no-probe")
    assert ran.code == 0, ran.err
    lines = {line.split()[0]: line for line in ran.out.splitlines() if line.split()}
    for rung in ("majority", "linear", "zero_shot", "fine_tuned"):
        assert rung in lines
    assert "MB" in lines["fine_tuned"]
    assert "The whole ladder" in ran.out


def test_plan_as_json(tailorbird, ladder: Path):
    ran = tailorbird("plan", ladder, "--no-probe", "--json", "--only", "fine_tuned")
    made = json.loads(ran.out)
    (rung,) = made["rungs"]
    assert rung["memory"]["low"] < rung["memory"]["expected"] < rung["memory"]["high"]
    assert rung["batch"] == [8, 1]
    assert made["fits"] is True


def test_too_little_time(tailorbird, ladder: Path):
    ran = tailorbird("plan", ladder, "--no-probe", "--set", "budget.minutes=0.01")
    assert ran.code == 1
    assert "More than the 0.01 minutes of the budget" in ran.out
    assert "without" in ran.out


def test_a_model_that_is_nowhere(tailorbird, ladder: Path):
    ran = tailorbird("plan", ladder, "--no-probe", "--model", "./nowhere")
    assert ran.code == 1
    assert "no model folder at ./nowhere" in ran.err


# ---- search ------------------------------------------------------------------------------------


def test_search_prints_settings_to_paste(tailorbird, ladder: Path, tmp_path: Path):
    arguments = ("search", ladder, "--rung", "linear", "--space", "strength=1,10,30")
    ran = tailorbird(*arguments, "--out", tmp_path / "found")
    assert ran.code == 0, ran.err
    assert "3 trials, 0 of them pruned" in ran.out
    assert "trial 0" in ran.err
    rungs = yaml.safe_load(ran.out.partition("task file:")[2])
    spec = load_spec(ladder).model_dump(mode="json") | {"rungs": rungs}
    (rung,) = parse(TaskSpec, spec, "pasted").rungs
    assert rung.settings["strength"] in (1, 10, 30)

    again = tailorbird(*arguments, "--out", tmp_path / "found", "--json")
    assert json.loads(again.out)["settings"] == rung.settings


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rung", "lienar"), 'no rung is called "lienar"; did you mean "linear"?'),
        (("--rung", "majority"), "nothing is known to be worth searching for majority"),
        (("--rung", "linear", "--space", "strenth=1,2"), 'has no setting "strenth"'),
        (("--rung", "linear", "--space", "strength=0..2:log"), "begins above 0"),
    ],
)
def test_what_search_refuses(tailorbird, ladder: Path, tmp_path: Path, arguments, said: str):
    ran = tailorbird("search", ladder, *arguments, "--out", tmp_path / "found")
    assert ran.code == 1
    assert said in ran.err
