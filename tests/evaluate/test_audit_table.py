"""What audits print: numbers with intervals, how they stand, and why something is missing."""

import io
import math

import pytest
from rich.console import Console

from tailorbird.evaluate.audit_table import interval, p_value, print_audits
from tailorbird.evaluate.audits.base import Audited, Line, RungAudits, corrected
from tailorbird.evaluate.statistics import Estimate, compare, estimate_mean, holm

HALF = estimate_mean([1.0, 0.0] * 20, [None] * 40, 0)
WORSE = compare([1.0] * 40, [1.0, 0.0] * 20, [None] * 40, 0)


def shown(*lines: Line, **changes: object) -> str:
    audited = Audited(
        audit="robustness", title="Robustness", measure="facts", share=True,
        higher_is_better=True, lines=lines, notes=("A note.",), **changes,
    )  # fmt: skip
    console = Console(width=120, record=True, file=io.StringIO())
    print_audits(console, RungAudits("rag", (audited,), {"retention": "there is no base"}))
    return console.export_text()


def test_a_line_with_a_change():
    assert HALF is not None
    text = shown(
        *corrected([Line("typos", HALF, WORSE, holds=False)]),
        Line("another field: answered", HALF, measure="answered", holds=True),
        Line("upper_case", None, note="nothing to change"),
    )
    rows = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert "50.0 [35.2, 64.8]  -50.0 [" in rows["typos"]
    assert "<0.001" in rows["typos"]
    assert "40  ✗ beyond the limit" in rows["typos"]
    assert "✓" in rows["another field: answered"]
    assert "nothing to change" in rows["upper_case"]
    assert "facts, or as named, %" in text  # a line says what it measures
    assert "- A note." in text
    assert "retention was not made: there is no base" in text


def test_columns_that_nothing_fills_are_left_out():
    text = shown(Line("all", HALF))
    assert "facts, %" in text
    assert "change" not in text
    assert " p " not in text
    assert " p " in shown(Line("topic = law", HALF, p_value=0.5))


def test_p_values_are_never_nought():
    assert [p_value(p) for p in (None, 0.0, 0.0004, 0.01, 1.0)] == [
        "", "<0.001", "<0.001", "0.010", "1.000"
    ]  # fmt: skip


def test_numbers_that_are_no_shares():
    bits = Estimate(1.25, -math.inf, math.inf, 9, 9, "one unit: no interval")
    assert interval(bits, share=False) == "1.250 [-inf, inf]"


def test_p_values_are_corrected_for_the_lines_that_have_one():
    changes = [compare([0.0] * 12, [1.0] * k + [0.0] * (12 - k), [None] * 12, 0) for k in (12, 8)]
    lines = corrected([Line("a", None, changes[0]), Line("b", HALF), Line("c", None, changes[1])])
    assert lines[1].p_value is None
    raw = [c.p_value for c in changes if c]
    assert [lines[0].p_value, lines[2].p_value] == pytest.approx(holm(raw))
