"""Malformed files, seeded mutations of good ones: nothing but `TailorbirdError` is raised, every
row has a fate, and rows that were not touched come out as they were.

`TAILORBIRD_FUZZ=10000` tries so many, instead of the share that the suite takes. Every case has a
seed of its own, by its kind and number.
"""

import csv
import gzip
import io
import json
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
import pytest
from made_documents import docx, encrypted_pdf, paragraph, pdf

from tailorbird.data.characters import Found
from tailorbird.data.document_readers.base import Unreadable, read_document
from tailorbird.data.files import BOM, decode
from tailorbird.data.read import stream_file
from tailorbird.data.rows import Row, read_rows
from tailorbird.errors import DataError, TailorbirdError

CASES = int(os.environ.get("TAILORBIRD_FUZZ", "1500"))
WORDS = [
    "claim", "müller", "30 days,", 'the "cellar"', "été 😀", "=half\\a", "line\nend", "{id} [x]",
    "1.5e3", "null", "a\tb", "ends.", "(see", "below)", "日本", "<b>", "&amp;", "'quoted'", "-5",
]  # fmt: skip
HOSTILE = [
    b"", b'"', b'""', b"'", b",", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\\", b"\\u", b"\\ud800",
    b"\\u0000", b"{", b"}", b"[", b"]", b":", b"[" * 5000, b"{" * 300, b"9" * 5000, b"-", b"1e999",
    b"NaN", b"-Infinity", b"null", b"true", b"\xff", b"\xff\xfe", BOM, b"\xc3", b"\x81",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "\u202e\u200b\ufffe".encode(), b"=cmd|' /C calc'!A0",
    b"<", b">", b"</", b"<!--", b"<![CDATA[", b"&", b"&#0;", b"<script>", b"<main>", b"<td>" * 500,
    b"endobj", b"stream", b"endstream", b"<<", b">>", b"/Kids", b" 0 R", b"/Length 99999999",
    b"xref", b"PK\x03\x04", b"PK\x01\x02", b"PAR1", b"\x1f\x8b", bytes(64), b"a" * 3000,
]  # fmt: skip

Range = tuple[int, int]


def flipped(content: bytes, rng: random.Random) -> bytes:
    """The content with a few bits flipped: what it holds keeps its place."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def mutated(content: bytes, rng: random.Random) -> tuple[bytes, list[Range]]:
    """The content with one to three changes, and which ranges of the old content they replace."""
    starts = sorted(rng.randint(0, len(content)) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    out, ranges, at = b"", list[Range](), 0
    for start, following in zip(starts, [*starts[1:], len(content)], strict=True):
        end = min(following, start + int(rng.expovariate(1 / 12)))
        kind = rng.random()
        put = rng.choice(HOSTILE)
        if kind < 0.2:  # bits
            put = bytes(byte ^ (1 << rng.randrange(8)) for byte in content[start:end])
        elif kind < 0.3:  # noise
            put = rng.randbytes(rng.randint(1, 12))
        elif kind < 0.5:  # the same again
            put = content[start:end] * rng.randint(2, 4)
        elif kind < 0.55:  # the rest is missing
            put, end = b"", following
        out += content[at:start] + put
        ranges.append((start, end))
        at = end
    return out + content[at:], ranges


# ---- good files --------------------------------------------------------------------------------


def text(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(1, 8)))


def shaped(rng: random.Random) -> dict[str, Any]:
    """A row of one of the formats."""
    a, b = text(rng), text(rng)
    return rng.choice(
        [
            {"input": a, "target": b, "id": rng.randrange(5), "sources": [b, None]},
            {"prompt": a, "completion": b, "group": b, "answerable": True},
            {"instruction": a, "input": "", "output": b, "history": [[a, b]]},
            {"conversations": [{"from": "human", "value": a}, {"from": "gpt", "value": b}]},
            {"messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": a}]}], "tools": []},
            {"prompt": a, "chosen": b, "rejected": a, "n": [1, 2.5, None, {"x": {"y": []}}]},
        ]
    )


def flat(rng: random.Random) -> dict[str, str]:
    return {"input": text(rng), "target": text(rng), "id": str(rng.randrange(9))}


@dataclass(frozen=True)
class Case:
    """A malformed file."""

    name: str
    content: bytes
    untouched: tuple[Any, ...]
    """Values of the rows that were not touched."""


def lines(name: str, made: Sequence[bytes], rows: Sequence[Any], rng: random.Random) -> Case:
    """A mutated file of lines; the first of `made` may be a header, which has no row."""
    content, ranges = mutated(b"".join(made), rng)
    spans, at = list[Range](), 0
    for line in made:
        spans.append((at, at + len(line)))
        at += len(line)
    kept = [all(s >= end or e < start for s, e in ranges) for start, end in spans]
    header = len(made) - len(rows)
    whole = not header or kept[0]
    untouched = tuple(row for row, ok in zip(rows, kept[header:], strict=True) if ok and whole)
    return Case(name, content, untouched)


def json_lines(rng: random.Random) -> Case:
    rows = [shaped(rng) for _ in range(12)]
    made = [json.dumps(row, ensure_ascii=rng.random() < 0.5).encode() + b"\n" for row in rows]
    return lines("t.jsonl", made, rows, rng)


def table(name: str, delimiter: str, rng: random.Random) -> Case:
    rows = [flat(rng) for _ in range(12)]
    made = []
    for cells in ([*rows[0]], *([*row.values()] for row in rows)):
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter).writerow(cells)
        made.append(out.getvalue().encode())
    return lines(name, made, rows, rng)


def json_list(rng: random.Random) -> Case:
    rows = [shaped(rng) for _ in range(8)]
    good = json.dumps(rows, indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5)
    return Case("t.json", mutated(good.encode(), rng)[0], ())


def parquet(rng: random.Random) -> Case:
    rows = [flat(rng) | {"n": [i, None], "d": i / 3} for i in range(60)]
    out = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist(rows),
        out,
        compression=rng.choice(["none", "snappy", "gzip", "zstd"]),
        use_dictionary=rng.random() < 0.5,
        row_group_size=25,
        write_page_checksum=rng.random() < 0.3,
    )
    good = out.getvalue()
    if rng.random() < 0.7:
        return Case("t.parquet", flipped(good, rng), ())
    return Case("t.parquet", mutated(good, rng)[0], ())


def packed(rng: random.Random) -> Case:
    """A mutated gzip file, or one of mutated lines."""
    inner = json_lines(rng)
    if rng.random() < 0.5:
        return Case("t.jsonl.gz", gzip.compress(inner.content), inner.untouched)
    good = "".join(json.dumps(shaped(rng)) + "\n" for _ in range(12))
    return Case("t.jsonl.gz", mutated(gzip.compress(good.encode()), rng)[0], ())


def markdown(rng: random.Random) -> bytes:
    blocks = [f"{'#' * rng.randint(1, 3)} {text(rng)}\n\n{text(rng)}" for _ in range(5)]
    return mutated("\n\n".join(blocks).encode(), rng)[0]


def page(rng: random.Random) -> bytes:
    tags = [
        "p",
        "div",
        "h1",
        "h2",
        "ul><li",
        "ol><li",
        "table><tr><td",
        "main",
        "pre",
        "dl><dt",
        "b",
    ]
    blocks = []
    for tag in rng.choices(tags, k=12):
        closing = "".join(f"</{t}>" for t in reversed(tag.split("><")))
        blocks.append(f"<{tag}>{text(rng)}{closing if rng.random() < 0.8 else ''}")
    good = f"<html><head><title>{text(rng)}</title></head><body>{''.join(blocks)}</body></html>"
    return mutated(good.encode(), rng)[0]


def pdf_file(rng: random.Random) -> bytes:
    pages = [text(rng).encode("cp1252", "ignore").decode("cp1252") for _ in range(3)]
    pages = [" ".join(p.split()) for p in pages]
    kind = rng.randrange(3)
    if kind == 0:
        return mutated(pdf(pages, title="Title"), rng)[0]
    if kind == 1:
        return mutated(encrypted_pdf(pages, ""), rng)[0]
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(pages)))
    for p in writer.pages:
        p.compress_content_streams()
    out = io.BytesIO()
    writer.write(out)
    return mutated(out.getvalue(), rng)[0]


def word(rng: random.Random) -> bytes:
    """A mutated DOCX, or one whose XML is mutated."""
    body = "".join(paragraph(text(rng).replace("&", "").replace("<", "")) for _ in range(4))
    body += f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc></w:tr></w:tbl>"
    if rng.random() < 0.5:
        return mutated(docx(body, title="Title"), rng)[0]
    return docx(decode(mutated(body.encode(), rng)[0])[0].encode("utf-8", "replace").decode())


ROWS = {
    "jsonl": json_lines,
    "json": json_list,
    "csv": lambda rng: table("t.csv", ",", rng),
    "tsv": lambda rng: table("t.tsv", "\t", rng),
    "parquet": parquet,
    "gz": packed,
}
DOCUMENTS = {
    "md": (".md", markdown),
    "txt": (".txt", markdown),
    "html": (".html", page),
    "pdf": (".pdf", pdf_file),
    "docx": (".docx", word),
}
EACH = CASES // (len(ROWS) + len(DOCUMENTS)) + 1


# ---- what must hold ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ROWS)
def test_malformed_rows(kind: str, tmp_path: Path) -> None:
    refused = 0
    for number in range(EACH):
        case = ROWS[kind](random.Random(f"{kind} {number}"))
        (tmp_path / case.name).write_bytes(case.content)
        try:
            rows = list(read_rows(case.name, None, tmp_path, None))
        except DataError:
            rows, refused = None, refused + 1
        if kind == "json":
            check_json(case.content, rows, f"{kind} {number}")
        if rows is not None:
            check_rows(case, rows, f"{kind} {number}")
        check_account(tmp_path / case.name, rows, f"{kind} {number}")
    assert refused < EACH  # else nothing is shown of rows


def check_rows(case: Case, rows: Sequence[Row], seed: str) -> None:
    for row in rows:
        assert (row.value is None) >= (row.problem is not None), seed
        json.dumps(row.value, ensure_ascii=False, default=str).encode()  # no lone surrogate is left
    found = iter(row.value for row in rows)
    for value in case.untouched:
        if not any(value == other for other in found):
            # A quote that opens before a row and closes after it makes the row a part of a cell.
            within = "".join(str(cell) for row in rows for cell in cells(row.value))
            assert case.name.endswith("sv"), (seed, value)
            assert all(cell in within for cell in value.values()), (seed, value)
            break


def cells(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else ()


def check_json(content: bytes, rows: Sequence[Row] | None, seed: str) -> None:
    """What the standard library reads is read, and as it reads it."""
    try:
        whole = json.loads(content.removeprefix(BOM).decode())
    except (ValueError, RecursionError):
        return
    assert rows is not None or not isinstance(whole, list), seed
    if rows is not None:
        assert json.dumps([r.value for r in rows]) == json.dumps(Found().clean(whole)), seed


def check_account(path: Path, rows: Sequence[Row] | None, seed: str) -> None:
    try:
        account, examples = stream_file(path)
    except TailorbirdError:
        assert rows is None, seed
        return
    kept = 0
    try:
        for example in examples:
            kept += 1
            example.text.encode()
    except TailorbirdError:
        pass
    account.verify()
    assert account.kept == kept, seed
    assert rows is None or account.read == len(rows), seed


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_malformed_documents(kind: str) -> None:
    suffix, make = DOCUMENTS[kind]
    read = 0
    for number in range(EACH):
        content = make(random.Random(f"{kind} {number}"))
        try:
            reading = read_document(content, suffix)
        except (Unreadable, DataError):
            continue
        read += 1
        for shown in (*reading.pages, reading.title or "", *reading.notes):
            shown.encode()
            assert "\0" not in shown, (kind, number)
        if kind in ("md", "txt"):
            expected = Found().clean(decode(content.removeprefix(BOM))[0])
            assert reading.pages == (expected,), (kind, number)
    assert read  # else nothing is shown of texts
