"""What each command prints, and with which exit code it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.cli import climb as climb_command
from tailorbird.cli.main import app
from tailorbird.task.task import load_spec

Command = Callable[..., Any]
COMMANDS = sorted(c.name or "" for c in app.registered_commands)
SIMPLE = ("--set", "rungs=[majority, nearest, linear]")


def test_there_are_commands():
    assert {"new", "check", "climb", "report", "schema"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str, tailorbird: Command):
    ran = tailorbird(command, "--help")
    assert ran.code == 0
    assert "Example" in ran.out
    assert f"tailorbird {command}" in ran.out


def test_help_and_version(tailorbird: Command):
    assert "First steps" in tailorbird("--help").out
    assert tailorbird("--version").out.strip().count(".") == 2


@pytest.mark.parametrize(
    "arguments", [["clim"], ["climb"], ["climb", "--bogus"], ["new", "x", "--kind", "y"]]
)
def test_wrong_usage_ends_with_two(arguments: list[str], tailorbird: Command):
    ran = tailorbird(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Error" in ran.err


# ---- new and schema --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["label", "answer"])
@pytest.mark.parametrize("name", ["my-task", "my new task!", "Zürich", "_x", "数"])
def test_new_writes_a_task_file_that_is_read_without_complaint(
    kind: str, name: str, tailorbird: Command, tmp_path: Path
):
    ran = tailorbird("new", tmp_path / name, "--kind", kind)
    assert ran.code == 0
    spec = load_spec(tmp_path / name)
    assert spec.kind == kind
    assert len(spec.rungs) > 5


@pytest.mark.parametrize("kind", ["label", "answer"])
def test_new_names_only_the_columns_that_every_study_has(
    kind: str, tailorbird: Command, tmp_path: Path
):
    tailorbird("new", tmp_path, "--kind", kind)
    columns = load_spec(tmp_path).data.columns
    assert columns is not None
    assert columns.model_dump(exclude_unset=True).keys() == {"input", "target"}


def test_the_hint_of_new_can_be_pasted(tailorbird: Command, tmp_path: Path):
    ran = tailorbird("new", tmp_path / "weird; name")
    assert f"tailorbird check '{tmp_path / 'weird; name'}'" in ran.out


def test_new_overwrites_nothing(tailorbird: Command, study: Path):
    before = (study / "task.yaml").read_bytes()
    ran = tailorbird("new", study)
    assert ran.code == 1
    assert "exists already" in ran.err
    assert (study / "task.yaml").read_bytes() == before


def test_schema_knows_every_key_and_refuses_others(tailorbird: Command):
    ran = tailorbird("schema")
    schema = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert {"name", "goal", "kind", "data", "bar", "rungs", "model"} <= set(schema["properties"])
    assert {"name", "goal", "kind", "data", "bar", "rungs"} == set(schema["required"])
    for shape in [schema, *schema["$defs"].values()]:
        assert shape["type"] == "object"
        assert shape["additionalProperties"] is False
    described = [p for p in schema["$defs"]["Splits"]["properties"].values() if "description" in p]
    assert described


def test_schema_takes_the_short_forms_that_task_files_use(tailorbird: Command):
    schema = json.loads(tailorbird("schema").out)
    rungs = schema["properties"]["rungs"]["items"]["anyOf"]
    assert {"type": "string"} in rungs
    assert {"type": "string"} in schema["$defs"]["Data"]["properties"]["train"]["anyOf"]


# ---- check, climb, report --------------------------------------------------------------------


def test_check_tells_what_it_found(tailorbird: Command, study: Path):
    ran = tailorbird("check", study)
    assert ran.code == 0
    assert "36 test items" in ran.out
    assert "train.jsonl: 48 rows read, 48 kept, 0 dropped" in ran.err


def test_check_fails_a_benchmark_that_cannot_judge(tailorbird: Command, study: Path):
    test = study / "test.jsonl"
    test.write_text("".join(test.read_text().splitlines(keepends=True)[:9]))
    for option, printed in (("--json", True), ("--quiet", False)):
        ran = tailorbird("check", study, option)
        assert ran.code == 1
        assert bool(ran.out) is printed
    ran = tailorbird("climb", study, "--out", study / "run")
    assert ran.code == 1
    assert ran.err.splitlines()[-2].startswith("error: this benchmark cannot judge: 9 test items")
    assert ran.err.splitlines()[-1] == "  -> tailorbird check shows more"


@pytest.mark.parametrize("command", ["check", "climb"])
def test_json_is_all_that_stands_on_standard_output(
    command: str, tailorbird: Command, study: Path, tmp_path: Path
):
    out = ("--out", tmp_path / "run") if command == "climb" else ()
    ran = tailorbird(command, study, *SIMPLE, *out, "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert set(found) >= ({"enough"} if command == "climb" else {"findings", "rows"})


def test_climb_then_report(tailorbird: Command, study: Path, tmp_path: Path):
    ran = tailorbird("climb", study, *SIMPLE, "--out", tmp_path / "run")
    assert ran.code == 0
    assert "linear" in ran.out
    assert str(tmp_path / "run" / "report.html") in ran.out.replace("\n", "")
    assert "majority ..." in ran.err
    again = tailorbird("climb", study, *SIMPLE, "--out", tmp_path / "run")
    assert again.err.count("(done before)") == 3
    shown = tailorbird("report", tmp_path / "run")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out in again.out
    table = tailorbird("report", tmp_path / "run", "--markdown").out.splitlines()
    assert [line.split("|")[1].strip(" *") for line in table[2:5]] == [
        "majority", "nearest", "linear",
    ]  # fmt: skip


def test_a_rung_that_fails_is_shown(
    tailorbird: Command, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    ran = tailorbird("climb", study, *SIMPLE, "--out", tmp_path / "run")
    assert ran.code == 0
    assert "nearest was not run: bm25s is not installed" in ran.err
    assert "Not run" in ran.out


def test_runs_are_kept_under_the_tasks_name(
    tailorbird: Command, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    tailorbird("climb", study, *SIMPLE, "--only", "majority", "-q")
    assert (tmp_path / "runs" / "small-label" / "results.json").is_file()


def test_ctrl_c_says_how_to_go_on(
    tailorbird: Command, study: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(climb_command, "load", interrupted)
    ran = tailorbird("climb", study)
    assert ran.code == 130
    assert "run the same command again" in ran.err


def test_quiet_prints_nothing_whatever_libraries_say(study: Path, checkpoint: Path, tmp_path: Path):
    """In a process of its own: libraries warn once, and write past Python's own streams."""
    code = "from tailorbird.cli.main import main; main()"
    rungs = "rungs=[linear, nearest, few_shot, {fine_tuned: {epochs: 1, limit: 8}}]"
    arguments = ["climb", study, "--out", tmp_path / "run", "--model", checkpoint, "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments), "--set", rungs],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONWARNINGS": ""},
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("", "")
    assert len(list(tmp_path.glob("run/rungs/*/predictions.parquet"))) == 4
