"""What reading a field's texts brings a model, and what it forgets: bits per byte before and after.

    python benchmarks/continued.py --data-folder DATA [--characters 200000] [--replay 0.25]
        [--adapters full lora] [--epochs 1] [--model fledgling] [--out FOLDER] [--save FILE.json]

DATA holds medquad/medquad.jsonl.gz (answers on health topics; every tenth topic is held out),
wikitext2_valtest/valid.txt (general text, never learned) and, for --replay, enwiki_plain
(general text that is mixed in: so many characters for each of the field).
"""

import argparse
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

from base_model.table import Table

from tailorbird.models.local import load_parts
from tailorbird.store import write_json
from tailorbird.train.continued import bits_per_byte, pretrain_on
from tailorbird.train.policy import attach, make_adapter
from tailorbird.train.recipe import Recipe, usual_rate

HELD_OUT = 60_000
"""Characters of each held-out text."""


def medquad(data: Path) -> tuple[list[str], list[str]]:
    """Answers to learn from and held-out ones, in a seeded order; no topic is on both sides."""
    with gzip.open(data / "medquad" / "medquad.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    topics = sorted({row["focus"] for row in rows})
    held = set(random.Random(0).sample(topics, len(topics) // 10))
    texts = [(row["focus"] in held, row["answer"]) for row in rows if row["answer"].strip()]
    random.Random(1).shuffle(texts)
    return [t for out, t in texts if not out], [t for out, t in texts if out]


def first(texts: Iterator[str] | list[str], characters: int) -> list[str]:
    """As many texts as make up so many characters; the last one is cut."""
    taken, left = [], characters
    for text in texts:
        if left <= 0:
            break
        taken.append(text[:left])
        left -= len(text)
    return taken


def enwiki(data: Path) -> Iterator[str]:
    """Paragraphs of general text."""
    with gzip.open(data / "enwiki_plain" / "train.txt.gz", "rt", encoding="utf-8") as file:
        yield from (line.strip() for line in file if len(line) > 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--characters", type=int, default=200_000)
    parser.add_argument("--replay", type=float, nargs="+", default=[0.0, 0.25])
    parser.add_argument("--adapters", nargs="+", default=["full", "lora"])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--out", type=Path, default=Path("runs/continued"))
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    options = parser.parse_args()
    data: Path = options.data_folder
    learned, held = medquad(data)
    held = first(held, HELD_OUT)
    general = [(data / "wikitext2_valtest" / "valid.txt").read_text("utf-8")[:HELD_OUT]]
    model, tokenizer = load_parts(options.model)
    before = [bits_per_byte(model, tokenizer, texts) for texts in (held, general)]
    rows = [("as it is", 0.0, *before, 0.0)]
    print(rows[-1], flush=True)
    for name in options.adapters:
        for replay in options.replay:
            model, tokenizer = load_parts(options.model)
            adapter = make_adapter(name)
            policy = attach(model, adapter, 0)
            texts = first(learned, options.characters)
            texts += first(enwiki(data), int(replay * options.characters))
            random.Random(0).shuffle(texts)
            rate = adapter.rate * usual_rate(model.config.hidden_size)
            recipe = Recipe(learning_rate=rate, epochs=options.epochs, group_by_length=False)
            folder = options.out / f"{name}-{replay}-{options.characters}-{options.epochs}"
            report = pretrain_on(policy, tokenizer, texts, recipe, folder, quiet=False)
            after = [bits_per_byte(policy, tokenizer, texts) for texts in (held, general)]
            rows.append((name, replay, *after, round(report.cpu_seconds / 60, 1)))
            print(rows[-1], flush=True)
    columns = ("trained", "replay", "medquad, bits per byte", "general, bits per byte", "CPU min")
    table = Table(columns, rows)
    print(table.markdown())
    if options.save:
        setting = {"characters": options.characters, "epochs": options.epochs}
        write_json(options.save, setting | table.to_json())


if __name__ == "__main__":
    main()
