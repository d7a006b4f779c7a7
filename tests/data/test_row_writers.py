import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailorbird.data.row_writers import suffix_of, write_rows
from tailorbird.data.rows import read_rows
from tailorbird.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"text": "ünï\u2028\r\ncode, \"quoted\"; 'x'", "n": 1, "ok": True, "of": {"a": [1, 2]}},
    {"text": "", "n": None, "later": "x"},
]


def values(folder: Path, name: str) -> list[Any]:
    rows = list(read_rows(name, None, folder, None))
    assert not [row for row in rows if row.problem]
    return [row.value for row in rows]


@pytest.mark.parametrize("name", ["r.jsonl", "r.ndjson", "r.json", "r.jsonl.gz", "r.json.gz"])
def test_json_is_read_as_it_was_written(name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / name, ROWS)
    assert values(tmp_path, name) == ROWS


@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.csv.gz"])
def test_tables_have_every_column(name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / name, ROWS)
    assert values(tmp_path, name) == [
        {"text": ROWS[0]["text"], "n": "1", "ok": "true", "of": '{"a": [1, 2]}', "later": ""},
        {"text": "", "n": "", "ok": "", "of": "", "later": "x"},
    ]


def test_parquet_types_are_those_of_all_rows(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"n": i, "tools": [{"name": "f"}]} for i in range(1500)]
    rows += [{"n": 0.5, "later": [{"role": "user"}]}, {"later": [{"role": "user", "name": "x"}]}]
    write_rows(tmp_path / "r.parquet", iter(rows))
    found = values(tmp_path, "r.parquet")
    assert [row["n"] for row in found[:2]] == [0, 1]
    assert found[0]["tools"] == '[{"name": "f"}]'
    assert found[-2]["n"] == 0.5
    assert found[-2]["later"] == [{"role": "user", "name": None}]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"a": 1}, {"a": "x"}], 'cannot hold the column "a"'),
        ([{"a": {}}], 'cannot hold the column "a": an object without keys'),
        ([{"m": [{"arguments": {"x": 1}}]}], "the arguments of all of them"),
    ],
)
def test_what_parquet_cannot_hold_is_named(rows: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=says):
        write_rows(tmp_path / "r.parquet", rows)
    assert list(tmp_path.iterdir()) == []


def test_equal_rows_give_equal_files(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_rows(tmp_path / name, ROWS)
    packed = [(tmp_path / name).read_bytes() for name in ("a.jsonl.gz", "b.jsonl.gz")]
    assert packed[0] == packed[1]
    assert gzip.decompress(packed[0]).count(b"\n") == 2


def test_formulas_are_shown_to_people_who_ask(tmp_path: Path) -> None:
    rows = [{"a": "=1+1", "b": "-5", "c": "x"}]
    for asked, cell in ((False, "=1+1"), (True, "'=1+1")):
        write_rows(tmp_path / "r.csv", rows, for_spreadsheets=asked)
        assert values(tmp_path, "r.csv") == [{"a": cell, "b": "-5", "c": "x"}]


def test_nothing_is_left_of_a_file_that_fails(tmp_path: Path) -> None:
    def rows() -> Any:
        yield ROWS[0]
        raise DataError("broken")

    (tmp_path / "r.jsonl").write_text("before")
    with pytest.raises(DataError, match="broken"):
        write_rows(tmp_path / "r.jsonl", rows())
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl"]
    assert (tmp_path / "r.jsonl").read_text() == "before"


@pytest.mark.parametrize("name", ["r.txt", "r", "r.parquet.gz", "r.xlsx"])
def test_other_kinds_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows cannot be written to"):
        write_rows(tmp_path / name, ROWS)
    assert suffix_of("r.CSV.gz") == ".csv"


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=4))
def test_any_text_survives_a_table(rows: list[dict[str, str]], tmp_path: Path) -> None:
    write_rows(tmp_path / "r.csv", rows)
    text = (tmp_path / "r.csv").read_bytes().decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == rows
    write_rows(tmp_path / "r.jsonl", rows)
    lines = (tmp_path / "r.jsonl").read_bytes().decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == rows
