"""What the report draws beside the ladder: plots, audits, marked words, and the evidence."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from climbs import loaded
from hypothesis import given
from hypothesis import strategies as st
from test_report import EVIL, N, Page, answer_task, climbed, label_task, report

from tailorbird.climbing import climb
from tailorbird.errors import StoreError
from tailorbird.evaluate.audits.base import Audited, Line, RungAudits, Sample
from tailorbird.evaluate.differences import differences
from tailorbird.evaluate.learning_curve import fit_curve
from tailorbird.evaluate.plots import audit_plot, axis, curve_plot
from tailorbird.evaluate.reliability import reliability
from tailorbird.evaluate.report import write_report
from tailorbird.evaluate.statistics import compare, estimate_mean
from tailorbird.growing import Grown
from tailorbird.reporting import load_climbed_task, rebuild_report
from tailorbird.store import read_json, write_json
from tailorbird.testing import small_task

# ---- axes ------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=6))
def test_an_axis_shows_all_values_between_round_ticks(values: list[float]):
    found = axis(values, log=False)
    near = 1e-6 * max(map(abs, values))  # less than a pixel
    assert found.low <= min(values) + near
    assert found.high >= max(values) - near
    places = [at for at, _ in found.ticks]
    assert (places[0], places[-1]) == (0, 100)
    assert places == sorted(set(places))
    assert 2 <= len(places) <= 8
    for value in values:
        assert 0 <= found.at(value) <= 100


@given(st.lists(st.floats(1e-4, 1e6), min_size=2, max_size=6))
def test_a_logarithmic_axis_does_too(values: list[float]):
    found = axis(values, log=True)
    assert found.low <= min(values) * (1 + 1e-6)
    assert found.high >= max(values) * (1 - 1e-6)
    assert len(found.ticks) <= 12
    middle = math.sqrt(found.low * found.high)
    if found.low < found.high:
        assert found.at(middle) == pytest.approx(50, abs=0.1)


def test_what_is_infinite_ends_at_the_edge():
    found = axis([1.0, 2.0, math.inf])
    assert found.at(math.inf) == 100
    assert found.at(-math.inf) == 0


# ---- quality against cost --------------------------------------------------------------------


def costly(*costs: float | None) -> tuple[Any, Any]:
    """A climb of rungs a, b, c, ... with these costs; each is right on ten more items."""
    names = "abcdef"[: len(costs)]
    task = answer_task(*names)
    found = climbed(task, tuple(10 * (i + 1) for i in range(len(costs))))
    rungs = []
    for rung, cost in zip(found[0].rungs, costs, strict=True):
        known = cost and estimate_mean([cost] * N, [None] * N, 0, bounded=False)
        rungs.append(replace(rung, timings={"cost_per_1000": known or None}))
    return task, (replace(found[0], rungs=tuple(rungs)), *found[1:])


def test_the_front_is_filled(tmp_path: Path):
    task, found = costly(1.0, 5.0, 3.0)  # b costs more than c, and is worse
    source = report(tmp_path, task, *found)
    (plot,) = re.findall(r'<figure class="plotted">.*?</figure>', source, re.DOTALL)
    circles = re.findall(r'<circle class="(\w+)', plot)
    assert circles == ["full", "hollow", "full"]
    assert "<b>1</b> a" in plot
    assert "a: facts 17 % [9, 28]; cost_per_1000 1.0 EUR" in " ".join(plot.split())


@pytest.mark.parametrize("costs", [(None, None), (2.0, None), (2.0, 2.0)])
def test_without_two_costs_there_is_no_plot(costs: Any, tmp_path: Path):
    task, found = costly(*costs)
    assert '<figure class="plotted">' not in report(tmp_path, task, *found)


# ---- reliability -----------------------------------------------------------------------------


def test_confidence_is_drawn_against_being_right(tmp_path: Path):
    """Two bins of thirty: half sure and a third right, nearly sure and all right."""
    task = label_task("linear", "other")
    results, verdict, said = climbed(task, (40, 10), wrong="other")
    sure = [0.95 if i < 30 else 0.5 for i in range(N)]
    kept = [replace(p, confidence=c) for p, c in zip(said["linear"], sure, strict=True)]
    bins = reliability(task.examples("test"), kept, task, 0)
    rungs = (replace(results.rungs[0], reliability=bins), *results.rungs[1:])
    source = report(tmp_path, task, replace(results, rungs=rungs), verdict, said)
    (plot,) = re.findall(r'<figure class="plotted square">.*?</figure>', source, re.DOTALL)
    assert "<strong>linear</strong>" in plot
    half, nearly = re.findall(r'<circle class="full" cx="([\d.]+)%" cy="([\d.]+)%"', plot)
    assert [float(v) for v in half] == [50, pytest.approx(100 - 100 / 3, abs=0.01)]
    assert [float(v) for v in nearly] == [95, 0]
    assert "n from left to right: 30, 30" in plot


def test_classes_worst_first(tmp_path: Path):
    task = label_task("linear")
    results, verdict, said = climbed(task, (40,), wrong="billing")
    source = report(tmp_path, task, results, verdict, said)
    table = source.split('aria-label="Classes"')[1].split("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td class="number">30</td>', table)
    assert rows == [EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;"), "billing"]
    assert "<td>billing</td>" in table  # half of the others are taken for it


def test_metrics_of_all_answers_have_their_own_table(tmp_path: Path):
    task = label_task("linear")
    source = report(tmp_path, task, *climbed(task, (40,), wrong="other"))
    bar, together = (
        source.split(f'aria-label="{label}"')[1].split("</table>")[0]
        for label in ("Every measure against the bar", "Measured of all answers together")
    )
    assert "macro_<wbr>f1" in together
    assert "macro" not in bar


def test_without_confidence_there_is_no_diagram(tmp_path: Path):
    task = label_task("linear")
    assert '"plotted square"' not in report(tmp_path, task, *climbed(task, (40,), wrong="other"))


# ---- audits, curves --------------------------------------------------------------------------


def audited() -> Audited:
    before = [1.0] * 40 + [0.0] * 20
    after = [1.0] * 20 + [0.0] * 40
    none = [None] * N
    change = compare(before, after, none, 0)
    lines = (
        Line("plain", estimate_mean(before, none, 0)),
        Line(f"typos {EVIL}", estimate_mean(after, none, 0), change, 0.0004, False),
        Line("strangers", None, note="there are none"),
    )
    sample = Sample("typos", f"before {EVIL}", "after")
    return Audited("robustness", "Robustness", "facts", True, True, lines, (EVIL,), (sample,))


def test_changes_are_drawn_around_zero():
    plot = audit_plot(audited())
    assert plot.changes
    assert plot.judged
    assert plot.zero is not None
    plain, typos, strangers = plot.rows
    assert (plain.dot, strangers.dot) == (None, None)
    assert typos.dot is not None
    assert typos.ends[0] <= typos.dot <= typos.ends[1] < plot.zero
    assert typos.change.startswith("−33.3 [")
    assert strangers.estimate == ""


def test_an_audit_is_shown_and_escaped(tmp_path: Path):
    task = answer_task("rag")
    results, verdict, predictions = climbed(task, (20,))
    path = tmp_path / "report.html"
    write_report(
        path, task, results, verdict, predictions, None, {}, [],
        audits=[RungAudits("rag", (audited(),), {})],
    )  # fmt: skip
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert "script" not in page.tags
    for said in ("Robustness: rag ✗ beyond a limit", f"typos {EVIL}", "there are none", "< 0.001"):
        assert said in page.words, said
    assert f"before {EVIL}" in page.text


def test_a_curve_goes_through_its_points(tmp_path: Path):
    none, sizes = [None] * 100, [100, 400, 1600]
    marks = [[1.0] * k + [0.0] * (100 - k) for k in (40, 60, 75)]
    curve = fit_curve(sizes, marks, none, 0, margin=0.02)
    grown = Grown("rag", "dev", "facts", curve, (1.0, 2.0, 3.0), None, True)
    plot = curve_plot(grown.to_json())
    assert [x for x, *_ in plot.points] == sorted({x for x, *_ in plot.points})
    assert [y for _, y, *_ in plot.points] == sorted((y for _, y, *_ in plot.points), reverse=True)
    numbers = [float(v) for pair in plot.line.split() for v in pair.split(",")]
    assert all(0 <= v <= 100 for v in numbers)
    assert grown.sentence in plot.said
    task = answer_task("rag")
    results, verdict, predictions = climbed(task, (20,))
    path = tmp_path / "report.html"
    write_report(path, task, results, verdict, predictions, None, {}, [], curves=[grown.to_json()])
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert "Would more data pay?" in page.words


# ---- words -----------------------------------------------------------------------------------


@given(st.text(max_size=60), st.text(max_size=60))
def test_parts_are_the_whole_answer(one: str, other: str):
    left, right = differences(one, other)
    assert "".join(p.text for p in left) == one
    assert "".join(p.text for p in right) == other


def test_only_other_words_are_marked():
    left, right = differences("You have 14 days to return it.", "You have 30 days to send it.")
    assert [p.text.strip() for p in left if p.own] == ["14", "return"]
    assert [p.text.strip() for p in right if p.own] == ["30", "send"]
    same, _ = differences("a  b\nc", "a b c")
    assert [p.own for p in same] == [False]


def test_answers_of_the_two_best_rungs_are_marked(tmp_path: Path):
    task = answer_task("one", "two")
    source = report(tmp_path, task, *climbed(task, (20, 50), wrong=f"Up to £7 {EVIL}"))
    assert "words that only one of one and two has" in Page(source).words
    assert re.search(r"<mark>[^<]*£7", source) or "£</span><mark>7" in source or "<mark>7" in source
    assert "script" not in Page(source).tags


# ---- a real climb ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A climb of a changed task file, in `runs/shop` beside its study."""
    top = tmp_path_factory.mktemp("top")
    small_task("label", top / "study")
    task = loaded(top / "study", rungs=["majority", "linear"], bar__primary__at_least=0.7)
    climb(task, top / "runs" / "shop", quiet=True)
    return top / "runs" / "shop"


def test_the_evidence_stands_in_the_report(run: Path):
    words = Page((run / "report.html").read_text(encoding="utf-8")).words
    manifest = read_json(run / "manifest.json")
    fingerprint = read_json(run / "rungs" / "linear" / "rung.json")["fingerprint"]
    assert manifest["benchmark"] in words
    assert fingerprint[:16] in words
    assert f"numpy {manifest['packages']['numpy']}" in words
    assert "--set bar.primary.at_least=0.7" in words
    assert "--only majority --only linear" in words


def test_it_is_rebuilt_the_same_and_then_with_audits(run: Path):
    before = (run / "report.html").read_bytes()
    task = load_climbed_task(run)
    assert rebuild_report(task, run) == run / "report.html"
    assert (run / "report.html").read_bytes() == before
    folder = run / "rungs" / "linear" / "audits"
    write_json(folder / "robustness.json", {"fingerprint": "", "found": audited().to_json()})
    rebuild_report(task, run)
    assert "Robustness: linear" in (run / "report.html").read_text(encoding="utf-8")
    (folder / "robustness.json").unlink()


def test_the_study_moved_or_changed(run: Path, tmp_path: Path):
    small_task("label", tmp_path / "moved")
    assert load_climbed_task(run, tmp_path / "moved").digest == load_climbed_task(run).digest
    rows = tmp_path / "moved" / "train.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(StoreError, match="other data"):
        rebuild_report(load_climbed_task(run, tmp_path / "moved"), run)
    with pytest.raises(StoreError, match="no longer at"):
        load_climbed_task(run, tmp_path / "nowhere")
    with pytest.raises(StoreError, match="no finished climb"):
        load_climbed_task(tmp_path)
