"""How to tune on tens of examples: epochs, rate and rank, on a few intents of clinc150.

    python benchmarks/few_examples.py --data-folder DATA [--per-label 2 5 10] [--intents 20]
        [--seeds 0 1] [--model fledgling] [--out FOLDER] [--save FILE.json]

DATA holds clinc150/data_full.json. Compared are three epochs, the defaults of fine_tuned (more
epochs where there are few examples), a lower rank, and that at half the rate. Printed is the share
of right answers on 5 dev items of each intent.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from base_model.table import Table
from multi_task import clinc150, share_right, write_task

from tailorbird.approaches.base import Run
from tailorbird.models.local import load_parts
from tailorbird.store import write_json
from tailorbird.train.policy import make_adapter
from tailorbird.train.recipe import usual_rate


def settings_of(width: int) -> Mapping[str, dict[str, object]]:
    """Name -> settings of fine_tuned."""
    half = 0.5 * make_adapter("lora").rate * usual_rate(width)
    return {
        "3 epochs": {"epochs": 3},
        "defaults": {},
        "rank 8": {"rank": 8},
        "rank 8, half rate": {"rank": 8, "learning_rate": half},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--per-label", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--intents", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--out", type=Path, default=Path("runs/few-examples"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    found = clinc150(options.data_folder)
    rows = {label: found[label] for label in sorted(found)[: options.intents]}
    width = load_parts(options.model)[0].config.hidden_size
    table = []
    for count in options.per_label:
        out = options.out / f"{options.intents}-{count}"
        task = write_task(out / "task", "clinc150", rows, count)
        run = Run(out, options.model, out / "cache")
        baseline = share_right(task, replace(run, folder=out / "linear"), "linear", {})
        marks = [round(baseline, 3)]
        for name, settings in settings_of(width).items():
            each = [
                share_right(
                    task, replace(run, folder=out / name / str(s), seed=s), "fine_tuned", settings
                )
                for s in options.seeds
            ]
            marks.append(round(sum(each) / len(each), 3))
            print(count, name, settings, each, flush=True)
        table.append((count, len(rows) * count, *marks))
    columns = ("per label", "examples", "linear", *settings_of(width))
    printed = Table(columns, table)
    print(printed.markdown())
    if options.save:
        write_json(options.save, {"seeds": options.seeds} | printed.to_json())


if __name__ == "__main__":
    main()
