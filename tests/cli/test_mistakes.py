"""Every mistake that a user can make is one clear line, most with the next step below it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def change(study: Path, **keys: Any) -> Path:
    file = study / "task.yaml"
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))
    return study


def add(study: Path, content: bytes, split: str = "train") -> Path:
    file = study / f"{split}.jsonl"
    file.write_bytes(file.read_bytes() + content)
    return study


def data(**keys: Any) -> dict[str, Any]:
    return {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"} | keys


def refused(ran: Any) -> tuple[str, str]:
    """The error and its hint; nothing else may follow the account of the rows."""
    assert (ran.code, ran.out) == (1, "")
    assert "Traceback" not in ran.err
    said = [line for line in ran.err.splitlines() if "rows read" not in line]
    assert said[0].startswith("error: ")
    assert len(said) == 1 or (len(said) == 2 and said[1].startswith("  -> ")), said
    return said[0], said[1] if len(said) == 2 else ""


# ---- task.yaml -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"gaol": "x"}, 'unknown key "gaol"; did you mean "goal"?'),
        ({"kind": "labels"}, "'label' or 'answer'"),
        ({"bar": {"primary": {"metric": "labels", "at_least": 1}}}, 'did you mean "label"?'),
        ({"bar": {"primary": {"metric": "label"}}}, "exactly one of at_least and at_most"),
        ({"rungs": []}, "name at least one rung"),
        ({"rungs": "linear"}, 'rungs are a list: --set "rungs=[linear]"'),
        ({"rungs": {"linear": None}}, "rungs are a list"),
        ({"rungs": ["neerest"]}, 'unknown rung "neerest"; did you mean "nearest"?'),
        ({"rungs": ["nearest", "nearest"]}, 'two rungs are called "nearest"'),
        ({"rungs": [{"nearest": {"name": ""}}]}, "'' is no name"),
        ({"rungs": [{"nearest": {"name": "\x1b[2J"}}]}, r"'\x1b[2J' is no name"),
    ],
)
def test_a_wrong_task_file(keys: dict[str, Any], said: str, tailorbird: Command, study: Path):
    error, _ = refused(tailorbird("check", change(study, **keys)))
    assert said in error
    assert str(study / "task.yaml") in error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\nb: 2", "line 2, column 2"),
        (b"\tname: x", "line 1, column 1"),
        (b"name: \xff", "not valid YAML"),
        (b"name: \x00", "not valid YAML"),
        (b"", "should hold keys and values"),
        (b"- a", "should hold keys and values"),
    ],
)
def test_a_task_file_that_is_no_yaml(
    content: bytes, said: str, tailorbird: Command, tmp_path: Path
):
    (tmp_path / "task.yaml").write_bytes(content)
    assert said in refused(tailorbird("check", tmp_path))[0]


def test_no_task_file(tailorbird: Command, tmp_path: Path):
    error, hint = refused(tailorbird("climb", tmp_path / "nowhere"))
    assert "no task file" in error
    assert "tailorbird new" in hint


# ---- data ------------------------------------------------------------------------------------


def test_no_data_file(tailorbird: Command, study: Path):
    error, hint = refused(tailorbird("check", change(study, data=data(train="trian.jsonl"))))
    assert "no file at" in error
    assert "train.jsonl" in hint


def test_no_data_folder(tailorbird: Command, study: Path):
    changed = change(study, data=data(train="{data}/train.jsonl"))
    error, hint = refused(tailorbird("check", changed))
    assert "needs the data folder" in error
    assert "--data-folder" in hint
    assert tailorbird("check", changed, "--data-folder", study).code == 0


def test_no_such_column(tailorbird: Command, study: Path):
    changed = change(study, data=data(columns={"input": "imput"}))
    error, hint = refused(tailorbird("check", changed))
    assert 'no row has a column "imput"; did you mean "input"?' in error
    assert "input, target" in hint


def test_an_empty_file(tailorbird: Command, study: Path):
    (study / "test.jsonl").write_bytes(b"")
    assert refused(tailorbird("check", study))[0] == "error: test.jsonl is empty"


def test_an_unknown_label(tailorbird: Command, study: Path):
    labels = ["billing", "delivery", "opening_hours", "return"]
    error, hint = refused(tailorbird("check", change(study, outputs={"labels": labels})))
    assert 'unknown label "returns"; did you mean "return"?' in error
    assert "outputs.labels" in hint


def test_an_unknown_format(tailorbird: Command, study: Path):
    for split in ("train", "dev", "test"):
        (study / f"{split}.jsonl").write_text('{"question": "a", "reply": "b"}\n')
    error, hint = refused(tailorbird("check", study))
    assert "the format is not known" in error
    assert "data.columns" in hint


def test_odd_rows_are_counted(tailorbird: Command, study: Path):
    odd = (
        b'{broken\n{"input": "caf\xe9", "target": "billing"}\n\n[1]\n{"input": "", "target": "x"}\n'
    )
    ran = tailorbird("check", add(study, odd))
    assert ran.code == 0
    assert "train.jsonl: 52 rows read, 49 kept, 3 dropped" in ran.err
    for line in (
        "changed 1: not UTF-8, read as cp1252 (first at row 50)",
        "dropped 1: not valid JSON (first at row 49)",
        "dropped 1: empty input (first at row 53)",
    ):
        assert line in ran.err


# ---- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("margin", "--set takes key=value"),
        ("=1", "--set takes key=value"),
        ("seed=[1", "is not valid YAML: expected"),
        ("bar.margn=1", 'unknown key "bar.margn"; did you mean "margin"?'),
        ("bar.margin=wide", '"bar.margin": Input should be a valid number'),
        ("rungs.0=linear", '"rungs" holds no keys'),
    ],
)
def test_a_wrong_set(pair: str, said: str, tailorbird: Command, study: Path):
    assert said in refused(tailorbird("check", study, "--set", pair))[0]


def test_an_unknown_rung(tailorbird: Command, study: Path, tmp_path: Path):
    ran = tailorbird("climb", study, "--only", "majorty", "--out", tmp_path / "run")
    assert 'no rung is called "majorty"; did you mean "majority"?' in refused(ran)[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ("{nearest: {bye: sparse}}", 'nearest has no setting "bye"; did you mean "by"?'),
        ("{few_shot: {shots: many}}", 'few_shot: "shots": Input should be a valid integer'),
        (
            "{few_shot: {select: similr}}",
            "few_shot: \"select\": Input should be 'fixed' or 'similar'",
        ),
    ],
)
def test_an_unknown_or_wrong_setting(rung: str, said: str, tailorbird: Command, study: Path):
    ran = tailorbird("climb", study, "--set", f"rungs=[{rung}]", "--out", study / "run")
    assert said in refused(ran)[0]


# ---- run folders -----------------------------------------------------------------------------


def test_a_climb_that_is_not_finished(tailorbird: Command, study: Path, tmp_path: Path):
    (tmp_path / "run" / "rungs").mkdir(parents=True)
    for folder in (tmp_path / "run", tmp_path / "nowhere"):
        error, hint = refused(tailorbird("report", folder))
        assert "no finished climb" in error
        assert "tailorbird climb" in hint


@pytest.mark.parametrize("file", ["results.json", "manifest.json", "timings.json"])
@pytest.mark.parametrize("content", ["{", "{}", None])
def test_a_run_folder_that_cannot_be_read(
    file: str, content: str | None, tailorbird: Command, study: Path, tmp_path: Path
):
    run = tmp_path / "run"
    tailorbird("climb", study, "--only", "majority", "--out", run)
    (run / file).unlink()
    if content is not None:
        (run / file).write_text(content)
    assert str(run) in refused(tailorbird("report", run))[0]


def test_an_out_folder_that_is_a_file(tailorbird: Command, study: Path, tmp_path: Path):
    (tmp_path / "run").write_text("mine")
    error, _ = refused(tailorbird("climb", study, "--out", tmp_path / "run"))
    assert "cannot write" in error
    assert (tmp_path / "run").read_text() == "mine"
