"""The page on labelling names every strategy, state and command, and its figures are kept ones."""

import json
from typing import get_args

import pytest
from pages import ROOT

from tailorbird.cli.label import app
from tailorbird.learn.states import State
from tailorbird.registry import names

PAGE = (ROOT / "docs" / "label.md").read_text("utf-8")


@pytest.mark.parametrize("strategy", names("learn.strategies"))
def test_every_strategy(strategy: str):
    assert PAGE.count(f"\n| `{strategy}` | ") >= 1


def test_every_state_and_command():
    assert [s for s in get_args(State) if s not in PAGE.partition("## The queue")[2]] == []
    commands = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    assert [c for c in commands if f"label {c}" not in PAGE] == []


@pytest.mark.parametrize(
    ("world", "labels"), [("bitext", (27, 108, 216)), ("clinc150", (50, 200, 400))]
)
def test_figures_are_those_of_the_benchmark(world: str, labels: tuple[int, ...]):
    file = ROOT / "benchmarks" / "results" / f"active-learning-{world}-2026-11-26.json"
    for row in json.loads(file.read_text("utf-8"))["rows"]:
        right = " | ".join(f"{row[f'right at {n}, %']:.1f}" for n in labels)
        assert f"| `{row['strategy']}` | {right} |" in PAGE
