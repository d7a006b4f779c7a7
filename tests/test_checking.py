"""Studies and files as they are named on the command line, and the commands that follow."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tailorbird.checking import (
    Source,
    check_file,
    production_sample,
    settings_of,
    source_of,
    wanted,
)
from tailorbird.errors import DataError, TaskError
from tailorbird.registry import names
from tailorbird.task.task import Columns


def test_a_command_says_again_how_the_rows_are_read(tmp_path: Path):
    file = tmp_path / "my rows.csv"
    file.write_text("q,a\nx,y\n")
    pairs = ["data.columns.input=q", "doctor.lengths.far=2"]
    source = source_of(file, None, {"data.columns.input": "q"}, pairs)
    assert source.columns is not None
    words = shlex.split(source.mend("lengths", "--also-test"))
    assert words == [
        "tailorbird", "mend", str(file), "lengths", "--also-test",
        "--out", str(tmp_path / "my rows-mended.jsonl"),
        "--set", pairs[0], "--set", pairs[1],
    ]  # fmt: skip
    study = Source(tmp_path, Path("data folder"))
    assert shlex.split(study.mend("labels"))[2:] == [str(tmp_path), "labels", "-d", "data folder"]


def test_copies_are_numbered(tmp_path: Path):
    for name, mended in (
        ("rows.csv.gz", "rows-mended.jsonl"), ("rows-mended.jsonl", "rows-mended-2.jsonl"),
        ("rows-mended-9.jsonl", "rows-mended-10.jsonl"), ("a.b.parquet", "a.b-mended.jsonl"),
    ):  # fmt: skip
        (tmp_path / name).touch()
        assert shlex.split(Source(tmp_path / name).mend("lengths"))[-1] == str(tmp_path / mended)


def test_what_a_file_takes(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.touch()
    given = source_of(file, None, {"data.format": "alpaca", "data.key": "rows"})
    assert (given.format, given.key, given.columns) == ("alpaca", "rows", None)
    with pytest.raises(TaskError, match=r"bar\.margin: a file has no task"):
        source_of(file, None, {"bar.margin": 0.1})
    with pytest.raises(TaskError, match="inptu"):
        source_of(file, None, {"data.columns.inptu": "q"})


def test_settings_of_checks():
    settings, rest = settings_of({"doctor.lengths.far": 2, "doctor.lengths.usual": 9, "seed": 1})
    assert settings == {"lengths": {"far": 2, "usual": 9}}
    assert rest == {"seed": 1}
    for key in ("doctor", "doctor.lengths", "doctor.lengths.far.more"):
        with pytest.raises(TaskError, match=r"should read doctor\.CHECK\.SETTING=value"):
            settings_of({key: 1})


def test_which_checks():
    known = names("data.doctor")
    assert wanted((), ()) == tuple(known)
    assert wanted(["lengths", "language"], ["language"]) == ("lengths",)
    assert set(known) - set(wanted((), ["labels"])) == {"labels"}
    with pytest.raises(TaskError, match='no check is called "lenght"; did you mean "lengths"'):
        wanted((), ["lenght"])
    with pytest.raises(TaskError, match="no check is left"):
        wanted(["lengths"], ["lengths"])


def test_a_sample_of_production_is_drawn_evenly(tmp_path: Path):
    file = tmp_path / "seen.jsonl"
    file.write_text("".join(json.dumps({"input": f"q {i}"}) + "\n" for i in range(100)))
    assert len(production_sample(file)) == 100
    drawn = [int(e.text[2:]) for seed in range(200) for e in production_sample(file, 10, seed)]
    assert len(drawn) == 2_000
    early = sum(n < 50 for n in drawn) / len(drawn)
    assert 0.45 < early < 0.55
    assert production_sample(None) == []
    with pytest.raises(DataError, match="no file at"):
        production_sample(tmp_path / "none.jsonl")


CHAT = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is it?"}]


@pytest.mark.parametrize(
    "row",
    [
        {"input": "Where is it?"},
        {"question": "Where is it?"},
        {"mail": "Where is it?", "input": "something else"},
        {"text": "Where is it?"},
        {"messages": CHAT},
        {"messages": [*CHAT, {"role": "assistant", "content": "Here."}]},
        {"request": {"model": "m", "messages": CHAT}},
        {"request": {"messages": CHAT}, "response": {"choices": []}, "timestamp": 1},
        {"prompt": [CHAT[1]]},
    ],
)
def test_production_is_read_in_whatever_shape_it_is_logged(row: dict[str, Any], tmp_path: Path):
    file = tmp_path / "seen.jsonl"
    file.write_text("broken\n" + json.dumps(row) + "\n")
    [example] = production_sample(file, columns=Columns(input="mail"))
    assert (example.text, example.target) == ("Where is it?", None)


def test_production_without_inputs_is_refused(tmp_path: Path):
    file = tmp_path / "seen.jsonl"
    file.write_text('{"amount": 5}\n')
    with pytest.raises(DataError, match="has no inputs: of no known shape"):
        production_sample(file)


def test_a_file_has_no_proofs_and_its_rows_are_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    rows = [{"input": f"question {i}", "target": f"answer {i}"} for i in range(30)]
    rows += [{"input": "?", "target": "So."}, rows[0]]
    Path("rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    found = check_file(Source(Path("rows.jsonl")), only=["lengths", "duplicates"], quiet=True)
    assert (found.proofs, found.errors, found.name) == ((), [], "rows.jsonl")
    assert dict(found.parts) == {"rows-000031": "rows", "rows-000032": "rows"}
    plain = json.loads(json.dumps(found.to_json()))
    assert {f["check"] for f in plain["diagnosis"]["findings"]} == {"lengths", "duplicates"}
    assert all(f["title"] and f["command"] for f in plain["diagnosis"]["findings"])
    assert plain["rows"] == [["rows.jsonl: 32 rows read, 32 kept, 0 dropped"]]
