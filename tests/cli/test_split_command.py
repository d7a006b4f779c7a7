"""`tailorbird split`: what it says to put in task.yaml gives the same task."""

import json
from pathlib import Path
from typing import Any

import yaml


def test_what_takes_the_place_of_what(tailorbird: Any, study: Path):
    file, pool = study / "task.yaml", study / "pool.jsonl"
    spec = json.loads(file.read_text())
    pool.write_text("".join((study / f"{s}.jsonl").read_text() for s in ("train", "dev", "test")))
    columns = {"columns": {"input": "input", "target": "target"}}
    for more, said in (
        ({}, "in place of data.all and data.splits:"),
        (columns, "in place of data.all, data.splits and data.columns:"),
    ):
        file.write_text(json.dumps(spec | {"data": {"all": "pool.jsonl"} | more}))
        done = tailorbird("split", study, "--out", study / str(len(more)))
        assert said in done.out
        put = yaml.safe_load(done.out[done.out.index("\ndata:") :])["data"]
        assert ("columns" in put) is bool(more)


def test_what_is_said_can_be_put_in_the_task_file(tailorbird: Any, study: Path):
    file, pool = study / "task.yaml", study / "pool.jsonl"
    spec = json.loads(file.read_text())
    pool.write_text("".join((study / f"{s}.jsonl").read_text() for s in ("train", "dev", "test")))
    named = {k: v for k, v in spec["data"].items() if k not in ("train", "dev", "test")}
    file.write_text(json.dumps(spec | {"data": named | {"all": "pool.jsonl"}}))
    before = json.loads(tailorbird("check", study, "--json", "--only", "lengths").out)

    refused = tailorbird("split", study)
    assert "train.jsonl exists already" in refused.err
    done = tailorbird("split", study, "--out", study / "cut")
    assert done.code == 0, done.err
    said = yaml.safe_load(done.out[done.out.index("\ndata:") :])
    assert said["data"]["test"] == "cut/test.jsonl"
    file.write_text(json.dumps(spec | {"data": named | said["data"]}))
    after = json.loads(tailorbird("check", study, "--json", "--only", "lengths").out)
    assert after["findings"] == before["findings"]
    assert "of their own" in tailorbird("split", study).err
