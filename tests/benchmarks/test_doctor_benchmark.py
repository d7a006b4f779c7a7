"""The copies that finders are measured on: they are what they are said to be."""

import importlib.util
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tailorbird.data.doctor.examine import examine_file

ROOT = Path(__file__).parents[2]
TEXT = "The kettle is broken. It was bought in 2024 for 30 pounds. Who will pay for another one?"


@pytest.fixture(scope="module")
def material() -> ModuleType:
    file = ROOT / "benchmarks" / "doctor_peers" / "material.py"
    spec = importlib.util.spec_from_file_location("doctor_material", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_each_kind_of_copy_changes_what_it_says(material: ModuleType):
    draw = random.Random(0)
    words = TEXT.split()
    made = {name: change(TEXT, draw) for name, change in material.KINDS.items()}
    assert " ".join(made["equal"].casefold().split()) == TEXT.casefold()
    assert made["punctuation"].count(".") == 0 or " ..." in made["punctuation"]
    assert sum(a != b for a, b in zip(words, made["typos"].split())) == 1
    assert f" {TEXT} " in made["greeting"]
    assert sum(a != b for a, b in zip(words, made["numbers"].split())) in (2, 3)
    assert sorted(made["sentences_moved"].replace(".", "").split()) == sorted(
        TEXT.replace(".", "").split()
    )
    assert sorted(made["words_swapped"].split()) == sorted(words)
    assert sum(a != b for a, b in zip(words, made["reworded"].split())) == len(words) // 3


def test_rows_are_the_same_again_and_name_what_they_copy(material: ModuleType):
    rows = list(material.rows(300, seed=1))
    assert rows == list(material.rows(300, seed=1))
    seen: dict[str, dict[str, str]] = {}
    for row in rows:
        if "copies" in row:
            assert row["target"] == seen[row["copies"]]["target"]
            assert "kind" not in seen[row["copies"]]
        seen[row["id"]] = row
    assert 20 < sum("kind" in row for row in rows) < 90


def test_what_the_doctor_finds_of_them(material: ModuleType, tmp_path: Path):
    """As docs/doctor.md says: copies that are worded alike, and no others."""
    file = tmp_path / "rows.jsonl"
    material.write(file, 2_000, seed=2)
    found = examine_file(file, tmp_path / "cache", only=["duplicates"], quiet=True)
    copies = {row for f in found.findings if f.remedy for row in f.remedy.changes}
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    planted: dict[str, list[bool]] = {}
    for row in rows:
        if "kind" in row:
            planted.setdefault(row["kind"], []).append(row["id"] in copies)
    recall = {kind: sum(hits) / len(hits) for kind, hits in planted.items()}
    assert recall["equal"] == recall["punctuation"] == 1
    assert recall["typos"] > 0.85
    assert recall["greeting"] > 0.85
    assert recall["sentences_moved"] > 0.6
    assert recall["words_swapped"] < 0.5
    assert recall["reworded"] == 0
    assert copies <= {row["id"] for row in rows if "kind" in row}
