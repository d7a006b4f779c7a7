"""docs/synth.md names every generator, every filter and all of their settings."""

import dataclasses

import pytest
from pages import ROOT

from tailorbird.data.synth.filters.base import FOLDER
from tailorbird.data.synth.variations import Variations
from tailorbird.registry import module, names

PAGE = (ROOT / "docs" / "synth.md").read_text("utf-8")
VARIANTS = [
    *(("data.synth", n, "GENERATOR") for n in names("data.synth")),
    *((FOLDER, n, "FILTER") for n in names(FOLDER)),
]


@pytest.mark.parametrize(("folder", "name", "attribute"), VARIANTS)
def test_every_setting(folder: str, name: str, attribute: str):
    rows = PAGE.splitlines()
    assert any(row.startswith(f"| `{name}` |") for row in rows)
    for field in dataclasses.fields(getattr(module(folder, name), attribute)):
        setting = f"{name}.{field.name}"
        row = next((r for r in rows if r.startswith(f"| `{setting}` |")), None)
        assert row is not None, f"{setting} is not described"
        shown = row.rstrip(" |").rsplit("| ", 1)[-1]
        if isinstance(field.default, (bool, int, float, str)):
            wanted = str(field.default)
            assert shown == (wanted.lower() if isinstance(field.default, bool) else wanted)
        elif field.default is None:
            assert shown == "none"


def test_every_kind_and_way():
    from tailorbird.data.synth.preferences import WAYS

    kinds = {*Variations().kinds, *names("data.perturbations")} - {"lower_case", "upper_case"}
    assert [name for name in (*kinds, *WAYS) if f"`{name}`" not in PAGE] == []
