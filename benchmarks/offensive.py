"""What share of several data sets the doctor finds offensive: where there is much, and little.

    python benchmarks/offensive.py DATA

DATA holds `clinc150` (questions to an assistant), `bitext_support` (support mails with answers,
some of which swear), `medquad` (answers of health services, where bodies and illness are named) and
`hh_rlhf_harmless_test` (people provoking an assistant; of two replies people chose the less harmful
one). Nobody marked what is offensive: the shares say how often the lists find something, not how
often they are right. Brackets: 95 % intervals.
"""

import argparse
import csv
import gzip
import json
import time
from pathlib import Path
from typing import Any

from tailorbird.data.doctor.base import Patient, make_check
from tailorbird.evaluate.statistics import estimate_mean
from tailorbird.task.types import Example

READ = 1500
"""Characters of an answer of medquad."""


def texts(folder: Path) -> dict[str, list[str]]:
    intents = json.loads((folder / "clinc150" / "data_full.json").read_text("utf-8"))["train"]
    bitext = folder / "bitext_support" / "support_v2_generated.csv"
    with bitext.open(encoding="utf-8", newline="") as file:
        mails = [f"{r['instruction']} {r['response']}" for r in csv.DictReader(file)]
    pairs = rows(folder / "hh_rlhf_harmless_test" / "test.jsonl.gz")
    return {
        "clinc150": [text for text, _ in intents],
        "bitext": mails,
        "medquad": [str(r["answer"])[:READ] for r in rows(folder / "medquad" / "medquad.jsonl.gz")],
        "hh: first turns": [p["chosen"].split("\n\nAssistant:")[0] for p in pairs],
        "hh: chosen": [p["chosen"].rpartition("\n\nAssistant:")[2] for p in pairs],
        "hh: rejected": [p["rejected"].rpartition("\n\nAssistant:")[2] for p in pairs],
    }


def rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    print(f"{'':16} rows    offensive, %          rows/s")
    for name, found in texts(options.data).items():
        examples = [Example(str(n), text) for n, text in enumerate(found)]
        patient = Patient(None, {"rows": len(examples)}, Path(), quiet=True)
        examination = make_check("content", {}).start(patient)
        begun = time.process_time()
        examination.look("rows", examples)
        seconds = time.process_time() - begun
        finding = next(iter(examination.findings()), None)
        n = finding.affected if finding else 0
        share = estimate_mean([1.0] * n + [0.0] * (len(found) - n), [None] * len(found), 0)
        assert share is not None
        shown = f"{100 * share.value:.2f} [{100 * share.low:.2f}, {100 * share.high:.2f}]"
        print(f"{name:16} {len(found):6,}  {shown:20} {len(found) / seconds:7,.0f}  "
              f"{finding.details['kinds'] if finding else ''}")  # fmt: skip


if __name__ == "__main__":
    main()
