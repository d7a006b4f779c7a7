"""One adapter for two tasks against one adapter each, on clinc150 and bitext customer support.

    python benchmarks/multi_task.py --data-folder DATA [--per-label 10] [--epochs 6]
        [--intents 20] [--out FOLDER] [--save FILE.json]

DATA holds clinc150/data_full.json and bitext_support/support_v1_canned.csv. Of each data set the
first intents by name are taken, `--per-label` training rows of each, drawn at random. An epoch of
the mixture has as many rows as both tasks together: in as many epochs each task is seen as often,
in twice as many steps. So an own adapter is measured with twice the epochs, too.
"""

import argparse
import csv
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from base_model.table import Table

from tailorbird.approaches.base import Run, make_approach
from tailorbird.store import read_json, write_json, write_text
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec

Rows = dict[str, list[str]]
"""Label -> inputs."""
GOALS = {
    "clinc150": "Name the intent of a request to a voice assistant.",
    "bitext": "Name what a customer of a web shop wants.",
}


def clinc150(data: Path) -> Rows:
    """The training split of clinc150, without out-of-scope."""
    rows: Rows = defaultdict(list)
    for text, label in json.loads((data / "clinc150" / "data_full.json").read_text())["train"]:
        rows[label].append(text)
    return rows


def bitext(data: Path) -> Rows:
    """The first version of the customer support set."""
    rows: Rows = defaultdict(list)
    with (data / "bitext_support" / "support_v1_canned.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["intent"]].append(row["instruction"])
    return rows


def write_task(folder: Path, name: str, rows: Mapping[str, Sequence[str]], train: int) -> Task:
    """`train` rows of each label, then 5 for dev and 5 for test, no input in two splits."""
    rng = random.Random(0)
    splits: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for label, texts in rows.items():
        distinct = list({" ".join(t.casefold().split()): t for t in texts}.values())
        drawn = iter(rng.sample(distinct, train + 10))
        for split, count in (("train", train), ("dev", 5), ("test", 5)):
            for _, text in zip(range(count), drawn):
                splits[split].append(json.dumps({"input": text, "target": label}))
    for split, lines in splits.items():
        write_text(folder / f"{split}.jsonl", "\n".join(lines) + "\n")
    spec = {
        "name": name, "goal": GOALS[name], "kind": "label",
        "data": {s: f"{s}.jsonl" for s in splits}, "outputs": {"max_tokens": 12},
        "bar": {"primary": {"metric": "label", "at_least": 0.8}}, "rungs": ["majority"],
    }  # fmt: skip
    write_json(folder / "task.yaml", spec)
    return load_task(load_spec(folder), folder)


def share_right(task: Task, run: Run, approach: str, settings: dict[str, object]) -> float:
    """Of the dev split, by a solver that was fitted now."""
    run.folder.mkdir(parents=True, exist_ok=True)
    solver = make_approach(approach, settings).fit(task.without_test(), run)
    dev = task.examples("dev")
    answers = solver.predict(dev)
    return sum(a.text == e.target for a, e in zip(answers, dev)) / len(dev)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--per-label", type=int, default=10)
    parser.add_argument("--intents", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--out", type=Path, default=Path("runs/multi-task"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    out: Path = options.out / f"{options.intents}-{options.per_label}-{options.epochs}"
    tasks = {}
    for name, read in (("clinc150", clinc150), ("bitext", bitext)):
        found = read(options.data_folder)
        rows = {label: found[label] for label in sorted(found)[: options.intents]}
        tasks[name] = write_task(out / name, name, rows, options.per_label)
    same = {"epochs": options.epochs, "batch_size": 16}
    run = Run(out / "both", options.model, out / "cache")
    share_right(tasks["clinc150"], run, "multi_task", {"tasks": ["../bitext"], **same})
    both = {m["task"]: m["dev"] for m in read_json(out / "both" / "tasks.json").values()}
    table = []
    for name, task in tasks.items():
        alone = []
        for epochs in (options.epochs, 2 * options.epochs):
            own = Run(out / f"{name}-alone-{epochs}", options.model, out / "cache")
            alone.append(share_right(task, own, "fine_tuned", same | {"epochs": epochs}))
        marks = (*(round(a, 3) for a in alone), both[name])
        table.append((name, len(task.labels), len(task.examples("dev")), *marks))
    columns = ("own adapter", "own adapter, twice the epochs", "one adapter for both")
    printed = Table(("task", "labels", "dev items", *columns), table)
    print(printed.markdown())
    if options.save:
        setting = {"per_label": options.per_label, "epochs": options.epochs}
        write_json(options.save, setting | printed.to_json())


if __name__ == "__main__":
    main()
