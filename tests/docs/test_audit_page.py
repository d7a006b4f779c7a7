"""Every audit has a place in the page, and every setting, change and dimension of those there."""

import dataclasses

import pytest
from pages import ROOT

from tailorbird.registry import module, names

PAGE = (ROOT / "docs" / "audits.md").read_text("utf-8")
HERE = ("slices", "robustness", "counterfactual", "likelihood_bias", "perplexity")


def test_every_audit_is_named():
    links = {name for name in names("evaluate.audits") if f"[{name}](#{name})" in PAGE}
    assert links == set(HERE)
    others = set(names("evaluate.audits")) - links
    assert [name for name in others if f"| `{name}` |" not in PAGE] == []


@pytest.mark.parametrize("audit", HERE)
def test_every_setting_with_its_default(audit: str):
    section = PAGE.partition(f"\n## {audit}\n")[2].partition("\n## ")[0]
    for field in dataclasses.fields(module("evaluate.audits", audit).AUDIT):
        row = next((r for r in section.splitlines() if r.startswith(f"| `{field.name}` |")), None)
        assert row is not None, f"{audit}.{field.name} is not described"
        default = row.rstrip(" |").rsplit("| ", 1)[-1]
        if field.default is None:
            assert default == "no limit"
        elif not isinstance(field.default, tuple):
            shown = str(field.default)
            wanted = shown.lower() if isinstance(field.default, bool) else shown
            assert default.strip("`") == wanted, f"{audit}.{field.name}: {wanted} is right"


@pytest.mark.parametrize("folder", ["data.perturbations", "evaluate.audits.counterfactuals"])
def test_every_change_and_every_dimension(folder: str):
    known = names(folder)
    assert [name for name in known if f"`{name}`" not in PAGE] == []


def test_every_setting_of_a_change():
    for name in names("data.perturbations"):
        cls = module("data.perturbations", name).PERTURBATION
        row = next(r for r in PAGE.splitlines() if r.startswith("| `") and f"`{name}`" in r)
        assert [f.name for f in dataclasses.fields(cls) if f"`{f.name}`" not in row] == []
