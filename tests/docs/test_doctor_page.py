"""Every check of the doctor has a section in the page, with each setting and its default."""

import dataclasses

import pytest
from pages import ROOT

from tailorbird.registry import module, names

PAGE = (ROOT / "docs" / "doctor.md").read_text("utf-8")
CHECKS = names("data.doctor")


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_a_section_and_is_in_the_table(check: str):
    assert f"| [{check}](#{check}) | " in PAGE
    assert "**Effect.**" in section(check), "what the effect of its findings means"


@pytest.mark.parametrize("check", CHECKS)
def test_every_setting_with_its_default(check: str):
    for field in dataclasses.fields(module("data.doctor", check).CHECK):
        rows = section(check).splitlines()
        row = next((r for r in rows if r.startswith(f"| `{field.name}` |")), None)
        assert row is not None, f"{check}.{field.name} is not described"
        shown = row.rstrip(" |").rsplit("| ", 1)[-1].strip("`").replace(",", "")
        default = field.default
        if isinstance(default, bool):
            assert shown == str(default).lower(), f"{check}.{field.name}: {default} is right"
        elif isinstance(default, int | float):
            assert float(shown) == default, f"{check}.{field.name}: {default} is right"
        elif isinstance(default, str):
            assert shown == default, f"{check}.{field.name}: {default} is right"
