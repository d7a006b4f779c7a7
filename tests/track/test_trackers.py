"""What MLflow and Weights & Biases hold after a climb, and what happens where they fail."""

import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from climbs import loaded

from tailorbird.auditing import audit
from tailorbird.climbing import Listener, climb, track
from tailorbird.errors import TaskError
from tailorbird.registry import names
from tailorbird.reporting import read_climbed
from tailorbird.run_folder import Climbed
from tailorbird.store import read_json
from tailorbird.testing import small_task
from tailorbird.track.base import Memory, RunRecord, Tracker, make_tracker
from tailorbird.track.mlflow import _without_password

RUNGS = ["majority", "linear"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    small_task("label", folder)
    return folder


@pytest.fixture(scope="module")
def tracked(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Climbed]:
    """A climb in `runs/shop`, recorded in MLflow's file beside it."""
    out = tmp_path_factory.mktemp("runs") / "shop"
    return out, climb(loaded(study, rungs=RUNGS, track="mlflow"), out, quiet=True)


def client(out: Path) -> Any:
    return pytest.importorskip("mlflow").MlflowClient(f"sqlite:///{out.parent / 'mlflow.db'}")


def runs(out: Path) -> dict[str, Any]:
    there = client(out)
    (experiment,) = there.search_experiments(filter_string="name = 'small-label'")
    return {r.info.run_name: r for r in there.search_runs([experiment.experiment_id])}


def test_a_climb_is_a_run_and_its_rungs_are_nested_in_it(tracked: tuple[Path, Climbed]):
    out, _ = tracked
    found = runs(out)
    assert set(found) == {"shop", *RUNGS}
    parent = found.pop("shop")
    assert "mlflow.parentRunId" not in parent.data.tags
    for run in found.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == "FINISHED"
        assert run.info.start_time <= run.info.end_time


def test_metrics_have_the_ends_of_their_intervals(tracked: tuple[Path, Climbed]):
    out, climbed = tracked
    found = runs(out)
    for rung in climbed.results.rungs:
        metrics = found[rung.name].data.metrics
        label = rung.estimates["label"]
        assert label is not None
        assert metrics["label"] == label.value
        assert (metrics["label_low"], metrics["label_high"]) == (label.low, label.high)
        p95 = rung.timings["latency_p95"]
        assert p95 is not None
        assert metrics["latency_p95"] == p95.value
        assert ("latency_p95_high" in metrics) == math.isfinite(p95.high)
        assert "cost_per_1000" not in metrics  # unknown is not 0
    best = next(r for r in climbed.results.rungs if r.name == climbed.verdict.enough)
    assert found["shop"].data.metrics["label"] == best.estimates["label"].value  # type: ignore[union-attr]


def test_parameters_lineage_and_verdict(tracked: tuple[Path, Climbed]):
    out, climbed = tracked
    found = runs(out)
    linear, parent = found["linear"].data, found["shop"].data
    assert linear.params["approach"] == "linear"
    assert (linear.params["n_train"], linear.params["n_test"]) == ("48", "36")
    assert linear.tags["tailorbird.benchmark"] == climbed.results.digest
    fingerprint = read_json(out / "rungs" / "linear" / "rung.json")["fingerprint"]
    assert linear.tags["tailorbird.fingerprint"] == fingerprint
    assert linear.tags["tailorbird.version.numpy"]
    assert climbed.verdict.headline in parent.tags["mlflow.note.content"]
    assert parent.tags["tailorbird.advice"] == climbed.verdict.fine_tune


def test_data_sets_are_inputs(tracked: tuple[Path, Climbed]):
    out, _ = tracked
    inputs = {i.dataset.name: i for i in runs(out)["linear"].inputs.dataset_inputs}
    assert set(inputs) == {"train", "dev", "test"}
    test = inputs["test"]
    profile = json.loads(test.dataset.profile)
    assert profile["num_rows"] == 36
    assert profile["sha256"].startswith(test.dataset.digest)
    assert json.loads(test.dataset.source) == {"uri": "test.jsonl"}
    assert {t.key: t.value for t in test.tags}["mlflow.data.context"] == "evaluation"


def test_files_are_artifacts_beside_the_data_base(tracked: tuple[Path, Climbed]):
    out, _ = tracked
    found, there = runs(out), client(out)
    of = {name: {f.path for f in there.list_artifacts(r.info.run_id)} for name, r in found.items()}
    assert {"results.json", "verdict.json", "report.html", "manifest.json"} <= of["shop"]
    assert of["linear"] == {"predictions.parquet"}
    assert found["shop"].info.artifact_uri.startswith((out.parent / "mlartifacts").as_uri())


def test_what_audits_found_is_added_to_the_run(study: Path, tmp_path: Path):
    task, out = loaded(study, rungs=RUNGS, track="mlflow"), tmp_path / "runs" / "shop"
    climb(task, out, quiet=True)
    before = runs(out)["linear"].info.run_id
    (audited,) = audit(task, out, ["linear"], ["robustness"], quiet=True)
    track(task, out, read_climbed(task, out), Listener())
    run = runs(out)["linear"]
    assert run.info.run_id == before
    line = next(x for x in audited.found[0].lines if x.name == "typos")
    assert line.estimate is not None
    assert run.data.metrics["robustness/typos"] == line.estimate.value
    assert run.data.metrics["robustness/typos_low"] == line.estimate.low
    assert not any("/" in name for name in runs(out)["majority"].data.metrics)


def test_the_same_climb_again_adds_nothing_and_another_rung_is_added(study: Path, tmp_path: Path):
    out = tmp_path / "shop"
    climb(loaded(study, rungs=["majority"], track="mlflow"), out, quiet=True)
    before = runs(out)
    climb(loaded(study, rungs=["majority"], track="mlflow"), out, quiet=True)
    assert {n: r.info.run_id for n, r in runs(out).items()} == {
        n: r.info.run_id for n, r in before.items()
    }
    climb(loaded(study, rungs=RUNGS, track="mlflow"), out, quiet=True)
    after = runs(out)
    assert set(after) == {"shop", *RUNGS}
    assert after["shop"].info.run_id == before["shop"].info.run_id
    assert after["shop"].data.metrics["rungs"] == 2
    # A data base that was deleted is filled anew.
    (tmp_path / "mlflow.db").rename(tmp_path / "gone.db")
    where = {"mlflow": {"uri": f"sqlite:///{tmp_path / 'other.db'}", "experiment": "elsewhere"}}
    climb(loaded(study, rungs=RUNGS, track=where), out, quiet=True)
    with sqlite3.connect(tmp_path / "other.db") as other:
        assert other.execute("select count(*) from runs").fetchone() == (3,)
        names = [n for (n,) in other.execute("select name from experiments")]
    assert "elsewhere" in names


def test_where_is_told_without_a_password(study: Path, tmp_path: Path):
    class Watching(Listener):
        said = ""

        def recorded(self, where: str) -> None:
            self.said += where

    watching = Watching()
    climb(loaded(study, rungs=["majority"], track="mlflow"), tmp_path / "r", watching, quiet=True)
    assert watching.said == f"MLflow, sqlite:///{tmp_path / 'mlflow.db'}"
    assert _without_password("postgresql://me:secret@db/x") == "postgresql://me:...@db/x"


def test_weights_and_biases_offline(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    out = tmp_path / "shop"
    for _ in range(2):  # the second time there is nothing to add
        climb(loaded(study, rungs=["majority"], track="wandb"), out, quiet=True)
    folders = sorted(out.glob("wandb/offline-run-*"))
    assert len(folders) == 2
    written = b"".join(f.read_bytes() for folder in folders for f in folder.glob("*.wandb"))
    for said in (b"label_low", b"n_train", b"benchmark", b"majority", b"predictions.parquet"):
        assert said in written, said


@pytest.mark.parametrize("wrong", ["mlflow", "wandb"])
def test_a_tracker_that_fails_is_a_warning(
    wrong: str, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip(wrong)
    cls = type(make_tracker(wrong))

    def away(*_: Any) -> None:
        raise ConnectionError("the server is away")

    monkeypatch.setattr(cls, "record", away)
    with pytest.warns(UserWarning, match="ConnectionError: the server is away"):
        climbed = climb(loaded(study, rungs=["majority"], track=wrong), tmp_path / "r", quiet=True)
    assert climbed.results.rungs
    assert (tmp_path / "r" / "report.html").is_file()


def test_a_data_base_that_cannot_be_written_is_a_warning(study: Path, tmp_path: Path):
    pytest.importorskip("mlflow")
    (tmp_path / "mlflow.db").write_text("no data base")
    with pytest.warns(UserWarning, match="not recorded"):
        climb(loaded(study, rungs=["majority"], track="mlflow"), tmp_path / "r", quiet=True)


def test_which_tracker(monkeypatch: pytest.MonkeyPatch):
    assert set(names("track")) == {"mlflow", "wandb"}
    monkeypatch.setenv("TAILORBIRD_TRACK", "none")
    assert make_tracker(None) is None
    assert make_tracker("none") is None
    assert isinstance(make_tracker({"wandb": {"mode": "offline"}}), Tracker)
    monkeypatch.delenv("TAILORBIRD_TRACK")
    pytest.importorskip("mlflow")
    assert type(make_tracker(None)).__name__ == "Mlflow"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert make_tracker(None) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("mlfow", 'did you mean "mlflow"'),
        ({"mlflow": {"url": "x"}}, 'did you mean "uri"'),
        ({"mlflow": {"uri": "postgresql://me:secret@db/x"}}, "password"),
        ({"mlflow": {}, "wandb": {}}, "one name"),
    ],
)
def test_mistakes_are_named(given: Any, said: str):
    with pytest.raises(TaskError, match=said) as raised:
        make_tracker(given)
    assert "secret" not in str(raised.value)


def test_the_task_file_names_known_trackers(study: Path):
    with pytest.raises(TaskError, match='did you mean "wandb"'):
        loaded(study, track="wanb")
    assert loaded(study, track="wandb").digest == loaded(study).digest


def test_memory_is_of_one_place(tmp_path: Path):
    record = RunRecord("k", "n", {"a": 1}, {"m": 0.5}, {}, (), 0.0, 1.0)
    here, there = Memory(tmp_path / "t.json", "here"), Memory(tmp_path / "t.json", "there")
    here.keep(record, "run-1", whole=False)
    assert (here.run(record), here.holds(record)) == ("run-1", False)
    here.keep(record, "run-1")
    assert here.holds(record)
    assert (there.run(record), there.holds(record)) == (None, False)
    changed = RunRecord("k", "n", {"a": 1}, {"m": 0.6}, {}, (), 0.0, 1.0)
    assert not here.holds(changed)
