"""How the support tickets become two benchmarks: near-copies together, whole numbers, sheets."""

import csv
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tailorbird.task.benchmark import load_task
from tailorbird.task.check import check_benchmark
from tailorbird.task.task import load_spec

STUDY = Path(__file__).parents[2] / "studies" / "support-tickets"
DATA = Path(__file__).parents[3] / "shared" / "data" / "bitext_support"
COLUMNS = ("instruction", "intent", "entity_value", "category", "tags", "response")
ROWS = [
    ("please cancel my order 123", "cancel", "123", "ORDER", "BPL", "Cancel it by hand."),
    ("PLEASE cancel my order 123", "cancel", "123", "ORDER", "BPL", "Equal but for case."),
    (
        "please cancel my order 99004",
        "cancel",
        "9900",
        "ORDER",
        "BZ",
        "Order 99004 is off. {{Tel}}",
    ),
    ("I no longer want what I bought", "cancel", "", "ORDER", "BQ", "We are sorry. {{Tel}}"),
    ("please cancel my parcel 7", "track", "7", "ORDER", "BW", "Number 770 is here. {{Tel}}"),
]


@pytest.fixture(scope="module")
def prepare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare_tickets", STUDY / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def prepared(prepare: ModuleType, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["prepare.py", str(data), str(out)])
    prepare.main()
    return {f.stem: [json.loads(line) for line in f.open()] for f in out.glob("*.jsonl")}


def test_a_few_tickets(prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("support_v1_canned", "support_v2_generated"):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *ROWS])
    files = prepared(prepare, tmp_path, tmp_path / "out", monkeypatch)
    first, second, other, parcel = files["reply"]
    assert first["group"] == second["group"]  # but for the number
    assert len({row["group"] for row in (second, other, parcel)}) == 3  # never across intents
    assert (first["polite"], first["typos"], second["typos"]) == ("yes", "no", "yes")
    assert first["facts"] == []  # the reply names no number
    assert second["facts"] == ["99004"]  # the whole of it
    assert parcel["facts"] == []  # 7 is not 770
    assert second["sources"] == ["cancel"]
    sheets = {row["id"]: row["text"] for row in files["answers"]}
    assert sheets == {"cancel": "We are sorry. {{Tel}}", "track": "Number 770 is here. {{Tel}}"}
    assert [row["ticket"] for row in files["intent"]] == [row["ticket"] for row in files["reply"]]


@pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not here")
@pytest.mark.parametrize("name", ["intent", "reply"])
def test_the_real_tickets_make_sound_benchmarks(
    name: str, prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = prepared(prepare, DATA, tmp_path, monkeypatch)
    assert {k: len(v) for k, v in files.items()} == {"intent": 6364, "reply": 1549, "answers": 27}
    task = load_task(load_spec(STUDY / name, {}), STUDY / name, tmp_path)
    assert [f.text for f in check_benchmark(task) if f.level == "error"] == []
