"""Audits of a finished climb: made once, made anew when they must be, and never lost."""

import shutil
from pathlib import Path

import pytest
from climbs import hurry, loaded

from tailorbird.approaches.nearest import Lookup
from tailorbird.auditing import audit, read_audits
from tailorbird.climbing import climb
from tailorbird.errors import StoreError, TaskError
from tailorbird.evaluate.audits import _answering
from tailorbird.task.benchmark import Task
from tailorbird.testing import small_task

QUICK = ("slices", "robustness")
SPARING = [{"robustness": {"changes": ["upper_case", "chatter"], "limit": 20}}, "slices"]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small task, and in it that of a climb."""
    hurry()
    folder = tmp_path_factory.mktemp("climbed")
    small_task("label", folder)
    climb(task(folder), folder / "run", quiet=True)
    return folder


@pytest.fixture
def study(climbed: Path, tmp_path: Path) -> Path:
    """A copy, to be spoiled."""
    return Path(shutil.copytree(climbed, tmp_path / "study"))


def task(folder: Path, **overrides: object) -> Task:
    return loaded(folder, rungs=["majority", "nearest"], audits=SPARING, **overrides)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many questions the rung `nearest` is asked, at each call."""
    sizes: list[int] = []
    alive = Lookup.predict

    def counting(self, examples, progress=None):
        sizes.append(len(examples))
        return alive(self, examples, progress)

    monkeypatch.setattr(Lookup, "predict", counting)
    return sizes


def test_the_audits_of_the_task_file_are_made_of_the_rung_that_is_enough(study: Path):
    (found,) = audit(task(study), study / "run", quiet=True)
    assert found.rung == "nearest"
    assert [a.audit for a in found.found] == ["robustness", "slices"]
    assert found.missing == {}
    robust = found.found[0]
    assert {x.estimate.n for x in robust.lines if x.estimate} == {20}
    folder = study / "run" / "rungs" / "nearest" / "audits"
    assert sorted(f.name for f in folder.iterdir()) == ["robustness.json", "slices.json"]
    (read,) = read_audits(study / "run", ["majority", "nearest"])
    assert read == found


def test_what_was_found_is_not_looked_for_again(study: Path, asked: list[int]):
    first = audit(task(study), study / "run", ["nearest"], quiet=True)
    assert sum(asked) > 0
    asked.clear()
    assert audit(task(study), study / "run", ["nearest"], quiet=True) == first
    assert asked == []


@pytest.mark.parametrize(
    "changed",
    [
        {"audits": [{"robustness": {"changes": ["upper_case"], "limit": 20}}]},
        {"bar__primary": {"metric": "overlap", "at_least": 0.5}},
        {"bar__proof": "interval"},
    ],
    ids=["settings", "metric", "proof"],
)
def test_other_settings_and_another_bar_make_it_anew(study: Path, asked: list[int], changed: dict):
    audit(task(study), study / "run", ["nearest"], ["robustness"], quiet=True)
    asked.clear()
    other = loaded(study, **{"rungs": ["majority", "nearest"], "audits": SPARING} | changed)
    audit(other, study / "run", ["nearest"], ["robustness"], quiet=True)
    assert sum(asked) > 0


def test_a_killed_audit_goes_on_where_it_was(
    study: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_answering, "CHUNK", 10)
    whole = audit(task(study), study / "run", ["nearest"], ["robustness"], quiet=True)
    total = len(asked)
    shutil.rmtree(study / "run" / "rungs" / "nearest" / "audits")
    asked.clear()
    counting = Lookup.predict

    def dies(self, examples, progress=None):
        if len(asked) == 3:
            raise KeyboardInterrupt
        return counting(self, examples, progress)

    monkeypatch.setattr(Lookup, "predict", dies)
    with pytest.raises(KeyboardInterrupt):
        audit(task(study), study / "run", ["nearest"], ["robustness"], quiet=True)
    assert not (study / "run" / "rungs" / "nearest" / "audits" / "robustness.json").exists()
    monkeypatch.setattr(Lookup, "predict", counting)
    assert audit(task(study), study / "run", ["nearest"], ["robustness"], quiet=True) == whole
    assert len(asked) == total  # three before the kill, and the others after it


def test_work_of_other_settings_is_not_taken_up(study: Path, monkeypatch: pytest.MonkeyPatch):
    def stops(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tailorbird.evaluate.audits.robustness._notes", stops)
        with pytest.raises(KeyboardInterrupt):
            audit(task(study), study / "run", ["nearest"], ["robustness"], quiet=True)
    settings = [{"robustness": {"changes": ["upper_case", "chatter"], "limit": 30}}]
    other = loaded(study, rungs=["majority", "nearest"], audits=settings)
    (found,) = audit(other, study / "run", ["nearest"], quiet=True)
    assert {x.estimate.n for x in found.found[0].lines if x.estimate} == {30}


def test_what_cannot_be_made_is_said_and_the_rest_goes_on(study: Path):
    (found,) = audit(
        task(study), study / "run", ["nearest"], ["likelihood_bias", "slices"], quiet=True
    )
    assert "no language model" in found.missing["likelihood_bias"]
    assert [a.audit for a in found.found] == ["slices"]


def test_a_wrong_setting_deep_inside_is_said_too(study: Path):
    audits = [{"robustness": {"changes": ["uper_case"]}}, "slices"]
    wrong = loaded(study, rungs=["majority", "nearest"], audits=audits)
    (found,) = audit(wrong, study / "run", ["nearest"], quiet=True)
    assert "upper_case" in found.missing["robustness"]
    assert [a.audit for a in found.found] == ["slices"]


# ---- what is refused ---------------------------------------------------------------------------


def test_unknown_names_are_refused_with_the_nearest(study: Path):
    with pytest.raises(TaskError, match='did you mean "robustness"'):
        audit(task(study), study / "run", only=["robustnes"])
    with pytest.raises(StoreError, match='did you mean "nearest"'):
        audit(task(study), study / "run", ["nearst"])
    with pytest.raises(TaskError, match='did you mean "slices"'):
        loaded(study, audits=["slice"])
    with pytest.raises(TaskError, match="least"):
        audit(loaded(study, audits=[{"slices": {"last": 3}}]), study / "run")


def test_a_folder_without_a_climb_is_refused(study: Path, tmp_path: Path):
    with pytest.raises(StoreError, match="no finished climb"):
        audit(task(study), tmp_path / "nowhere")


def test_the_climb_of_another_benchmark_is_refused(study: Path):
    rows = (study / "train.jsonl").read_text("utf-8").splitlines(keepends=True)
    (study / "train.jsonl").write_text("".join(rows[:-1]), "utf-8")
    with pytest.raises(StoreError, match="other data"):
        audit(task(study), study / "run")


def test_a_rung_that_was_not_run_is_refused(study: Path):
    with pytest.raises(StoreError, match="no finished rung"):
        audit(loaded(study), study / "run", ["linear"])
