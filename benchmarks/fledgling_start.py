"""What fledgling should begin as, and read: the same budget of tokens, one thing changed.

    python benchmarks/fledgling_start.py --data-folder DATA --work FOLDER [--only NAME ...]

Every variant is trained as the recipe trains (Muon, 4,096 tokens per step) at a constant rate, on
rows drawn with the same seed, and marked on the same documents of every family, which nobody was
trained on. One seed each: a few hundredths of a nat mean nothing. What is finished stays under
FOLDER and is not trained again.
"""

import argparse
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from base_model.mix import measure
from base_model.subject import Subject
from base_model.table import Table
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tailorbird.models.fledgling import mix
from tailorbird.models.fledgling.corpus import ROW_TOKENS, Corpus
from tailorbird.models.fledgling.meaning import meanings
from tailorbird.models.fledgling.pretrain import export
from tailorbird.models.fledgling.shape import Shape, config, wired_init
from tailorbird.store import read_json, write_json
from tailorbird.train.engine import train
from tailorbird.train.objectives.pretrain import Pretrain
from tailorbird.train.recipe import Recipe

SEED = 50
SMALL = Shape(192, 4, 512)


@dataclass(frozen=True)
class Variant:
    """One thing changed."""

    tokens: float
    shape: Shape = SMALL
    wired: bool = True
    shares: Mapping[str, int] = field(default_factory=dict)
    """Instead of those of the mix."""


LONG, SHORT = 4.2e6, 1.5e6
TEXT = ("plain", "dialogue")
VARIANTS: dict[str, Variant] = {
    "as it is, short": Variant(SHORT),
    "deep: 9 layers of 128": Variant(SHORT, Shape(128, 9, 342)),
    "wide: 2 layers of 256": Variant(SHORT, Shape(256, 2, 684)),
    "no running text": Variant(SHORT, shares={"plain": 0, "dialogue": 0}),
    "three times the running text": Variant(SHORT, shares={"plain": 24, "dialogue": 9}),
    "as it is": Variant(LONG),
    "standard start": Variant(LONG, wired=False),
}


def main() -> None:
    options = arguments()
    rows = []
    for name in options.only or VARIANTS:
        folder = options.work / name.replace(" ", "-").replace(":", "").replace(",", "")
        done = folder / "marks.json"
        if not done.is_file():
            write_json(done, trained(VARIANTS[name], folder, options))
        found = read_json(done)
        rows.append((name, found["tokens"], found["parameters"], found["seconds"], *found["loss"]))
    families = tuple(mix.SHARES)
    columns = ("variant", "tokens", "parameters", "CPU s", "mean", *families)
    table = Table(columns, rows)
    print(table.markdown())
    if options.save:
        write_json(options.save, table.to_json())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS))
    parser.add_argument("--documents", type=int, default=60, help="of each family, to mark on")
    parser.add_argument("--save", type=Path)
    return parser.parse_args()


def trained(variant: Variant, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train and mark one variant."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(Path(mix.__file__).parent / "weights")
    tokenizer.save_pretrained(folder / "tokenizer")
    corpus = Corpus(
        folder / "rows",
        folder / "tokenizer",
        options.data_folder,
        int(variant.tokens / ROW_TOKENS),
        SEED,
    )
    written_with(corpus, variant.shares)
    model = begin(variant, tokenizer)
    recipe = Recipe(
        optimizer="muon", learning_rate=0.01, epochs=1, batch_size=1, warmup_steps=20,
        schedule="constant", group_by_length=False, save_every=100, seed=SEED,
    )  # fmt: skip
    before = time.process_time()
    train(model, Pretrain(), corpus.rows(), recipe, folder / "run")
    seconds = time.process_time() - before
    parameters = sum(p.numel() for p in model.parameters())
    export(model, tokenizer, folder / "model")
    table = measure(Subject(str(folder / "model")), options)
    losses = {row[0]: row[1] for row in table.rows}
    marks = [losses[family] for family in mix.SHARES]
    return {
        "tokens": int(variant.tokens),
        "parameters": parameters,
        "seconds": round(seconds),
        "loss": [sum(marks) / len(marks), *marks],
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }


def written_with(corpus: Corpus, shares: Mapping[str, int]) -> None:
    """Write the rows in this process, where the shares of the mix are changed meanwhile."""
    usual = dict(mix.SHARES)
    corpus.allocate()
    mix.SHARES.update(shares)
    try:
        for shard in corpus.missing():
            corpus.write(shard)
    finally:
        mix.SHARES.update(usual)


def begin(variant: Variant, tokenizer: Any) -> LlamaForCausalLM:
    """The untrained model."""
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(config(len(tokenizer), variant.shape))
    if variant.wired:
        wired_init(model, SEED)
        width = variant.shape.content.stop // 2
        texts = [str(tokenizer.decode([i])).strip() for i in range(len(tokenizer))]
        with torch.no_grad():
            table = model.get_parameter("model.embed_tokens.weight")
            table[:, :width] = meanings(texts, width, SEED)
    return model


if __name__ == "__main__":
    main()
