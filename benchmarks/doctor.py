"""Rows per second and peak memory of finding copies, with what is found and what is not.

    python benchmarks/doctor.py --work FOLDER --make-peer       # once: datasketch's environment
    python benchmarks/doctor.py --work FOLDER [--sizes 10000 100000 1000000] [--sides ours pandas]
        [--rounds 1] [--checks duplicates] [--save]

Rows are mails of about 50 words with planted copies (`doctor_peers/material.py`). Each side reads
them from a JSONL file in a process of its own; memory is that process's largest resident set.
Recall is the share of the planted copies that are found; precision the share of what is found that
was planted. `--checks` may name other checks for our side, or `all` of them.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import venv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from doctor_peers.material import KINDS, write

HERE = Path(__file__).parent / "doctor_peers"
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("datasketch==2.0.0", "numpy==2.4.6", "scipy==1.17.1")
SIDES = ("ours", "datasketch", "pandas")
THRESHOLD = 0.7


def environment(work: Path) -> Path:
    return work / "environment-datasketch"


def make_peer(work: Path) -> None:
    folder = environment(work)
    venv.create(folder, with_pip=True, clear=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    subprocess.run([python, "-m", "compileall", "-q", str(folder)], check=False)


def rows_of(size: int, work: Path) -> Path:
    """The file of so many rows, written once."""
    file = work / f"rows-{size}.jsonl"
    if not file.exists():
        unfinished = file.with_suffix(".part")
        write(unfinished, size)
        unfinished.rename(file)
    return file


def run(side: str, file: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What one side took."""
    scratch = options.work / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    python = sys.executable
    if side == "datasketch":
        python = str(environment(options.work) / "bin" / "python")
    job = {
        "file": str(file), "out": str(options.work / f"{file.stem}-{side}.json"),
        "scratch": str(scratch), "threshold": THRESHOLD,
        "checks": [] if options.checks == ["all"] else options.checks,
    }  # fmt: skip
    done = subprocess.run(
        [python, str(HERE / f"run_{side}.py"), json.dumps(job)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        raise SystemExit(f"{side} failed: {(done.stdout + done.stderr)[-2000:]}")
    return dict(json.loads(found[-1])) | {"copies": json.loads(Path(job["out"]).read_text())}


def quality(file: Path, copies: dict[str, str]) -> dict[str, Any]:
    """How much of what was planted is found, and how much of what is found was planted."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with file.open(encoding="utf-8") as stream:
        for row in map(json.loads, stream):
            if "kind" in row:
                planted[row["kind"]] += 1
                found[row["kind"]] += row["id"] in copies
    right = found.total() / len(copies) if copies else None
    return {
        "found": len(copies), "precision": right,
        "recall": {kind: found[kind] / planted[kind] for kind in KINDS if planted[kind]},
    }  # fmt: skip


def measure(side: str, size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of the rounds, printed."""
    file = rows_of(size, options.work)
    rounds = [run(side, file, options) for _ in range(options.rounds)]
    row: dict[str, Any] = {
        "side": side, "rows": size,
        "checks": options.checks if side == "ours" else None,
        "rows_per_second": size / statistics.median(r["seconds"] for r in rounds),
        "rows_per_cpu_second": size / statistics.median(r["cpu_seconds"] for r in rounds),
        "peak_mib": max(r["peak_mib"] for r in rounds),
        **quality(file, rounds[0]["copies"]),
    }  # fmt: skip
    recall = "  ".join(f"{kind} {value:.2f}" for kind, value in row["recall"].items())
    print(
        f"{side:10} {size:9,} rows  {row['rows_per_second']:8,.0f} rows/s "
        f"({row['rows_per_cpu_second']:,.0f} per CPU second)  {row['peak_mib']:7,.0f} MiB  "
        f"precision {row['precision'] or 0:.4f}  recall: {recall}", flush=True,
    )  # fmt: skip
    return row


def save(row: dict[str, Any]) -> None:
    """Keep a row in the file of the day, in place of an earlier one of the same."""
    now = datetime.now(UTC)
    file = RESULTS / f"doctor-{now:%Y-%m-%d}.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
    what = ("side", "rows", "checks")
    rows = [r for r in rows if any(r[key] != row[key] for key in what)]
    kept = {
        "date": now.isoformat(timespec="seconds"), "peer": PACKAGES,
        "machine": f"{platform.machine()}, {os.cpu_count()} threads", "rows": [*rows, row],
    }  # fmt: skip
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="rows and the environment")
    parser.add_argument("--make-peer", action="store_true", help="install datasketch, and stop")
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--checks", nargs="+", default=["duplicates"])
    parser.add_argument("--save", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.make_peer:
        make_peer(options.work)
        return
    for size in options.sizes:
        for side in options.sides:
            row = measure(side, size, options)
            if options.save:
                save(row)


if __name__ == "__main__":
    main()
