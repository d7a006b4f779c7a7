"""Nothing that a user can set is left out of the pages."""

import dataclasses
import json
from typing import Any, get_args

import pytest
from pages import ROOT
from pydantic import BaseModel

from tailorbird.models.http import Endpoint
from tailorbird.registry import module, names
from tailorbird.task.bar import MEASURES
from tailorbird.task.task import TaskSpec
from tailorbird.train.recipe import Recipe


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def keys(model: type[BaseModel]) -> set[str]:
    """Every key of task.yaml; rungs are read from their short form."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(name)
        if name != "rungs":
            found |= {k for inner in _models(field.annotation) for k in keys(inner)}
    return found


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for arg in get_args(annotation) for m in _models(arg)]


def missing(page_name: str, wanted: set[str]) -> list[str]:
    text = page(page_name)
    return sorted(w for w in wanted if f"`{w}`" not in text)


def test_every_key_of_the_task_file():
    assert missing("task.md", keys(TaskSpec)) == []


@pytest.mark.parametrize("approach", names("approaches"))
def test_every_setting_of_an_approach(approach: str):
    text = page("approaches.md")
    section = text.partition(f"\n## {approach}\n")[2].partition("\n## ")[0]
    assert section, f"approaches.md has no section {approach}"
    for field in dataclasses.fields(module("approaches", approach).APPROACH):
        row = next((r for r in section.splitlines() if r.startswith(f"| `{field.name}` |")), None)
        assert row is not None, f"{approach}.{field.name} is not described"
        required = field.default_factory is dataclasses.MISSING
        default = field.default
        if default is dataclasses.MISSING:
            default = "required" if required else None
        if default not in ("", None) and not isinstance(default, tuple):
            shown = f"{default:g}" if isinstance(default, float) else str(default)
            shown = shown.lower() if isinstance(default, bool) else shown
            assert row.rstrip(" |").endswith(shown), f"{approach}.{field.name}: {shown} is right"


def test_every_scorer_metric_and_measure():
    every = {*names("task.scorers"), *names("evaluate.metrics"), *MEASURES}
    assert missing("evaluate.md", every) == []
    assert missing("task.md", every) == []


@pytest.mark.parametrize("metric", names("evaluate.metrics"))
def test_which_way_a_metric_is_better(metric: str):
    rows = page("evaluate.md").splitlines()
    row = next(r for r in rows if r.startswith(f"| `{metric}` |"))
    made = module("evaluate.metrics", metric)
    kind = "both" if len(made.KINDS) == 2 else made.KINDS[0]
    assert f"| {kind} | {made.BETTER} |" in row


@pytest.mark.parametrize("scorer", names("task.scorers"))
def test_which_way_a_scorer_is_better(scorer: str):
    rows = page("evaluate.md").splitlines()
    row = next(r for r in rows if r.startswith(f"| `{scorer}` |"))
    assert f"| {module('task.scorers', scorer).BETTER} |" in row


def test_every_kind_of_search():
    assert missing("retrieve.md", set(names("retrieve"))) == []


def test_every_objective_and_field_of_the_recipe():
    fields = {f.name for f in dataclasses.fields(Recipe)}
    assert missing("train.md", fields | set(names("train.objectives"))) == []


@pytest.mark.parametrize("adapter", names("train.adapters"))
def test_every_setting_of_an_adapter(adapter: str):
    text = page("adapters.md")
    cls = module("train.adapters", adapter).ADAPTER
    row = next(r for r in text.splitlines() if r.startswith(f"| [{adapter}]"))
    assert f"| {cls.rate:g} | {'yes' if cls().merges else 'no'} |" in row
    section = text.partition(f"\n## {adapter}\n")[2].partition("\n## ")[0]
    for field in dataclasses.fields(cls):
        row = next((r for r in section.splitlines() if r.startswith(f"| `{field.name}` |")), None)
        assert row is not None, f"{adapter}.{field.name} is not described"
        if isinstance(field.default, (bool, int, float)):
            assert row.endswith(f"| {json.dumps(field.default)} |".replace(".0 |", " |")), row


PREFERENCES = ("dpo", "ipo", "kto", "orpo", "ranking", "reward", "simpo")


@pytest.mark.parametrize("objective", PREFERENCES)
def test_every_setting_of_a_preference_objective(objective: str):
    section = page("preferences.md").partition(f"\n## {objective}\n")[2].partition("\n## ")[0]
    for field in dataclasses.fields(module("train.objectives", objective).OBJECTIVE):
        if field.name != "layout":
            row = next(r for r in section.splitlines() if r.startswith(f"| `{field.name}` |"))
            assert row.endswith(f"| {field.default:g} |"), row


def test_every_setting_of_an_endpoint():
    assert missing("models.md", {f.name for f in dataclasses.fields(Endpoint)}) == []
