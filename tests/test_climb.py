"""The main job: a climb measures every rung, and survives kills and bad luck."""

import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from climbs import climb_and_die, finished, hurry, loaded, tables, work

from tailorbird.climbing import Listener, climb
from tailorbird.errors import BenchmarkError, StoreError, TaskError
from tailorbird.evaluate import run as answering
from tailorbird.evaluate.results import RungResult
from tailorbird.run_folder import Climbed, read_results, slug
from tailorbird.store import read_jsonl
from tailorbird.task.check import check_benchmark
from tailorbird.task.task import Rung
from tailorbird.testing import small_task
from tailorbird.testing.claims import no_pickle
from tailorbird.train import engine

ALL = [
    "majority",
    "nearest",
    "linear",
    "zero_shot",
    {"few_shot": {"select": "similar", "shots": 2}},
    {"rag": {"by": "sparse"}},
    {"fine_tuned": {"epochs": 1, "name": "tuned"}},
    {"fine_tuned": {"retrieve": "sparse", "epochs": 1, "name": "tuned, reading"}},
]
SIMPLE = ["majority", "nearest"]
# 30 rows in batches of one, twice: 60 steps, with a checkpoint at step 50.
KILLED = [
    "majority",
    "linear",
    {"rag": {"by": "sparse"}},
    {"fine_tuned": {"epochs": 2, "batch_size": 1}},
]
STEPS, SAVED = 60, 50


@pytest.fixture(autouse=True, scope="module")
def _hurried() -> Iterator[None]:
    before = answering.CHUNK, answering.PROBES
    hurry()
    yield
    answering.CHUNK, answering.PROBES = before


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers")
    small_task("answer", folder)
    return folder


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    small_task("label", tmp_path / "labels")
    return tmp_path / "labels"


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def keep(file: Path, rows: list[Any]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


class Watching(Listener):
    """Remembers which rungs were done before."""

    def __init__(self) -> None:
        self.resumed: dict[str, bool] = {}

    def finished(self, rung: Rung, result: RungResult, resumed: bool) -> None:
        self.resumed[rung.name] = resumed


# ---- a whole climb ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Twice:
    """One task climbed into two folders."""

    one: Path
    other: Path
    found: Climbed
    settings: dict[str, Any]


@pytest.fixture(scope="module")
def twice(answers: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    settings = {"model": str(checkpoint), "rungs": ALL, "outputs__max_tokens": 6}
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    climb(loaded(answers, **settings), other, quiet=True)
    return Twice(one, other, climb(loaded(answers, **settings), one, quiet=True), settings)


def test_every_rung_answers_every_item(twice: Twice):
    assert not twice.found.failures
    assert [r.name for r in twice.found.results.rungs] == [
        "majority", "nearest", "linear", "zero_shot", "few_shot", "rag", "tuned", "tuned, reading",
    ]  # fmt: skip
    assert {len(p) for p in twice.found.predictions.values()} == {45}
    assert all(r.errors == 0 for r in twice.found.results.rungs)
    written = {p.name for p in twice.one.iterdir()}
    assert written >= {
        "manifest.json", "results.json", "timings.json", "verdict.json", "report.html",
        "ledger.jsonl", "rungs",
    }  # fmt: skip


def test_a_seed_gives_one_results_file(twice: Twice):
    assert (twice.one / "results.json").read_bytes() == (twice.other / "results.json").read_bytes()
    assert tables(twice.one) == tables(twice.other)


def test_nothing_in_a_run_folder_is_a_pickle(twice: Twice):
    no_pickle(twice.one)


def test_climbing_again_redoes_nothing(twice: Twice, answers: Path):
    before = work(twice.one, finished(twice.one)), (twice.one / "results.json").read_bytes()
    watch = Watching()
    climb(loaded(answers, **twice.settings), twice.one, watch, quiet=True)
    assert all(watch.resumed.values())
    after = work(twice.one, finished(twice.one)), (twice.one / "results.json").read_bytes()
    assert before == after
    assert len(read_jsonl(twice.one / "ledger.jsonl")) == len(ALL)


def test_a_new_bar_or_budget_redoes_nothing(twice: Twice, answers: Path):
    before = work(twice.one, finished(twice.one))
    changed = twice.settings | {"bar__primary__at_least": 0.1, "budget__minutes": 100}
    found = climb(loaded(answers, **changed), twice.one, quiet=True)
    assert work(twice.one, finished(twice.one)) == before
    assert found.verdict.enough is not None
    climb(loaded(answers, **twice.settings), twice.one, quiet=True)  # as others expect it


def test_a_finished_climb_can_be_read_again(twice: Twice):
    results, spec, failures = read_results(twice.one)
    assert results.to_json() == twice.found.results.to_json()
    assert (spec.name, failures) == ("small-answer", {})


# ---- kills -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(answers: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    """The climb that nobody kills."""
    settings = {"model": str(checkpoint), "rungs": KILLED, "outputs__max_tokens": 6}
    out = tmp_path_factory.mktemp("whole")
    return Twice(out, out, climb(loaded(answers, **settings), out, quiet=True), settings)


# Per rung, answering writes three chunks: this is the second of the third rung.
MOMENTS = {
    "answering": ("tailorbird.evaluate.chunks.append_jsonl", 8, 2),
    "between rungs": ("tailorbird.climbing.fitted", 3, 2),
    "solver not saved": ("tailorbird.climbing.save_solver", 3, 2),
    "training": ("tailorbird.train.engine.append_jsonl", 56, 3),
    "adapter not saved": ("tailorbird.train.policy.save_adapter", 1, 3),
    "judging": ("tailorbird.climbing.decide", 1, 4),
}
"""What is called, for the which time, when the kill comes; and the rungs finished by then."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_climb_ends_like_a_whole_one(
    moment: str, whole: Twice, answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    function, call, done = MOMENTS[moment]
    climb_and_die(answers, whole.settings, tmp_path, function, call)
    before = finished(tmp_path)
    assert len(before) == done
    assert not (tmp_path / "results.json").exists()
    cost = work(tmp_path, before)
    _tear(tmp_path)
    steps = _count_steps(monkeypatch)
    watch = Watching()
    climb(loaded(answers, **whole.settings), tmp_path, watch, quiet=True)

    assert (tmp_path / "results.json").read_bytes() == (whole.one / "results.json").read_bytes()
    assert tables(tmp_path) == tables(whole.one)
    assert work(tmp_path, before) == cost
    assert [name for name, resumed in watch.resumed.items() if resumed] == [
        name for name in ("majority", "linear", "rag", "fine_tuned") if name in before
    ]
    openings = Counter(row["rung"] for row in read_jsonl(tmp_path / "ledger.jsonl"))
    assert set(openings.values()) == {1}
    if moment == "training":
        assert steps == Counter(steps=STEPS - SAVED)
    if moment == "judging":
        assert not steps
    no_pickle(tmp_path)


def _tear(out: Path) -> None:
    """What a kill within a write leaves behind: half a line, half a checkpoint."""
    answered = out / "rungs" / "rag" / "answers.jsonl"
    if answered.is_file() and not (answered.parent / "predictions.parquet").is_file():
        with answered.open("a") as file:
            file.write('{"id": "test-0000')
    training = out / "rungs" / "fine_tuned" / "fit" / "training"
    if list(training.glob("checkpoint-*")):
        torn = training / f"checkpoint-{SAVED + 5}"
        torn.mkdir()
        (torn / "adapter_model.safetensors").write_bytes(b"half")


def _count_steps(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted, append = Counter[str](), engine.append_jsonl

    def counting(path: Path, rows: Any) -> None:
        counted["steps"] += path.name == "log.jsonl"
        append(path, rows)

    monkeypatch.setattr(engine, "append_jsonl", counting)
    return counted


# ---- changed settings ------------------------------------------------------------------------


def test_another_setting_sets_the_old_folder_aside_and_opens_the_test_again(
    answers: Path, tmp_path: Path
):
    first = climb(loaded(answers, rungs=SIMPLE), tmp_path, quiet=True)
    kept = work(tmp_path, ["majority"])
    changed = ["majority", {"nearest": {"by": "sparse"}}]
    second = climb(loaded(answers, rungs=changed), tmp_path, quiet=True)
    assert (first.results.test_openings, second.results.test_openings) == (1, 2)
    (aside,) = (tmp_path / "previous").iterdir()
    assert aside.name.startswith("nearest-")
    assert len(lines(aside / "answers.jsonl")) == 45
    assert work(tmp_path, ["majority"]) == kept
    third = climb(loaded(answers, rungs=changed), tmp_path, quiet=True)
    assert third.results.test_openings == 2


def test_another_model_is_another_opening(answers: Path, checkpoint: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(checkpoint, other)
    config = json.loads((other / "config.json").read_text()) | {"made_for": "this test"}
    (other / "config.json").write_text(json.dumps(config))
    settings = {"rungs": ["majority", "zero_shot"], "outputs__max_tokens": 2}
    out = tmp_path / "out"
    climb(loaded(answers, model=str(checkpoint), **settings), out, quiet=True)
    kept = work(out, ["majority"])
    found = climb(loaded(answers, model=str(other), **settings), out, quiet=True)
    assert found.results.test_openings == 2
    assert work(out, ["majority"]) == kept


def test_only_some_rungs(answers: Path, tmp_path: Path):
    task = loaded(answers, rungs=SIMPLE)
    found = climb(task.only(["nearest"]), tmp_path, quiet=True)
    assert [r.name for r in found.results.rungs] == ["nearest"]
    assert finished(tmp_path) == ["nearest"]
    with pytest.raises(TaskError, match='did you mean "nearest"'):
        task.only(["neerest"])


# ---- rungs that fail -------------------------------------------------------------------------


def test_a_missing_extra_stops_its_rung_alone(
    answers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    found = climb(loaded(answers, rungs=SIMPLE), tmp_path, quiet=True)
    assert [r.name for r in found.results.rungs] == ["majority"]
    assert "pip install 'tailorbird[retrieve]'" in found.failures["nearest"]
    assert read_results(tmp_path)[2] == found.failures
    assert "tailorbird[retrieve]" in (tmp_path / "report.html").read_text()

    monkeypatch.undo()
    again = climb(loaded(answers, rungs=SIMPLE), tmp_path, quiet=True)
    assert not again.failures


def test_a_model_without_a_chat_template_stops_its_rungs_alone(
    answers: Path, checkpoint: Path, tmp_path: Path
):
    bare = tmp_path / "bare"
    shutil.copytree(checkpoint, bare, ignore=shutil.ignore_patterns("*.jinja"))
    rungs = ["majority", "zero_shot", {"fine_tuned": {"epochs": 1}}]
    found = climb(loaded(answers, rungs=rungs, model=str(bare)), tmp_path / "out", quiet=True)
    assert list(found.failures) == ["zero_shot", "fine_tuned"]
    assert all("no chat template" in reason for reason in found.failures.values())


@pytest.mark.parametrize("model", ["/nowhere/at/all", "./nowhere"])
def test_a_model_that_is_not_there(model: str, answers: Path, tmp_path: Path):
    found = climb(
        loaded(answers, rungs=["majority", "zero_shot"], model=model), tmp_path, quiet=True
    )
    assert "no model folder" in found.failures["zero_shot"]


def test_no_rung_at_all(answers: Path, tmp_path: Path):
    with pytest.raises(BenchmarkError, match="no rung could be run: zero_shot: no model folder"):
        climb(loaded(answers, rungs=["zero_shot"], model="./nowhere"), tmp_path, quiet=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bye": "sparse"}, 'no setting "bye"; did you mean "by"'),
        ({"by": ["sparse"]}, '"by": Input should be a valid string'),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_runs(
    settings: dict[str, Any], said: str, answers: Path, tmp_path: Path
):
    with pytest.raises(TaskError, match=said):
        climb(loaded(answers, rungs=["majority", {"nearest": settings}]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---- budget ----------------------------------------------------------------------------------


class Slow(Listener):
    """Each rung takes a third of a second longer."""

    def finished(self, rung: Rung, result: RungResult, resumed: bool) -> None:
        time.sleep(0.35)


def test_minutes_stop_further_rungs_and_more_minutes_go_on(answers: Path, tmp_path: Path):
    task = loaded(answers, rungs=SIMPLE, budget__minutes=0.005)
    found = climb(task, tmp_path, Slow(), quiet=True)
    assert found.failures == {"nearest": "the budget of 0.005 minutes was used up"}
    kept = work(tmp_path, ["majority"])
    again = climb(loaded(answers, rungs=SIMPLE, budget__minutes=5), tmp_path, quiet=True)
    assert not again.failures
    assert work(tmp_path, ["majority"]) == kept


# ---- benchmarks that cannot judge ------------------------------------------------------------


def test_a_leak_is_refused(labels: Path, tmp_path: Path):
    train, test = labels / "train.jsonl", labels / "test.jsonl"
    keep(train, [*lines(train), lines(test)[0]])
    with pytest.raises(BenchmarkError, match="stands in test and in another split 1 time"):
        climb(loaded(labels), tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()
    climb(loaded(labels, data__drop_leaks=True), tmp_path / "out", quiet=True)


def test_a_small_test_set_is_refused_with_the_reason(labels: Path, tmp_path: Path):
    keep(labels / "test.jsonl", lines(labels / "test.jsonl")[:10])
    with pytest.raises(BenchmarkError, match=r"10 test items .* at least 30 independent items"):
        climb(loaded(labels), tmp_path / "out", quiet=True)


def test_a_label_that_training_never_shows_is_a_warning(
    labels: Path, checkpoint: Path, tmp_path: Path
):
    for split in ("train", "dev"):
        file = labels / f"{split}.jsonl"
        keep(file, [row for row in lines(file) if row["target"] != "returns"])
    rungs = ["linear", "zero_shot", {"fine_tuned": {"epochs": 1}}]
    task = loaded(labels, rungs=rungs, model=str(checkpoint))
    warnings = [f.text for f in check_benchmark(task) if f.level == "warning"]
    assert any("never occur in train, first 'returns'" in text for text in warnings)
    found = climb(task, tmp_path / "out", quiet=True)
    assert not found.failures
    assert "returns" not in {p.text for p in found.predictions["linear"]}
    assert any("never occur in train" in f.text for f in found.findings)


# ---- folders ---------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"rungs": 1}', "\x00"])
def test_a_broken_results_file_is_a_clear_error(broken: str, answers: Path, tmp_path: Path):
    climb(loaded(answers, rungs=["majority"]), tmp_path, quiet=True)
    (tmp_path / "results.json").write_text(broken)
    with pytest.raises(StoreError, match=str(tmp_path)):
        read_results(tmp_path)


@pytest.mark.parametrize(
    "name", ["plain", "a/b", "..", "../../up", "/abs", ".", "ä", "a b", "x" * 300]
)
def test_a_rung_folder_is_one_plain_name(name: str):
    folder = slug(name)
    assert Path(folder).name == folder
    assert folder not in ("", ".", "..")
    assert folder.isascii()
    assert len(folder) < 100
    assert slug(name) == folder != slug(name + "!")
