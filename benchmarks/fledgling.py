"""How good a base model fledgling is, or any other: loss, grammar, reading and labels in one run.

    python benchmarks/fledgling.py [--model fledgling] [--data-folder DATA]
        [--only mix perplexity blimp xquad intents leakage] [--save FILE.json]

| part | what is measured | on |
| --- | --- | --- |
| mix | next-token loss and accuracy on the model's own pre-training mix | drawn, and DATA |
| perplexity | nats per token and bits per byte of articles that training does not read | DATA |
| blimp | whether the grammatical sentence of a pair is the likelier one | DATA/blimp |
| xquad | answers read out of a passage | DATA/xquad_en |
| intents | choosing one of 5 or 10 labels, shown 0 to 4 examples of each | DATA/clinc150 |
| leakage | test items of the studies in the rows trained on | `--rows` FOLDER, DATA/clinc150 |

Marks are per cent with a 95 % interval in brackets. A part whose data or model is not there is
named, and left out.
"""

import argparse
import platform
import re
import shlex
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import transformers
from base_model import blimp, intents, leakage, mix, perplexity, xquad
from base_model.subject import Subject

from tailorbird.errors import ModelError
from tailorbird.models.files import identify
from tailorbird.store import write_json

PARTS: dict[str, ModuleType] = {
    "mix": mix, "perplexity": perplexity, "blimp": blimp, "xquad": xquad, "intents": intents,
    "leakage": leakage,
}  # fmt: skip
"""Each with `NEEDS`, files of the data folder, and `measure(subject, options) -> Table`."""


def setting(options: argparse.Namespace) -> dict[str, Any]:
    """What a figure needs beside it; names of folders only, as paths differ between machines."""
    name = Path(options.model).name if Path(options.model).is_dir() else options.model
    chosen = vars(options) | {"model": name, "data_folder": "DATA" if options.data_folder else None}
    words = ["python", "benchmarks/fledgling.py"]
    for key, value in chosen.items():
        if key != "save" and value is not None:
            words += [f"--{key.replace('_', '-')}", *shown(value)]
    return {
        "version": 1,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "model": name,
        "digest": identify(options.model).rpartition("@")[2],
        "command": shlex.join(words),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def shown(value: Any) -> list[str]:
    """An option's value as it is typed; of a folder only the end."""
    values = value if isinstance(value, list) else [value]
    return ["/".join(v.parts[-2:]) if isinstance(v, Path) else str(v) for v in values]


def machine() -> dict[str, Any]:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file() and (found := re.search(r"model name\s*: (.*)", info.read_text("utf-8"))):
        cpu = found[1]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": cpu, "threads": torch.get_num_threads(), "gpu": gpu}


def missing(part: str, options: argparse.Namespace) -> str | None:
    """Why a part cannot be measured, or None."""
    if part == "leakage" and not options.rows:
        return "it needs --rows, the folders of the rows that were trained on"
    folder, needed = options.data_folder, PARTS[part].NEEDS
    if needed and folder is None:
        return "it needs --data-folder"
    gone = [name for name in needed if folder and not (folder / name).is_file()]
    return f"the data folder has no {gone[0]}" if gone else None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="fledgling", help="fledgling, a folder or a hub id")
    parser.add_argument("--data-folder", type=Path, help="where the real text and test sets are")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
        help=f"some of {', '.join(PARTS)}",
    )  # fmt: skip
    parser.add_argument("--documents", type=int, default=60, help="of each family of the mix")
    parser.add_argument("--text-kb", type=int, default=500, help="of each running text")
    parser.add_argument("--per-paradigm", type=int, default=100, help="pairs of BLiMP, to 1,000")
    parser.add_argument("--items", type=int, default=1190, help="questions of XQuAD")
    parser.add_argument("--subsets", type=int, default=10, help="draws of labels from CLINC150")
    parser.add_argument("--rows", type=Path, nargs="+", help="folders of the rows trained on")
    parser.add_argument("--save", type=Path, metavar="FILE.json", help="keep the results as JSON")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    subject = Subject(options.model)
    report: dict[str, Any] = setting(options) | {"parts": {}, "not_measured": {}}
    for part in options.only:
        begun, why = time.monotonic(), missing(part, options)
        try:
            table = None if why else PARTS[part].measure(subject, options)
        except (ModelError, OSError) as error:
            table, why = None, str(error)
        seconds = round(time.monotonic() - begun, 1)
        if table is None:
            report["not_measured"][part] = why
            print(f"## {part}\n\nnot measured: {why}\n", flush=True)
        else:
            report["parts"][part] = table.to_json() | {"seconds": seconds}
            print(f"## {part}\n\n{table.markdown()}\n\n{seconds:.0f} seconds\n", flush=True)
        if options.save:  # after every part: a run that is stopped keeps what it has
            write_json(options.save, report)


if __name__ == "__main__":
    main()
