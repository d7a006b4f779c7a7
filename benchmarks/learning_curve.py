"""What more training data buys: one tuned rung at several sizes, on one frozen benchmark.

    python benchmarks/learning_curve.py studies/insurance-email --rung fine_tuned_rag
        [--sizes 200 1000 7000] [--epochs 8 4 2] [--train FILE] [--data-folder DATA]
        [--test N] [--out FOLDER] [--save FILE.json]

Each size is the beginning of the next. CPU minutes are processor time of the training steps, all
threads together. A run that was killed goes on where it was.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from base_model.table import Table

from tailorbird.climbing import climb
from tailorbird.evaluate.results import RungResult
from tailorbird.run_folder import slug
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import Rung, load_spec


def task_of(options: argparse.Namespace) -> Task:
    """The study's task with the rung in all sizes as its ladder."""
    study: Path = options.study
    given = {"data.train": str(options.train.resolve())} if options.train else None
    spec = load_spec(study, given)
    rung = {r.name: r for r in spec.rungs}[options.rung]
    rungs = tuple(sized(rung, n, e) for n, e in zip(options.sizes, options.epochs, strict=True))
    spec = spec.model_copy(update={"rungs": rungs, "model": options.model or spec.model})
    task = load_task(spec, study, options.data_folder)
    if options.test:
        test = task.examples("test")
        drawn = sorted(Random(0).sample(range(len(test)), options.test))
        task = replace(task, splits={**task.splits, "test": tuple(test[i] for i in drawn)})
    return task


def sized(rung: Rung, examples: int, epochs: int) -> Rung:
    settings = {**rung.settings, "limit": examples, "epochs": epochs}
    return rung.model_copy(update={"name": f"{rung.name}-{examples}", "settings": settings})


def row(task: Task, result: RungResult, out: Path) -> dict[str, Any]:
    """What is printed of one size."""
    report = read_json(out / "rungs" / slug(result.name) / "fit" / "training" / "training.json")
    bar = task.spec.bar
    metrics = [bar.primary.metric]
    metrics += [g.metric for g in bar.guards if g.metric == "unsupported"]
    return {
        "examples": min(result.settings["limit"], len(task.examples("train"))),
        "epochs": result.settings["epochs"],
        **{metric: result.estimates[metric] for metric in metrics},
        "loss": round(report["loss"], 3),
        "cpu_minutes": round(report["cpu_seconds"] / 60, 1),
        "minutes": round(report["seconds"] / 60, 1),
        "tokens": report["tokens"],
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--rung", default="fine_tuned")
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000, 7000])
    parser.add_argument("--epochs", type=int, nargs="+", default=[8, 4, 2])
    parser.add_argument("--train", type=Path, help="in place of the study's training file")
    parser.add_argument("--data-folder", type=Path)
    parser.add_argument("--model", help="in place of the study's")
    parser.add_argument("--test", type=int, help="measure on this many test items, drawn at random")
    parser.add_argument("--out", type=Path, default=Path("runs/learning-curve"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    task = task_of(options)
    out = options.out / task.spec.name / options.rung
    climbed = climb(task, out)
    rows = [row(task, result, out) for result in climbed.results.rungs]
    for name, reason in climbed.failures.items():
        print(f"{name} was not run: {reason}")
    table = Table(tuple(rows[0]), [tuple(r.values()) for r in rows])
    print(table.markdown())
    if options.save:
        setting = {"rung": options.rung, "study": task.spec.name}
        write_json(options.save, setting | table.to_json())


if __name__ == "__main__":
    main()
