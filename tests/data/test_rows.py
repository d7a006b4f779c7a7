import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailorbird.data import limits
from tailorbird.data.characters import NUL
from tailorbird.data.files import read_bytes
from tailorbird.data.json_text import NOT_FINITE, TWICE
from tailorbird.data.rows import SEMICOLONS, Row, read_rows
from tailorbird.errors import DataError


def rows(folder: Path, name: str, key: str | None = None) -> list[Row]:
    return list(read_rows(name, key, folder, None))


def values(folder: Path, name: str, key: str | None = None) -> list[Any]:
    return [row.value for row in rows(folder, name, key)]


TABLE = [{"input": "grüße 😀", "target": "a"}, {"input": "two", "target": "b"}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json", "t.csv", "t.tsv", "t.parquet"])
@pytest.mark.parametrize("gz", [False, True])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str, gz: bool) -> None:
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(TABLE), tmp_path / name)
        content = (tmp_path / name).read_bytes()
    elif name.endswith(("csv", "tsv")):
        mark = "," if name.endswith("csv") else "\t"
        lines = [mark.join(row.values()) for row in TABLE]
        content = "\n".join([mark.join(TABLE[0]), *lines]).encode()
    elif name.endswith(".json"):
        content = json.dumps(TABLE).encode()
    else:
        content = "\n".join(json.dumps(row, ensure_ascii=False) for row in TABLE).encode()
    if gz:
        name, content = f"{name}.gz", gzip.compress(content)
    (tmp_path / name).write_bytes(content)
    assert values(tmp_path, name) == TABLE
    assert [row.number for row in rows(tmp_path, name)] == [1, 2]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.csv"])
def test_byte_order_mark_is_no_part_of_the_data(tmp_path: Path, name: str) -> None:
    content = "input\nx\n" if name.endswith("csv") else '[{"input": "x"}]'
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content.encode())
    expected = {"input": "x"} if name != "t.jsonl" else [{"input": "x"}]
    assert values(tmp_path, name) == [expected]


def test_utf16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("input\nx\n".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16") as caught:
        rows(tmp_path, "t.csv")
    assert caught.value.hint == "save it as UTF-8"


def test_bad_lines_keep_their_number_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n\n   \n{"a": \n[1]\r\n')
    found = rows(tmp_path, "t.jsonl")
    assert [(r.number, r.value, r.problem) for r in found] == [
        (1, {"a": 1}, None),
        (4, None, "not valid JSON"),
        (5, [1], None),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[" * 201 + "]" * 201, "nested too deeply"),
        ('{"a": ' * 300 + "1" + "}" * 300, "nested too deeply"),
        ("1" * 5_000, "a number of more than 4,300 digits"),
        ('{"a": "\x01"}', "not valid JSON"),
        ('{"a": 1} {"a": 2}', "not valid JSON"),
    ],
)
def test_lines_that_break_parsers_are_just_bad_lines(
    tmp_path: Path, line: str, problem: str
) -> None:
    (tmp_path / "t.jsonl").write_text(line + "\n{}\n")
    assert [r.problem for r in rows(tmp_path, "t.jsonl")] == [problem, None]


def test_much_beside_each_other_is_not_deep(tmp_path: Path) -> None:
    row = {"a": [{"b": [i]} for i in range(500)], "c": [[[[1]]]] * 9}
    (tmp_path / "t.jsonl").write_text(json.dumps(row))
    assert values(tmp_path, "t.jsonl") == [row]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_what_is_strange_in_json_is_said(tmp_path: Path, name: str) -> None:
    """Python writes NaN; a key that stands twice has one value too many."""
    lines = ['{"a": 1, "a": 2}', '{"a": {"b": NaN, "c": -Infinity}}', '{"a": 1e999}', '{"a": 1}']
    text = "\n".join(lines) if name == "t.jsonl" else f"[{','.join(lines)}]"
    (tmp_path / name).write_text(text)
    twice, infinite, large, fine = rows(tmp_path, name)
    assert (twice.value, twice.notes) == ({"a": 2}, (TWICE,))
    assert (infinite.value["a"]["c"], infinite.seen) == (float("-inf"), (NOT_FINITE,))
    assert (large.value, large.notes, fine.notes, fine.seen) == ({"a": float("inf")}, (), (), ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_three_systems(tmp_path: Path, end: str) -> None:
    (tmp_path / "t.jsonl").write_bytes(f'{{"a": 1}}{end}{{"a": 2}}\n{{"a": 3}}{end}'.encode())
    assert values(tmp_path, "t.jsonl") == [{"a": 1}, {"a": 2}, {"a": 3}]
    (tmp_path / "t.csv").write_bytes(f'a,b{end}1,"x{end}y"{end}2,z\n3,'.encode())
    assert values(tmp_path, "t.csv") == [
        {"a": "1", "b": f"x{end}y"}, {"a": "2", "b": "z"}, {"a": "3", "b": ""}
    ]  # fmt: skip


def test_files_put_together_have_byte_order_marks_inside(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\n\xef\xbb\xbf{"a": 2}\n')
    assert values(tmp_path, "t.jsonl") == [{"a": 1}, {"a": 2}]


def test_hostile_characters_are_mended_or_counted_in_every_kind(tmp_path: Path) -> None:
    row = {"a": "x\0y", "b": "\u202eabc", "c\0": "zero\u200bwidth"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row))
    (tmp_path / "t.json").write_text(json.dumps([row], ensure_ascii=True))
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a,b,c\0\nx\0y,\u202eabc,zero\u200bwidth\n")
    for name in ("t.jsonl", "t.json", "t.parquet", "t.csv"):
        (found,) = rows(tmp_path, name)
        assert found.value == {"a": "xy", "b": "\u202eabc", "c": "zero\u200bwidth"}
        assert found.notes == (NUL,)
        assert found.seen == (
            "characters that turn the direction of text",
            "invisible characters",
        )


def test_spreadsheet_formulas_are_read_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("input,target\n=1+1,@x\n")
    assert values(tmp_path, "t.csv") == [{"input": "=1+1", "target": "@x"}]


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.csv", "t.parquet"])
def test_ten_megabytes_in_one_cell(tmp_path: Path, name: str) -> None:
    table = [{"input": "word " * 2_100_000, "target": "a"}, {"input": "b", "target": "c"}]
    if name == "t.parquet":
        pq.write_table(pa.Table.from_pylist(table), tmp_path / name)
    elif name == "t.csv":
        (tmp_path / name).write_text(f'input,target\n"{table[0]["input"]}",a\nb,c\n')
    elif name == "t.json":
        (tmp_path / name).write_text(json.dumps(table))
    else:
        (tmp_path / name).write_text("\n".join(map(json.dumps, table)))
    assert values(tmp_path, name) == table


def test_a_row_without_an_end_is_dropped_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILORBIRD_MAX_ROW_MIB", "1")
    long = json.dumps("x" * 3 * 2**20)
    (tmp_path / "t.jsonl").write_text(f"1\n{long}\n3\n{long}")
    assert [(r.number, r.value, r.problem) for r in rows(tmp_path, "t.jsonl")] == [
        (1, 1, None),
        (2, None, "longer than 1 MiB"),
        (3, 3, None),
        (4, None, "longer than 1 MiB"),
    ]
    (tmp_path / "t.json").write_text(f"[1, {long}]")
    (tmp_path / "t.csv").write_text('a,b\n1,"x\n' + "y,z\n" * 300_000)
    for name in ("t.json", "t.csv"):
        with pytest.raises(DataError, match="longer than 1 MiB") as caught:
            rows(tmp_path, name)
        assert "TAILORBIRD_MAX_ROW_MIB" in (caught.value.hint or "")


def test_bombs_are_refused_unless_they_are_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HARMLESS", 2**16)
    monkeypatch.setenv("TAILORBIRD_MAX_RATIO", "20")
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 50_000))
    table = pa.table({"a": ["x" * 2**10] * 500})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd", use_dictionary=False)
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress(bytes(2**20)))
    for name in ("t.jsonl.gz", "t.parquet", "t.parquet.gz"):
        with pytest.raises(DataError, match="unpacks to more than 20 times its size") as caught:
            rows(tmp_path, name)
        assert caught.value.hint is not None
        assert "TAILORBIRD_MAX_RATIO" in caught.value.hint
    with pytest.raises(DataError, match="unpacks to more than 20"):
        read_bytes("t.jsonl.gz", tmp_path, None)
    monkeypatch.setenv("TAILORBIRD_MAX_RATIO", "2000")
    assert len(rows(tmp_path, "t.jsonl.gz")) == 50_000
    assert len(rows(tmp_path, "t.parquet")) == 500
    assert len(read_bytes("t.jsonl.gz", tmp_path, None)) == 450_000


def test_parquet_rows_that_python_cannot_hold_are_dropped_alone(tmp_path: Path) -> None:
    text = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    time = pa.array([0, 0, 2**40], pa.timestamp("s"))
    pq.write_table(pa.table({"text": text, "time": time}), tmp_path / "t.parquet")
    first, second, third = rows(tmp_path, "t.parquet")
    assert (first.value["text"], second.problem) == ("a", "not UTF-8")
    assert third.problem is not None
    assert third.problem.startswith("a value that Python cannot hold")


def test_parquet_names_that_are_no_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"\u00e9": ["x"]}), tmp_path / "t.parquet", store_schema=False)
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content.replace("\u00e9".encode(), b"\xc3("))
    with pytest.raises(DataError, match=r"t\.parquet is not a readable Parquet file"):
        rows(tmp_path, "t.parquet")


def test_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    column = pa.array(["x"])
    pq.write_table(pa.Table.from_arrays([column, column], ["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="two columns called 'a'"):
        rows(tmp_path, "t.parquet")


def test_lone_surrogates_are_replaced_and_pairs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": ["\\ud83d\\ude00", "\\ud83d!"]}\n{"a": "\\u00e9"}\n')
    broken, fine = rows(tmp_path, "t.jsonl")
    assert broken.value == {"a": ["😀", "?!"]}
    assert broken.notes == ("broken Unicode replaced by ?",)
    assert (fine.value, fine.notes) == ({"a": "é"}, ())


def test_lines_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'{"a": "caf\xe9 \x80"}\n{"a": "\x81"}\n{"a": "ok"}\n')
    found = rows(tmp_path, "t.jsonl")
    assert [r.value["a"] for r in found] == ["café €", "\x81", "ok"]
    assert [r.notes for r in found] == [
        ("not UTF-8, read as cp1252",),
        ("not UTF-8, read as Latin-1",),
        (),
    ]


def test_csv_quotes_newlines_and_long_fields(tmp_path: Path) -> None:
    long = "word " * 100_000
    text = f'input,target\r\n"a, ""b""\nc",x\r\n\r\n{long},y\r\n'
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert values(tmp_path, "t.csv") == [
        {"input": 'a, "b"\nc', "target": "x"},
        {"input": long, "target": "y"},
    ]


def test_csv_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('input,target\na,b,c\nshort\n"x"y,z\ngood,row\n')
    found = rows(tmp_path, "t.csv")
    assert [r.value for r in found] == [
        None,
        {"input": "short"},
        None,
        {"input": "good", "target": "row"},
    ]
    assert found[0].problem == "more fields than the header"
    assert found[2].problem is not None
    assert found[2].problem.startswith("not valid CSV")


def test_a_quote_that_swallows_the_rest_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('input,target\na,b\n"c,d\ne,f\n')
    with pytest.raises(DataError, match="quote opened at line 3 is never closed"):
        rows(tmp_path, "t.csv")


def test_a_stray_quote_takes_its_own_line_with_it_and_no_other(tmp_path: Path) -> None:
    text = 'input,target\n"a,b\nc\u00e4,d\ne,f\n"g","h\ni"\nj,"k"l\n'
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    found = rows(tmp_path, "t.csv")
    assert [list(r.value.values()) if r.value else r.problem for r in found] == [
        "not valid CSV: ',' expected after '\"'",
        ["cä", "d"],
        ["e", "f"],
        ["g", "h\ni"],
        "not valid CSV: ',' expected after '\"'",
    ]
    assert [len(r.notes) for r in found] == [1, 1, 0, 0, 0]


def test_csv_note_of_encoding_covers_a_record_of_two_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'input\n"caf\xe9\n\xe9"\nok\n')
    found = rows(tmp_path, "t.csv")
    assert [r.notes for r in found] == [("not UTF-8, read as cp1252",), ()]


@pytest.mark.parametrize("header", ["a,a", '"a"b,c'])
def test_wrong_headers_are_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1,2\n")
    with pytest.raises(DataError, match="the header is wrong"):
        rows(tmp_path, "t.csv")


def test_json_key_is_a_name_or_a_dotted_path(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"a": {"b": [1]}, "c.d": [2], "e": 3}))
    assert values(tmp_path, "t.json", "a.b") == [1]
    assert values(tmp_path, "t.json", "c.d") == [2]
    with pytest.raises(DataError, match='no key "x"') as caught:
        rows(tmp_path, "t.json", "x")
    assert caught.value.hint == "set key to one of: c.d"
    with pytest.raises(DataError, match='key "e" holds no list'):
        rows(tmp_path, "t.json", "e")
    with pytest.raises(DataError, match="holds one object, not a list"):
        rows(tmp_path, "t.json")


def test_json_lines_named_json_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"a": 1}\n{"a": 2}\nbroken\n')
    found = rows(tmp_path, "t.json")
    assert [r.value for r in found] == [{"a": 1}, {"a": 2}, None]
    (tmp_path / "b.json").write_text('[{"a": 1},\n{"a": }]')
    with pytest.raises(DataError, match="not valid JSON"):
        rows(tmp_path, "b.json")


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.csv", "t.jsonl.gz"])
def test_nothing_in_nothing_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert rows(tmp_path, name) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl.gz", b"no gzip"),
        ("t.jsonl.gz", gzip.compress(b"{}\n" * 1000)[:-9]),
        ("t.parquet", b"PAR1 it is not"),
        ("t.parquet", b""),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        rows(tmp_path, name)


def test_unknown_kinds_and_misplaced_keys_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"x")
    (tmp_path / "t.csv").write_bytes(b"x")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DataError, match=r'cannot be read from "\.xlsx"') as caught:
        rows(tmp_path, "t.xlsx")
    assert ".parquet" in (caught.value.hint or "")
    with pytest.raises(DataError, match="key is for"):
        rows(tmp_path, "t.csv", "train")
    with pytest.raises(DataError, match="cannot read"):
        rows(tmp_path, "d.csv")


def test_hub_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real `datasets` library reads a folder laid out as it would be on the hub."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner" / "name" / "train.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    assert values(tmp_path, "hub://owner/name", "train") == [{"a": 1}, {"a": 2}]
    with pytest.raises(DataError, match="split trian"):
        rows(tmp_path, "hub://owner/name", "trian")
    with pytest.raises(DataError, match="cannot load hub://owner/none"):
        rows(tmp_path, "hub://owner/none", "train")


@pytest.mark.parametrize(
    ("path", "key", "said"),
    [
        ("hub://name", "train", "hub://owner/name"),
        ("hub://owner/name", None, "name the split"),
    ],
)
def test_hub_paths_are_checked_first(tmp_path: Path, path: str, key: str | None, said: str) -> None:
    with pytest.raises(DataError, match=said):
        rows(tmp_path, path, key)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
@pytest.mark.parametrize("header", ["input;target", '\ufeff\r\n"input";"target"', 'input;"target"'])
def test_csv_separated_by_semicolons_is_read_and_noted(
    tmp_path: Path, name: str, header: str
) -> None:
    content = f'{header}\r\n"one; two, three";a\r\nfour, five;b\r\n'.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = rows(tmp_path, name)
    assert [row.value for row in found] == [
        {"input": "one; two, three", "target": "a"},
        {"input": "four, five", "target": "b"},
    ]
    assert [row.seen for row in found] == [(SEMICOLONS,)] * 2


@pytest.mark.parametrize("header", ["a;b,c", '"a;b"', "a"])
def test_csv_with_a_comma_or_quoted_semicolons_is_separated_by_commas(
    tmp_path: Path, header: str
) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\nx;y\n")
    [row] = rows(tmp_path, "t.csv")
    assert list(row.value.values()) == ["x;y"]
    assert row.seen == ()
