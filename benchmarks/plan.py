"""What `tailorbird plan` foretells of training, against what training then takes.

    OMP_NUM_THREADS=1 python benchmarks/plan.py --out DIR

Every configuration is a rung on the e-mails of studies/insurance-email: planned without a probe,
planned with one, and then trained in a process of its own, whose largest resident size and seconds
are read. The models are fledgling and random Llamas with its tokenizer.
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tailorbird.models.files import FLEDGLING
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import Rung, load_spec
from tailorbird.train.plan import plan
from tailorbird.train.planner import MIB

ROOT = Path(__file__).parents[1]
CHECKPOINTED = {"trainer": {"gradient_checkpointing": True}}
CONFIGURATIONS: dict[str, tuple[tuple[int, int, int, int, int] | None, dict[str, Any]]] = {
    # hidden, layers, heads, groups of keys, feed-forward
    "fledgling, LoRA 16": (None, {"limit": 64}),
    "fledgling, full": (None, {"limit": 64, "adapter": "full"}),
    "Llama 13 M, LoRA 16": ((384, 6, 6, 2, 1024), {"limit": 32}),
    "Llama 13 M, full": ((384, 6, 6, 2, 1024), {"limit": 32, "adapter": "full"}),
    "Llama 13 M, LoRA 16, checkpointed": (
        (384, 6, 6, 2, 1024), {"limit": 32, "recipe": CHECKPOINTED},
    ),
    "Llama 31 M, LoRA 64": ((512, 9, 8, 4, 1536), {"limit": 24, "rank": 64}),
}  # fmt: skip


def llama(folder: Path, shape: tuple[int, int, int, int, int]) -> Path:
    """A random Llama that reads with fledgling's tokenizer."""
    import torch
    import transformers

    if folder.is_dir():
        return folder
    hidden, layers, heads, groups, wide = shape
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=8192, hidden_size=hidden, intermediate_size=wide, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=groups, max_position_embeddings=2048,
        tie_word_embeddings=True, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    for file in FLEDGLING.iterdir():
        if file.suffix in (".json", ".jinja") and file.name != "config.json":
            shutil.copy(file, folder / file.name)
    return folder


def with_rung(model: str, settings: dict[str, Any]) -> Task:
    study = ROOT / "studies" / "insurance-email"
    task = load_task(load_spec(study), study)
    rung = Rung(approach="fine_tuned", name="tuned", settings={"epochs": 1, **settings})
    return replace(task, spec=task.spec.model_copy(update={"rungs": (rung,), "model": model}))


def train(model: str, settings: dict[str, Any], out: Path) -> None:
    """Fit the rung, and say what this process took."""
    from tailorbird.approaches.base import Run, make_approach

    task = with_rung(model, settings)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (rung,) = task.spec.rungs
    approach = make_approach(rung.approach, rung.settings)
    approach.fit(task.without_test(), Run(out, model, out, quiet=True))
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    seconds = json.loads((out / "training" / "training.json").read_text())["seconds"]
    print(json.dumps({"memory": 1024 * int(status["VmHWM"].split()[0]), "seconds": seconds}))


def measured(model: str, settings: dict[str, Any], out: Path) -> dict[str, float]:
    arguments = [sys.executable, __file__, "--train", model, json.dumps(settings), str(out)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/plan-benchmark"))
    parser.add_argument("--only", help="run what has this in its name")
    parser.add_argument("--train", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.train:
        train(chosen.train[0], json.loads(chosen.train[1]), Path(chosen.train[2]))
        return
    for name, (shape, settings) in CONFIGURATIONS.items():
        if chosen.only and chosen.only not in name:
            continue
        folder = chosen.out / "-".join(map(str, shape or ()))
        model = str(llama(folder, shape)) if shape else "fledgling"
        task = with_rung(model, settings)
        row: dict[str, Any] = {"name": name}
        for kind in ("formula", "probe"):
            (found,) = plan(task, probe=kind == "probe", quiet=True).rungs
            assert found.memory is not None
            assert found.training_seconds is not None
            row[kind] = {
                "MiB": [round(m / MIB) for m in found.memory],
                "seconds": [round(s, 1) for s in found.training_seconds],
                "notes": found.notes,
            }
        took = measured(model, settings, chosen.out / "trained")
        row["measured"] = {"MiB": round(took["memory"] / MIB), "seconds": round(took["seconds"], 1)}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
