"""`tailorbird synth`: what it prints, what it refuses, and that its rows can be trained on."""

import json
from pathlib import Path

import pytest

from tailorbird.models import load
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Prompt

FAST = ["--limit", "40", "--with", "diverse.by=sparse"]


@pytest.fixture
def here(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return study


def test_table_reasons_and_where_the_rows_are(tailorbird, here: Path):
    ran = tailorbird("synth", here, *FAST)
    assert ran.code == 0, ran.err
    assert "variations" in ran.out
    assert "questions was of no use: the task asks for labels, not for answers." in ran.out
    assert "rows: add ../runs/small-label/synth/synthetic.jsonl to data.train" in ran.out
    # What it says works: the rows are trained on, and a test of them is refused.
    made = "../runs/small-label/synth/synthetic.jsonl"
    train = f'--set=data.train=["train.jsonl","{made}"]'
    climbed = tailorbird("climb", here, train, '--set=rungs=["nearest"]', "--quiet")
    assert climbed.code == 0, climbed.err
    refused = tailorbird("check", here, f"--set=data.test={made}")
    assert refused.code == 1
    assert "something made up" in refused.err


def test_rows_of_a_pool_go_into_the_pool(tailorbird, here: Path):
    pool = ["--set=data.train=[]", "--set=data.dev=[]", "--set=data.test=[]"]
    ran = tailorbird("synth", here, *FAST, *pool, "--set=data.all=train.jsonl")
    assert ran.code == 0, ran.err
    made = "../runs/small-label/synth/synthetic.jsonl"
    assert f"rows: add {made} to data.all, as in all: [train.jsonl, {made}]; " in ran.out
    assert "data.train" not in ran.out
    # What it says works.
    both = f'--set=data.all=["train.jsonl","{made}"]'
    checked = tailorbird("check", here, *pool, both, "--only", "balance")
    [read] = [line for line in checked.err.splitlines() if line.startswith(f"{made}: ")]
    assert read.endswith(" kept, 0 dropped")


def test_did_they_help(tailorbird, here: Path):
    ran = tailorbird("synth", here, *FAST, "--ablate", "nearest", "--json", "--skip", "difficulty")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["ablation"]["comparison"]["n"] == 12
    assert found["kept"]["examples"] == sum(
        r["kept"] for name, r in found["rows"].items() if name != "preferences"
    )
    shown = tailorbird("synth", here, *FAST, "--ablate", "nearest", "--skip", "difficulty")
    assert found["ablation"]["sentence"] in shown.out


def test_an_estimate_comes_first(tailorbird, here: Path, monkeypatch: pytest.MonkeyPatch):
    def says(prompt: Prompt) -> str:
        return f"Message: {len(prompt[-1].content)} words or so, dear all"

    lm = Scripted(says)
    monkeypatch.setattr(load, "load_model", lambda spec, limits: lm)
    ran = tailorbird("synth", here, *FAST, "--teacher", "http://host/v1#wise", "--dry-run")
    assert ran.code == 0, ran.err
    assert "http://host/v1#wise" in ran.out
    assert "Measured on a few orders." in ran.out
    assert not Path("runs/small-label/synth/synth.json").exists()
    prices = [f"--set=budget.prices.{k}_million=1000000" for k in ("prompt", "completion")]
    ran = tailorbird(
        "synth", here, *FAST, "--teacher", "http://host/v1#wise", *prices, "--set=budget.cost=1"
    )
    assert ran.code == 1
    assert "and the budget is 1" in ran.err
    ran = tailorbird("synth", here, *FAST, "--teacher", "http://host/v1#wise")
    assert "It took " in ran.out
    assert "and ? EUR." in ran.out
    rules = tailorbird("synth", here, *FAST, "--dry-run", "--json")
    assert json.loads(rules.out)["cost"] == 0


def test_quiet_prints_nothing(tailorbird, here: Path):
    ran = tailorbird("synth", here, *FAST, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "variation"], 'did you mean "variations"'),
        (["--skip", "held_out"], "cannot be left out"),
        (["--with", "variations=3"], "--with takes NAME.SETTING=VALUE"),
        (["--with", "variations.kinds"], "--with takes key=value"),
        (["--ablate", "neerest"], 'did you mean "nearest"'),
        (["--templates", "nowhere.yaml"], "nowhere.yaml"),
        (["--judge", "nowhere.json"], "nowhere.json"),
    ],
)
def test_mistakes(tailorbird, here: Path, arguments: list[str], says: str):
    ran = tailorbird("synth", here, *arguments)
    assert ran.code == 1
    assert says in ran.err
