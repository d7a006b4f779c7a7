"""What tuning costs a model beside its task, and what the mitigations save.

    python benchmarks/forgetting.py --data-folder DATA [--per-label 20] [--intents 20]
        [--epochs 3] [--model fledgling] [--only NAME ...] [--out FOLDER] [--save FILE.json]

DATA holds clinc150/data_full.json and, as general text, enwiki_plain/valid.txt.gz: every second
article is replayed, and of the others bits per byte are measured. Printed are the share of right
answers on 5 test items of each intent, the retention audit of every way to tune, and the processor
time of its training; `untuned` and `strength auto` scale the adapter of `lora`.
"""

import argparse
import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from base_model.table import Table
from multi_task import clinc150, write_task

from tailorbird.approaches.base import Run, make_approach
from tailorbird.evaluate.audits.base import Audited, Subject, make_audit
from tailorbird.store import read_json, write_json, write_text
from tailorbird.task.benchmark import Task

CHARACTERS = 400_000
"""Of general text, on either side."""


def ways(epochs: int, replayed: str) -> Mapping[str, dict[str, Any]]:
    """Name -> settings of fine_tuned."""
    usual = {"epochs": epochs}
    replay = {"replay": 0.5, "general": replayed}
    return {
        "lora": usual,
        "untuned": usual | {"strength": 0.0},
        "strength auto": usual | {"strength": "auto"},
        "rank 4": usual | {"rank": 4},
        "replay 0.5": usual | {"objective": {"sft": replay}},
        "anchor 0.5": usual | {"objective": {"sft": {"anchor": 0.5}}},
        "replay and anchor": usual | {"objective": {"sft": replay | {"anchor": 0.5}}},
        "full": usual | {"adapter": "full"},
    }


FROM_LORA = ("untuned", "strength auto")
"""They differ from `lora` in nothing that is trained."""
ABILITIES: tuple[Any, ...] = (
    {"grammar": {"pairs": 240}},
    {"instructions": {"per_kind": 10, "max_tokens": 24}},
    {"arithmetic": {"sums": 60, "max_tokens": 8}},
)


def write_general(data: Path, folder: Path) -> tuple[Path, Path]:
    """Files of articles to replay, and of others to measure on."""
    with gzip.open(data / "enwiki_plain" / "valid.txt.gz", "rt", encoding="utf-8") as file:
        articles = [a.strip() for a in file.read().split("\n\n") if a.strip()]
    files = folder / "replayed.jsonl", folder / "held_out.jsonl"
    for file, own in zip(files, (articles[::2], articles[1::2])):
        lines, left = [], CHARACTERS
        for article in own:
            if left > 0:
                lines.append(json.dumps({"text": article}))
                left -= len(article)
        write_text(file, "\n".join(lines) + "\n")
    return files


def tune(task: Task, run: Run, settings: dict[str, Any], held: Path) -> dict[str, Any]:
    """Share right on test, what the audit found, and the table of strengths where one was made."""
    run.folder.mkdir(parents=True, exist_ok=True)
    solver = make_approach("fine_tuned", settings).fit(task.without_test(), run)
    report = run.folder / "training" / "training.json"
    spent = read_json(report)["cpu_seconds"] if report.is_file() else 0.0
    test = task.examples("test")
    answers = tuple(solver.predict(test))
    right = sum(a.text == e.target for a, e in zip(answers, test)) / len(test)
    text = {"text": {"path": str(held), "stretches": 60}}
    audit = make_audit("retention", {"capabilities": (text, *ABILITIES), "inputs": 50})
    subject = Subject(task, run.folder.name, solver, answers, run.folder / "work", run.cache, True)
    shared = run.cache / "base"  # the base is the same for all
    if shared.is_dir() and not subject.folder.is_dir():
        shutil.copytree(shared, subject.folder)
    found = audit.examine(subject)
    for file in subject.folder.glob("*-base.json"):
        shared.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, shared)
    strengths = run.folder / "strength.json"
    return {
        "right": right, "cpu_seconds": round(spent, 1), "retention": found.to_json(),
        "strength": read_json(strengths) if strengths.is_file() else None,
    }  # fmt: skip


def row(name: str, made: dict[str, Any]) -> tuple[Any, ...]:
    lines = Audited.from_json(made["retention"]).lines
    cells = []
    for line in lines:
        value = line.estimate.value if line.estimate else float("nan")
        mark = "" if line.holds is not False else " ✗" if "is lost" in line.note else " ?"
        cells.append(f"{value:.3f}{mark}")
    return (name, f"{made['right']:.2f}", *cells, f"{made['cpu_seconds']:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--per-label", type=int, default=20)
    parser.add_argument("--intents", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("runs/forgetting"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    out = (options.out / f"{options.intents}-{options.per_label}-{options.epochs}").resolve()
    found = clinc150(options.data_folder)
    rows = {label: found[label] for label in sorted(found)[: options.intents]}
    task = write_task(out / "task", "clinc150", rows, options.per_label)
    replayed, held = write_general(options.data_folder, out)
    made: dict[str, Any] = {}
    for name, settings in ways(options.epochs, str(replayed)).items():
        if options.only and name not in options.only:
            continue
        run = Run(out / name.replace(" ", "-"), options.model, out / "cache", quiet=True)
        file = run.folder / "made.json"
        if name in FROM_LORA and not file.is_file():
            shutil.copytree(out / "lora" / "adapter", run.folder / "adapter", dirs_exist_ok=True)
        if not file.is_file():
            write_json(file, tune(task, run, settings, held))
        made[name] = read_json(file)
        print(row(name, made[name]), flush=True)
    columns = (
        "tuned", "right", "text, bits per byte", "grammar", "instructions", "arithmetic",
        "drift, text", "drift, inputs", "CPU seconds",
    )  # fmt: skip
    print(Table(columns, [row(name, each) for name, each in made.items()]).markdown())
    if options.save:
        shown = {"per_label": options.per_label, "intents": options.intents}
        write_json(options.save, shown | {"epochs": options.epochs, "made": made})


if __name__ == "__main__":
    main()
