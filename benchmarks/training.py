"""How fast and how lean LoRA training is: ours against TRL, transformers' Trainer and torchtune.

    python benchmarks/training.py --work FOLDER --make-peers          # once: their environments
    python benchmarks/training.py --work FOLDER [--sizes S M] [--rounds 3] [--method dpo] [--save]

Every contender trains one epoch on the same examples, 16 a step, LoRA of rank 16 on all linear
layers, in a process of its own. They take turns, so that a busy machine slows all of them; a ratio
is that of one round. Compare tokens per processor second where the machine is shared.

A peer has an environment of its own under FOLDER, with the versions below. On a GPU,

    python benchmarks/training.py --work FOLDER --device cuda --sizes L --contenders ours trl_packed

trains 1.1 G parameters in bfloat16.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
import venv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from training_peers.material import SIZES, make
from training_peers.measured import Job

HERE = Path(__file__).parent
PEERS = HERE / "training_peers"
RESULTS = HERE / "results"
LIMIT = 3600
"""Seconds that one contender may take."""


@dataclass(frozen=True)
class Contender:
    """A script, the environment that it runs in, and what it can do."""

    script: str
    environment: str | None = None
    variant: str = ""
    methods: tuple[str, ...] = ("sft",)


ENVIRONMENTS = {
    "trl": ("trl==1.16.0", "transformers==5.23.0", "peft==0.21.2", "accelerate==1.15.0"),
    "torchtune": ("torchtune==0.6.1", "torchao==0.11.0"),
}
TORCH = "torch==2.13.0"
CONTENDERS = {
    "ours": Contender("run_ours.py", methods=("sft", "dpo")),
    "trl": Contender("run_trl.py", "trl", methods=("sft", "dpo")),
    "trl_packed": Contender("run_trl.py", "trl", "packed"),
    "trl_default": Contender("run_trl.py", "trl", "default", ("sft", "dpo")),
    "trainer": Contender("run_trainer.py", "trl"),
    "torchtune": Contender("run_torchtune.py", "torchtune"),
}
USUAL = ("ours", "trl", "trl_packed", "trainer", "torchtune")

CEILING = """
import time, torch
a = torch.randn({n}, {n}, device="{device}", dtype=torch.{dtype})
best = wall = 0.0
for _ in range(12):
    begun, cpu = time.perf_counter(), time.process_time()
    for _ in range(8):
        a @ a
    if "{device}" == "cuda":
        torch.cuda.synchronize()
    work = 16 * {n} ** 3
    best = max(best, work / (time.process_time() - cpu))
    wall = max(wall, work / (time.perf_counter() - begun))
print(best, wall)
"""


def make_peers(work: Path) -> None:
    """An environment per peer; torch first, so that the others take what is there."""
    for name, packages in ENVIRONMENTS.items():
        folder = work / f"environment-{name}"
        if (folder / "complete").is_file():
            continue
        print(f"making {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        for wanted in ((TORCH,), packages):
            subprocess.run([_python(folder), "-m", "pip", "install", "-q", *wanted], check=True)
        (folder / "complete").touch()


def _python(folder: Path) -> str:
    return str(folder / "bin" / "python")


def interpreter(contender: Contender, work: Path) -> str:
    """Which Python runs a contender."""
    if contender.environment is None:
        return sys.executable
    python = _python(work / f"environment-{contender.environment}")
    if not Path(python).is_file():
        raise SystemExit(f"{python} is not there: run with --make-peers first")
    return python


def surroundings(options: argparse.Namespace) -> dict[str, str]:
    """Environment variables, the same for all."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kept |= {
        "OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
        "DO_NOT_TRACK": "1",
    }  # fmt: skip
    return kept if options.device == "cuda" else kept | {"CUDA_VISIBLE_DEVICES": ""}


def ceiling(options: argparse.Namespace) -> tuple[float, float]:
    """FLOPs of a large matrix product per processor second, and per second."""
    n, dtype = (8192, "bfloat16") if options.device == "cuda" else (1024, "float32")
    code = CEILING.format(n=n, dtype=dtype, device=options.device)
    said = subprocess.run(
        [sys.executable, "-c", code], env=surroundings(options), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    per_cpu, per_second = map(float, said.stdout.split())
    return per_cpu, per_second


def run(name: str, job: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """What one contender reports of one job; what it printed where it failed."""
    contender = CONTENDERS[name]
    python = interpreter(contender, options.work)
    scratch = options.work / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    given = Job(
        **job, method=options.method, variant=contender.variant, scratch=str(scratch),
        device=options.device, started=time.time(),
    )  # fmt: skip
    done = subprocess.run(
        [python, str(PEERS / contender.script), given.written()], env=surroundings(options),
        capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    found = [line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        print((done.stdout + done.stderr)[-2000:], file=sys.stderr)
        return {"failed": done.returncode}
    return dict(json.loads(found[-1]))


def measure(size: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """All rounds of one size."""
    model, rows, tokens = make(size, options.method, options.work, options.device)
    job = {"model": str(model), "rows": str(rows), "tokens": tokens}
    measured = []
    for number in range(options.rounds):
        for name in options.contenders:
            if options.method not in CONTENDERS[name].methods:
                continue
            per_cpu, per_second = ceiling(options)
            row = {
                "size": size, "round": number, "contender": name, "tokens": tokens,
                "ceiling_per_cpu_second": per_cpu, "ceiling_per_second": per_second,
                "load": os.getloadavg()[0],
            }  # fmt: skip
            row |= run(name, job, options)
            measured.append(row)
            print(f"{size} round {number} {name:12} {_line(row)}", flush=True)
    return measured


def _line(row: dict[str, Any]) -> str:
    if "failed" in row:
        return "failed"
    return (
        f"{row['tokens_per_cpu_second']:7.0f} tokens/CPU-s {row['tokens_per_second']:7.0f} tokens/s"
        f" {row['peak_mb']:7.0f} MB  first step after {row['until_first_step']:5.1f} s"
    )


# ---- what it comes to --------------------------------------------------------------------------


def summary(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians per contender, and ours against it: median, least and most of the rounds."""
    whole = [row for row in measured if "failed" not in row]
    best = max((row["ceiling_per_cpu_second"] for row in whole), default=0.0)
    lines = []
    for size in dict.fromkeys(row["size"] for row in whole):
        here = [row for row in whole if row["size"] == size]
        ours = {row["round"]: row for row in here if row["contender"] == "ours"}
        flops = max((row.get("useful_flops", 0.0) for row in here), default=0.0)
        for name in dict.fromkeys(row["contender"] for row in here):
            rows = [row for row in here if row["contender"] == name]
            pairs = [(ours[row["round"]], row) for row in rows if row["round"] in ours]
            rate = "tokens_per_cpu_second"
            lines.append({
                "size": size, "contender": name, "runs": len(rows),
                **{key: statistics.median(row[key] for row in rows) for key in MEDIANS},
                "utilisation": statistics.median(flops / row["cpu_seconds"] for row in rows) / best,
                "ours_faster": _spread([a[rate] / b[rate] for a, b in pairs]),
                "memory_of_ours": _spread([a["peak_mb"] / b["peak_mb"] for a, b in pairs]),
            })  # fmt: skip
    return lines


MEDIANS = ("tokens_per_second", "tokens_per_cpu_second", "peak_mb", "until_first_step")


def _spread(values: list[float]) -> list[float] | None:
    return [statistics.median(values), min(values), max(values)] if values else None


def show(lines: list[dict[str, Any]]) -> None:
    """The table."""
    print(
        f"\n{'':15}{'tok/s':>7}{'tok/CPU-s':>11}{'ours is faster':>20}{'peak MB':>9}"
        f"{'ours takes':>20}{'first step s':>14}{'utilisation':>13}"
    )
    for line in lines:
        faster, memory = (_written(line[key]) for key in ("ours_faster", "memory_of_ours"))
        print(
            f"{line['size']} {line['contender']:13}{line['tokens_per_second']:7.0f}"
            f"{line['tokens_per_cpu_second']:11.0f}{faster:>20}{line['peak_mb']:9.0f}{memory:>20}"
            f"{line['until_first_step']:14.1f}{line['utilisation']:13.0%}"
        )


def _written(spread: list[float] | None) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*spread) if spread else ""


def save(options: argparse.Namespace, measured: list[Any], lines: list[Any]) -> None:
    """Keep the rounds and the summary, with date, machine and versions."""
    import torch
    import transformers

    now = datetime.now(UTC)
    kept = {
        "date": now.isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {options.threads} threads, {options.device}",
        "method": options.method,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "peers": ENVIRONMENTS,
        "summary": lines,
        "rounds": measured,
    }
    file = RESULTS / f"training-{options.method}-{now:%Y-%m-%d}.json"
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(f"\nsaved {file.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="models, data, environments")
    parser.add_argument("--make-peers", action="store_true", help="install the peers, and stop")
    parser.add_argument("--method", choices=("sft", "dpo"), default="sft")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["S", "M"])
    parser.add_argument("--contenders", nargs="+", choices=list(CONTENDERS), default=list(USUAL))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--save", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.make_peers:
        make_peers(options.work)
        return
    measured = [row for size in options.sizes for row in measure(size, options)]
    lines = summary(measured)
    show(lines)
    if options.save:
        save(options, measured, lines)


if __name__ == "__main__":
    main()
