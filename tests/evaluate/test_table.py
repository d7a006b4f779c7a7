import math
from io import StringIO

import pytest
from rich.console import Console

from tailorbird.decide.ladder import Ladder
from tailorbird.decide.verdict import decide
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.evaluate.table import columns, ladder_markdown, ladder_table, print_verdict, sample
from tailorbird.task.bar import Bar, Criterion
from tailorbird.task.task import Budget, Rung, TaskSpec

N = 200
GUARDS = (
    Criterion(metric="unsupported", at_most=0.05),
    Criterion(metric="latency_p95", at_most=2),
)


def rung(name, right, unsupported=0, latency=1.0, approach=None, **timings):
    scores = {"facts": marks(right), "unsupported": marks(unsupported)}
    estimates = {m: estimate_mean(v, [None] * N, 0) for m, v in scores.items()}
    estimates |= {"prompt_tokens": exactly(1234), "completion_tokens": exactly(0)}
    measured = {f"latency_p{q}": latency and exactly(latency) for q in (50, 95)} | timings
    return RungResult(name, approach or name, {}, None, scores, estimates, timings=measured)


def marks(right):
    return tuple(float(i < right) for i in range(N))


def exactly(value):
    return Estimate(value, value, value, 24, 24, "order statistics")


def judged(*rungs, guards=GUARDS, groups=None, **bar):
    results = Results("t", "d", groups or (None,) * N, rungs)
    task = TaskSpec.model_construct(
        name="t",
        bar=Bar(primary=Criterion(metric="facts", at_least=0.6), guards=guards, **bar),
        rungs=tuple(Rung(approach=r.approach, name=r.name) for r in rungs),
        seed=0,
        budget=Budget(),
    )
    return results, decide(results, task), task


def printed(thing, width=100):
    console = Console(width=width, record=True, file=StringIO(), color_system=None)
    console.print(thing)
    return console.export_text()


LADDER = (
    rung("majority", 20, 100, 0.001),
    rung("rag", 125, 30, 1.5, cost_per_1000=exactly(0.42)),
    rung("fine_tuned", 170, 2, 1.2, cost_per_1000=exactly(0.4), training_minutes=exactly(12)),
)


def test_a_row_per_rung_with_what_it_misses():
    lines = printed(ladder_table(*judged(*LADDER))).splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert "85 [79, 89]" in rows["fine_tuned"]
    assert "✓ enough" in rows["fine_tuned"]
    assert rows["majority"].rstrip().endswith("✗ facts, unsupported")
    assert rows["rag"].rstrip().endswith("✗ unsupported")
    assert "≥ 60" in rows["rung"]
    assert "≤ 5" in rows["rung"]
    assert list(rows)[3:6] == ["majority", "rag", "fine_tuned"]


def test_unknown_is_not_zero():
    table = printed(ladder_table(*judged(rung("rag", 125, latency=None))), 140)
    row = next(line for line in table.splitlines() if line.startswith("rag"))
    assert row.split()[-2:] == ["✗", "latency_p95"]
    assert row.count("?") == 4  # two latencies, cost, training
    assert " 0 " in row  # the answer tokens were counted: there were none
    assert "?: unknown" in table


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_fits_and_never_breaks_a_number(width):
    text = printed(ladder_table(*judged(*LADDER), width=width), width)
    assert max(map(len, text.splitlines())) <= width
    assert "85 [79, 89]" in text
    assert ("Left out for width" in " ".join(text.split())) == (width < 160)


def test_the_bar_is_left_out_last():
    text = printed(ladder_table(*judged(*LADDER), width=70), 70)
    assert "unsupported" in text.splitlines()[0]
    left_out = " ".join(text.split("Left out for width:")[1].split())
    assert left_out.startswith("completion_tokens, prompt_tokens, training_minutes")
    assert "unsupported" not in left_out


def test_rounding_does_not_hide_a_gap():
    results, _, task = judged(*LADDER)
    column = next(c for c in columns(Ladder(results, task)) if c.metric == "unsupported")
    assert column.figure(Estimate(0.053, 0, 1, N, N, "")) == "5.3"
    assert column.figure(Estimate(0.0501, 0, 1, N, N, "")) == "5.01"
    assert column.figure(Estimate(0.05, 0, 1, N, N, "")) == "5"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (3e-5, "<0.0001"), (0.0123, "0.012"), (1, "1.0"), (9.97, "10"), (123456, "123,456")],
)
def test_measures_are_written_without_exponents(value, said):
    results, _, task = judged(*LADDER)
    column = next(c for c in columns(Ladder(results, task)) if c.metric == "cost_per_1000")
    assert column.figure(exactly(value)) == said


def test_an_end_the_sample_cannot_tell():
    results, _, task = judged(*LADDER)
    column = next(c for c in columns(Ladder(results, task)) if c.metric == "latency_p95")
    assert column.ends(Estimate(1.5, 1.2, math.inf, 24, 24, "")) == "[1.2, unknown]"
    assert column.ends(None) == ""


def test_unit_of_independence():
    assert sample(judged(*LADDER)[0]) == "200 test items, each independent of the others"
    grouped = judged(*LADDER, groups=tuple(f"g{i // 4}" for i in range(N)))[0]
    assert sample(grouped) == "200 test items in 50 independent groups"
    mixed = judged(*LADDER, groups=("a", "a", "b", *[None] * (N - 3)))[0]
    assert sample(mixed) == "200 test items: 2 independent groups and 197 items on their own"


def test_verdict_in_words():
    results, verdict, task = judged(*LADDER)
    console = Console(width=100, record=True, file=StringIO())
    print_verdict(console, results, verdict, task, {"zero_shot": "torch [models] is not installed"})
    text = " ".join(console.export_text().split())
    for sentence in (verdict.headline, verdict.fine_tune_reason, *verdict.reasons[:6]):
        assert sentence in text
    assert "Fine-tune." in text
    assert "- zero_shot: torch [models] is not installed" in text
    assert "What is missing" not in text
    assert text.count("200 test items, each") == 1


def test_verdict_without_a_winner():
    results, verdict, task = judged(rung("rag", 100))
    console = Console(width=100, record=True, file=StringIO())
    print_verdict(console, results, verdict, task)
    text = " ".join(console.export_text().split())
    assert "What is missing" in text
    assert "Cannot tell whether to fine-tune." in text
    assert "Not run" not in text


def test_rung_names_are_not_markup():
    results, verdict, task = judged(rung("[red]rag[/red]", 125), rung("rag|x*", 125))
    assert "[red]rag[/red]" in printed(ladder_table(results, verdict, task))
    assert "rag\\|x\\*" in ladder_markdown(results, verdict, task)


def test_markdown():
    lines = ladder_markdown(*judged(*LADDER)).splitlines()
    assert lines[0].startswith("| rung | facts % ≥ 60 | unsupported % ≤ 5 | p95 s ≤ 2 | p50 s |")
    assert {line.count("|") for line in lines[:5]} == {lines[0].count("|")}
    assert lines[4].startswith("| **fine_tuned** | **85 [79, 89]** |")
    assert lines[4].endswith("| **✓ enough** |")
    assert lines[5] == ""
    assert lines[6].startswith("200 test items")
