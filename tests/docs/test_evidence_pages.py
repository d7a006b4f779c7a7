"""The pages on hallucination and judges name every detector, setting, key and measure."""

import dataclasses

import pytest
from pages import ROOT

from tailorbird.cli.judge import _MEANS
from tailorbird.evaluate.audits.claims import Claims
from tailorbird.evaluate.audits.judge import Judge
from tailorbird.evaluate.hallucination.combined import Combined
from tailorbird.evaluate.judges.labelled import _KEYS
from tailorbird.registry import module, names

HALLUCINATION = (ROOT / "docs" / "hallucination.md").read_text("utf-8")
JUDGES = (ROOT / "docs" / "judges.md").read_text("utf-8")


@pytest.mark.parametrize("detector", names("evaluate.hallucination"))
def test_every_detector_and_its_settings(detector: str):
    assert f"\n| `{detector}` | " in HALLUCINATION
    for field in dataclasses.fields(module("evaluate.hallucination", detector).DETECTOR):
        rows = [r for r in HALLUCINATION.splitlines() if r.startswith(f"| `{field.name}` | ")]
        row = next((r for r in rows if f"`{detector}`" in r or "| all |" in r), None)
        assert row is not None, f"{detector}.{field.name} is not described"
        if field.name == "threshold":
            assert f"`{detector}` {field.default:g}" in row
        elif isinstance(field.default, (bool, int)):
            assert row.endswith(f"| {str(field.default).lower()} |")


def test_what_combined_weighs():
    from tailorbird.evaluate.hallucination.combined import Calibration

    weighed = [next(iter(d)) for d in Calibration.load(Combined().file).detectors]
    row = next(r for r in HALLUCINATION.splitlines() if r.startswith("| `combined` |"))
    assert [d for d in names("evaluate.hallucination") if f"`{d}`" in row] == sorted(
        [*weighed, "combined"]
    )


def test_every_setting_of_the_audits():
    for page, audit in ((HALLUCINATION, Claims), (JUDGES, Judge)):
        for field in dataclasses.fields(audit):
            assert f"\n| `{field.name}` | " in page, f"{audit.__name__}.{field.name}"


def test_every_key_of_labelled_rows_and_every_measure():
    assert [k for k in _KEYS if f"`{k}`" not in JUDGES] == []
    assert [m for m in _MEANS if m not in JUDGES] == []
