"""Rows per second and peak memory of reading a file, against the plain way of the same kind.

    python benchmarks/reading.py [--rows 200000] [--kinds jsonl json csv parquet gz stored] [--save]

The plain way is `json.loads` per line, `json.load`, `csv.DictReader`, `to_pylist`, and, for
`stored`, a list of examples in memory against `data/storage.py`. Each side runs in a process of its
own and must give the same rows; memory is that process's largest resident set (Linux).
"""

import argparse
import csv
import gzip
import hashlib
import json
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KINDS = ("jsonl", "json", "csv", "parquet", "gz", "stored")
NAMES = {"gz": "rows.jsonl.gz", "stored": "rows.jsonl"}
WORDS = (
    "the",
    "claim",
    "was",
    "sent",
    "late",
    "because",
    "of",
    "a",
    "flood",
    "in",
    "Müller's",
    "cellar",
)
RESULTS = Path(__file__).parent / "results"


def rows(n: int) -> Iterator[dict[str, str]]:
    draw = random.Random(0)
    for i in range(n):
        text = " ".join(draw.choices(WORDS, k=50))
        yield {"id": f"row-{i}", "input": text, "target": draw.choice(["yes", "no"])}


def write(kind: str, file: Path, n: int) -> None:
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(rows(n))), file)
        return
    with gzip.open(file, "wt", 6) if kind == "gz" else file.open("w") as out:
        if kind == "csv":
            writer = csv.DictWriter(out, ["id", "input", "target"])
            writer.writeheader()
            writer.writerows(rows(n))
        else:
            between = ",\n" if kind == "json" else "\n"
            out.write("[" if kind == "json" else "")
            for i, row in enumerate(rows(n)):
                out.write((between if i else "") + json.dumps(row, ensure_ascii=False))
            out.write("]" if kind == "json" else "\n")


def ours(kind: str, file: Path) -> Iterable[dict[str, Any]]:
    from tailorbird.data.rows import read_rows

    return (row.value for row in read_rows(file.name, None, file.parent, None))


def plain(kind: str, file: Path) -> Iterable[dict[str, Any]]:
    if kind == "parquet":
        import pyarrow.parquet as pq

        yield from pq.read_table(file).to_pylist()
    elif kind == "json":
        with file.open(encoding="utf-8") as lines:
            yield from json.load(lines)
    else:
        with gzip.open(file, "rt") if kind == "gz" else file.open(newline="") as lines:
            yield from csv.DictReader(lines) if kind == "csv" else map(json.loads, lines)


def in_memory(kind: str, file: Path) -> Iterable[dict[str, Any]]:
    yield from _passed(list(_examples(file)))


def on_disk(kind: str, file: Path) -> Iterable[dict[str, Any]]:
    from tailorbird.data.storage import Stored

    yield from _passed(Stored.write(_examples(file)))


def _examples(file: Path) -> Iterator[Any]:
    from tailorbird.task.types import Example

    return (Example(r["id"], r["input"], r["target"]) for r in ours("jsonl", file))


def _passed(examples: Iterable[Any]) -> Iterator[dict[str, Any]]:
    began = time.process_time()
    sum(len(e.text) for e in examples)
    print(f"a pass over all takes {time.process_time() - began:.2f} s", file=sys.stderr)
    return ({"id": e.id, "input": e.text, "target": e.target} for e in examples)


SIDES: dict[str, tuple[Callable[..., Iterable[dict[str, Any]]], ...]] = {
    kind: (on_disk, in_memory) if kind == "stored" else (ours, plain) for kind in KINDS
}


def measure(side: str, kind: str, file: Path) -> None:
    """Read, and print what it took."""
    seen, n = hashlib.blake2b(), 0
    began = time.process_time()
    for row in globals()[side](kind, file):
        seen.update(row["input"].encode())
        n += 1
    seconds = time.process_time() - began
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    print(json.dumps({"rows": n, "seconds": seconds, "peak_mib": peak, "seen": seen.hexdigest()}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        measure(options.side, options.kinds[0], options.file)
        return
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds:
            file = Path(folder) / NAMES.get(kind, f"rows.{kind}")
            if not file.exists():
                write("jsonl" if kind == "stored" else kind, file, options.rows)
            took = {}
            for side in SIDES[kind]:
                line = [sys.executable, __file__, "--side", side.__name__, "--kinds", kind]
                done = subprocess.run(
                    [*line, "--file", str(file)], check=True, stdout=subprocess.PIPE, text=True
                )
                took[side.__name__] = json.loads(done.stdout)
            assert len({t["seen"] for t in took.values()}) == 1, f"{kind}: not the same rows"
            for side, t in took.items():
                size = file.stat().st_size / 2**20
                print(
                    f"{kind:8} {size:7.0f} MiB  {side:10} "
                    f"{t['rows'] / t['seconds']:10,.0f} rows/s  peak {t['peak_mib']:6.0f} MiB"
                )
                found.append({"kind": kind, "side": side, "file_mib": size, **t})
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        record = {
            "date": now.isoformat(timespec="seconds"),
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "found": found,
        }
        file = RESULTS / f"reading-{now:%Y-%m-%d}.json"
        file.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
