"""Climbs listed, and two of their rungs compared."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from climbs import loaded

from tailorbird.climbing import climb
from tailorbird.comparing import Pair, pair
from tailorbird.decide.ladder import Ladder
from tailorbird.decide.verdict import decide
from tailorbird.errors import BenchmarkError, StoreError
from tailorbird.evaluate.runs import find_climbs
from tailorbird.evaluate.statistics import compare
from tailorbird.testing import small_task

Command = Callable[..., Any]
RUNGS = ["majority", "nearest", {"linear": {"name": "linear: plain"}}]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two climbs of one benchmark, one of another, one that was killed, and what is no climb."""
    top = tmp_path_factory.mktemp("top")
    small_task("label", top / "study")
    climb(loaded(top / "study", rungs=RUNGS), top / "runs" / "one", quiet=True)
    stricter = loaded(top / "study", rungs=RUNGS[:2], bar__primary__at_least=0.99)
    climb(stricter, top / "runs" / "deep" / "two", quiet=True)
    other = loaded(top / "study", rungs=RUNGS[:1], data__train_limit=24)
    climb(other, top / "runs" / "other", quiet=True)
    shutil.copytree(top / "runs" / "one", top / "runs" / "killed")
    (top / "runs" / "killed" / "results.json").unlink()
    (top / "runs" / "mlartifacts").mkdir()
    shutil.copy(top / "runs" / "one" / "manifest.json", top / "runs" / "mlartifacts")
    return top / "runs"


# ---- runs ------------------------------------------------------------------------------------


def test_every_climb_is_found_and_nothing_else(runs: Path):
    found = {str(c.folder.relative_to(runs)): c for c in find_climbs(runs)}
    assert set(found) == {"one", "deep/two", "other", "killed"}
    one = found["one"]
    assert one.rungs == ("majority", "nearest", "linear: plain")
    assert (one.enough, one.metric, one.finished) == ("nearest", "label", True)
    assert one.primary is not None
    assert one.benchmark == found["deep/two"].benchmark != found["other"].benchmark
    assert not found["killed"].finished
    assert len(found["killed"].rungs) == 3


def test_last_measured_comes_first(runs: Path):
    times = [c.measured for c in find_climbs(runs)]
    assert None not in times
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]


def test_runs_prints_a_table_or_json(runs: Path, tailorbird: Command, tmp_path: Path):
    ran = tailorbird("runs", runs, "--json")
    listed = json.loads(ran.out)
    assert (ran.code, len(listed)) == (0, 4)
    one = next(c for c in listed if c["folder"] == str(runs / "one"))
    assert one["rungs"] == ["majority", "nearest", "linear: plain"]
    assert 0 <= one["primary"]["low"] <= one["primary"]["value"]
    table = tailorbird("runs", runs)
    assert table.code == 0
    assert one["benchmark"][:8] in table.out
    assert "not finished" in " ".join(table.out.split())
    assert tailorbird("runs", tmp_path).out == f"no climb in {tmp_path}\n"


def test_a_folder_that_is_not_there_and_one_that_is_broken(tailorbird: Command, tmp_path: Path):
    ran = tailorbird("runs", tmp_path / "nothing")
    assert (ran.code, ran.out) == (1, "")
    assert "no folder at" in ran.err
    (tmp_path / "x" / "rungs").mkdir(parents=True)
    (tmp_path / "x" / "manifest.json").write_text("[1]")
    ran = tailorbird("runs", tmp_path)
    assert ran.code == 1
    assert "not those of a climb" in ran.err


# ---- compare ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(runs: Path) -> Pair:
    return pair(f"{runs / 'one'}:majority", ":nearest")


def test_the_difference_is_paired(found: Pair):
    a, b = found.a.result.scores["label"], found.b.result.scores["label"]
    mark = found.marks[0]
    assert mark.change == compare(a, b, found.ladder.results.groups, found.ladder.spec.seed)
    assert mark.change is not None
    assert mark.change.difference == pytest.approx(sum(b) / 36 - sum(a) / 36)  # type: ignore[arg-type]
    assert (mark.outcome, found.marks[1:]) == ("better", ())
    assert "nearest answers" in found.sentence


def test_it_says_what_the_climb_itself_says(runs: Path, found: Pair):
    """The pair was chosen among three rungs: the correction is for all their pairs."""
    from tailorbird.run_folder import read_results

    results, spec, _ = read_results(runs / "one")
    whole = Ladder(results, spec)
    (mine,) = found.ladder.contrasts
    assert found.ladder.pairs == whole.pairs == 3
    theirs = next(c for c in decide(results, spec).contrasts if "majority" in (c.rung, c.against))
    assert mine.outcome == theirs.outcome == "better"


def test_items_won_and_lost_with_both_answers(found: Pair):
    won = [i for i in found.items if i.change == "won"]
    assert found.marks[0].change is not None
    assert len(won) == found.marks[0].change.wins
    assert len(found.items) - len(won) == found.marks[0].change.losses
    for item in won:
        assert item.marks == (0.0, 1.0)
        assert item.answers[1] == item.target != item.answers[0]
        assert item.input


def test_turned_round_it_says_the_opposite(runs: Path, found: Pair):
    turned = pair(f"{runs / 'one'}:nearest", f"{runs / 'one'}:majority")
    one, other = found.marks[0], turned.marks[0]
    assert one.change is not None
    assert other.change is not None
    assert other.change.difference == pytest.approx(-one.change.difference)
    assert other.outcome == "worse"
    assert other.p_value == one.p_value
    assert {i.id for i in found.items} == {i.id for i in turned.items}


def test_two_climbs_of_one_benchmark(runs: Path):
    same = pair(f"{runs / 'one'}:nearest", f"{runs / 'deep' / 'two'}:nearest")
    assert same.marks[0].change is not None
    assert same.marks[0].change.difference == 0
    assert same.items == ()
    assert same.a.label != same.b.label
    assert same.a.label in same.sentence


def test_a_name_may_hold_a_colon_and_be_left_out(runs: Path):
    named = pair(f"{runs / 'one'}:linear: plain", ":majority")
    assert (named.a.rung, named.b.rung) == ("linear: plain", "majority")
    assert pair(str(runs / "one"), ":majority").a.rung == "nearest"  # what is enough


def test_another_benchmark_is_refused(runs: Path, tailorbird: Command):
    with pytest.raises(BenchmarkError, match=r"different benchmarks .*data\.train_limit"):
        pair(f"{runs / 'one'}:majority", f"{runs / 'other'}:majority")
    ran = tailorbird("compare", f"{runs / 'one'}:majority", f"{runs / 'other'}:majority")
    assert (ran.code, ran.out) == (1, "")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("one:majorty", ":nearest", 'did you mean "majority"'),
        ("nowhere:rag", "one:nearest", "no finished climb in"),
        ("killed:majority", ":nearest", "no finished climb in"),
        ("one:majority", ":majority", "compared with itself"),
    ],
)
def test_mistakes_of_names(first: str, second: str, said: str, runs: Path):
    full = [w if w.startswith(":") else f"{runs}/{w}" for w in (first, second)]
    with pytest.raises((StoreError, BenchmarkError), match=said):
        pair(full[0], full[1])


def test_what_compare_prints(runs: Path, tailorbird: Command):
    ran = tailorbird("compare", f"{runs / 'one'}:majority", ":nearest", "--items", "1")
    words = " ".join(ran.out.split())
    assert ran.code == 0
    assert "better" in words
    assert "On 27 items the second is better." in words
    assert words.count("asked:") == 1
    assert "26 more" in words
    plain = json.loads(tailorbird("compare", f"{runs / 'one'}:majority", ":nearest", "--json").out)
    assert len(plain["items"]) == 27
    assert plain["marks"][0]["change"]["n"] == 36


def test_a_rung_is_named_as_a_shell_takes_it(runs: Path, tailorbird: Command, tmp_path: Path):
    nothing = tmp_path / "my run"
    shutil.copytree(runs / "one", nothing)
    (nothing / "verdict.json").write_text('{"enough": null, "best": null}')
    ran = tailorbird("compare", nothing, f"{runs / 'one'}:nearest")
    assert ran.code == 1
    assert f"name one: '{nothing}:RUNG'" in ran.err


# ---- report --html ---------------------------------------------------------------------------


def test_report_html_writes_the_page_again(runs: Path, tailorbird: Command):
    page = runs / "one" / "report.html"
    before = page.read_bytes()
    page.unlink()
    ran = tailorbird("report", runs / "one", "--html")
    assert (ran.code, ran.out) == (0, f"{page}\n")
    assert page.read_bytes() == before
