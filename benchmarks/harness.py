"""How fast items are evaluated: Tailorbird against lm-evaluation-harness (its hf backend).

    python benchmarks/harness.py --work FOLDER --make-peer           # once: its environment
    python benchmarks/harness.py --work FOLDER [--sizes S M] [--prefix 600 0] [--rounds 3] [--save]

The items are texts: a prefix of about so many tokens that all share, a question of 24 to 64, then
either 32 new tokens or four options of one to three words to score. Both sides load the same model
(random weights) in a process of their own, and take turns; ratios are those of one round. What
they say is compared.
"""

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time
import venv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from training_peers.material import SIZES, make, words_of_the_library

HERE = Path(__file__).parent / "evaluation_peers"
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("lm-eval==0.4.13", "transformers==5.23.0", "accelerate==1.15.0")
TORCH = "torch==2.13.0"
NEW = 32
KINDS = ("generate", "choose")


def python_of_the_peer(work: Path) -> str:
    return str(work / "environment-lm-eval" / "bin" / "python")


def make_peer(work: Path) -> None:
    """Torch first, so that the harness takes what is there; compiled, so that start-up is fair."""
    folder = work / "environment-lm-eval"
    venv.create(folder, with_pip=True, clear=True)
    for wanted in ((TORCH,), PACKAGES):
        install = [python_of_the_peer(work), "-m", "pip", "install", "-q", *wanted]
        subprocess.run(install, check=True)
    subprocess.run([python_of_the_peer(work), "-m", "compileall", "-q", str(folder)], check=False)


def items(kind: str, tokenizer: Any, count: int, prefix: int) -> list[dict[str, Any]]:
    """Rows as both sides read them."""
    draw, words = random.Random(0), words_of_the_library()

    def text(tokens: int) -> str:
        at = draw.randrange(len(words) - 2000)
        ids = tokenizer(" ".join(words[at : at + 2 * tokens + 20]), add_special_tokens=False)
        return str(tokenizer.decode(ids.input_ids[:tokens])).replace("\ufffd", "").strip()

    shared = text(prefix) if prefix else ""
    options = [" ".join(draw.choices(words, k=draw.randint(1, 3))) for _ in range(4)]
    rows = []
    for _ in range(count):
        prompt = f"{shared}\n{text(draw.randint(24, 64))}".strip()
        rows.append({"prompt": prompt, "answer": "none", "options": options, "label": 0})
    return rows


def run(side: str, job: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """What one side reports."""
    python, script = {
        "ours": (sys.executable, "run_ours.py"),
        "lm_eval": (python_of_the_peer(options.work), "run_lm_eval.py"),
    }[side]
    scratch = options.work / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
        "OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
        "HF_HOME": str(scratch), "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    given = json.dumps(job | {"scratch": str(scratch)})
    done = subprocess.run(
        [python, str(HERE / script), given, str(time.time())], env=surroundings,
        capture_output=True, text=True,
    )  # fmt: skip
    found = [line[7:] for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        raise SystemExit(f"{side} failed: {(done.stdout + done.stderr)[-2000:]}")
    return dict(json.loads(found[-1]))


def differing(kind: str, ours: list[Any], theirs: list[Any]) -> int:
    """Items of which the two sides do not say the same."""
    pairs = zip(ours, theirs, strict=True)
    if kind == "generate":
        return sum(a.strip() != b.strip() for a, b in pairs)
    return sum(max(abs(x - y) for x, y in zip(a, b, strict=True)) > 1e-2 for a, b in pairs)


def measure(size: str, kind: str, prefix: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of the rounds, printed."""
    from transformers import AutoTokenizer

    model, _, _ = make(size, "sft", options.work, "cpu")
    rows = items(kind, AutoTokenizer.from_pretrained(model), options.items, prefix)
    file = options.work / f"items-{kind}-{size}-{prefix}.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    job = {"model": str(model), "items": str(file), "kind": kind, "tokens": NEW}
    rounds = [{s: run(s, job, options) for s in ("ours", "lm_eval")} for _ in range(options.rounds)]
    ratios = [r["lm_eval"]["seconds"] / r["ours"]["seconds"] for r in rounds]
    of_cpu = [r["lm_eval"]["cpu_seconds"] / r["ours"]["cpu_seconds"] for r in rounds]
    row: dict[str, Any] = {
        "size": size, "kind": kind, "prefix": prefix, "items": options.items,
        "ratio": [statistics.median(ratios), min(ratios), max(ratios)],
        "ratio_of_cpu_seconds": [statistics.median(of_cpu), min(of_cpu), max(of_cpu)],
        "differ": differing(kind, *(rounds[0][s]["said"] for s in ("ours", "lm_eval"))),
    }  # fmt: skip
    for side in ("ours", "lm_eval"):
        speeds = [options.items / r[side]["seconds"] for r in rounds]
        row[f"{side}_items_per_second"] = statistics.median(speeds)
        row[f"{side}_until_first"] = statistics.median(r[side]["until_first"] for r in rounds)
    print(
        f"{size} {kind:9} prefix {prefix:4}  ours {row['ours_items_per_second']:7.2f} items/s  "
        f"lm-eval {row['lm_eval_items_per_second']:6.2f}  ratio {row['ratio'][0]:5.1f} "
        f"[{min(ratios):.1f}, {max(ratios):.1f}], CPU time {row['ratio_of_cpu_seconds'][0]:.1f}  "
        f"start {row['ours_until_first']:.1f} s, {row['lm_eval_until_first']:.1f} s  "
        f"{row['differ']} differ", flush=True,
    )  # fmt: skip
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="models, items, environment")
    parser.add_argument("--make-peer", action="store_true", help="install the harness, and stop")
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=["S"])
    parser.add_argument("--prefix", type=int, nargs="+", default=[600, 0])
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--save", action="store_true", help="keep the result in results/")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.make_peer:
        make_peer(options.work)
        return
    rows = [
        measure(size, kind, prefix, options)
        for size in options.sizes for prefix in options.prefix for kind in KINDS
    ]  # fmt: skip
    if options.save:
        now = datetime.now(UTC)
        kept = {
            "date": now.isoformat(timespec="seconds"), "peer": PACKAGES,
            "machine": f"{platform.machine()}, {options.threads} threads", "rows": rows,
        }  # fmt: skip
        file = RESULTS / f"harness-{now:%Y-%m-%d}.json"
        file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
