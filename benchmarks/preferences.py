"""What preference learning does on real preferences: a reward model and DPO, on held-out pairs.

    python benchmarks/preferences.py --data-folder DATA [--model fledgling]
        [--pairs N] [--held-out N] [--epochs N] [--out FOLDER] [--save FILE.json]

The pairs are the harmlessness test set of hh-rlhf (Bai et al. 2022, arXiv:2204.05862). Those whose
conversations begin with the same words stay on one side of the cut between training and held-out
pairs, and intervals hold them together. A run that was killed goes on where it was.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import torch
from base_model.table import Cell, Table, interval

from tailorbird.data.preferences import load_preferences
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.store import write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.strict import parse
from tailorbird.task.task import File, TaskSpec
from tailorbird.task.types import Comparison, Example
from tailorbird.train.adapters.lora import LoRA
from tailorbird.train.attention import attends_by_row
from tailorbird.train.engine import forget_checkpoints, train
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import Layout, row_logprobs
from tailorbird.train.objectives.dpo import DPO
from tailorbird.train.objectives.reward import Reward
from tailorbird.train.policy import attach
from tailorbird.train.recipe import Recipe, usual_rate
from tailorbird.train.reference import by_length, with_reference
from tailorbird.train.reward_model import fit

COLUMNS = ("measure", "better answer ahead, %", "mean lead", "pairs")
PATH = "hh_rlhf_harmless_test/test.jsonl.gz"
SEED = 0
SHOWN = 100
"""Training pairs to measure on, to see what was learned by heart."""
SPEC = {
    "name": "harmlessness",
    "goal": "Answer without doing harm.",
    "kind": "answer",
    "data": {"train": "none", "test": "none"},
    "bar": {"primary": {"metric": "overlap", "at_least": 0.5}},
    "rungs": ["majority"],
}


@dataclass(frozen=True)
class Pairs:
    """Pairs to train on and to measure on."""

    train: tuple[Comparison, ...]
    held_out: tuple[Comparison, ...]

    @property
    def measured(self) -> dict[str, tuple[Comparison, ...]]:
        """By name."""
        return {"training": self.train[:SHOWN], "held-out": self.held_out}


def beginning(comparison: Comparison) -> str:
    return Example("", comparison.input).turns[0].content.casefold()


def cut(comparisons: Sequence[Comparison], held: int, most: int) -> Pairs:
    """Groups in random order: the first `held` pairs or a few more are held out, and at most `most`
    are trained on."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(beginning(comparison), []).append(comparison)
    order = Random(SEED).sample(sorted(groups), len(groups))
    drawn = [comparison for name in order for comparison in groups[name]]
    while beginning(drawn[held]) == beginning(drawn[held - 1]):
        held += 1
    return Pairs(tuple(drawn[held : held + most]), tuple(drawn[:held]))


def material_of(pairs: Sequence[Comparison], options: argparse.Namespace, folder: str) -> Material:
    model, tokenizer = load_parts(options.model)
    task = Task(parse(TaskSpec, SPEC, "harmlessness"), {}, comparisons=tuple(pairs))
    return Material(
        task, Chat(tokenizer), (), lambda example, _: example.turns,
        context=min(options.longest, model.config.max_position_embeddings), epochs=options.epochs,
        seed=SEED, model=options.model, folder=options.out / folder, quiet=options.quiet,
    )  # fmt: skip


def recipe_of(options: argparse.Namespace, rate: float) -> Recipe:
    width = load_parts(options.model)[0].config.get_text_config().hidden_size
    return Recipe(learning_rate=LoRA().rate * usual_rate(width) * rate, seed=SEED, epochs=1)


# ---- the two methods -----------------------------------------------------------------------------


def reward_model(pairs: Pairs, options: argparse.Namespace) -> Iterator[list[Cell]]:
    """How often the reward of the better answer is the higher one."""
    material = material_of(pairs.train, options, "reward")
    model = fit(material, Reward(), LoRA(), recipe_of(options, Reward.rate))
    for name, part in pairs.measured.items():
        scores = [model.score_rows([r[i] for r in encoded(part, material)]) for i in (0, 1)]
        margins = [a - b for a, b in zip(*scores, strict=True)]
        yield row(f"reward model, {name} pairs", margins, part)


def dpo(pairs: Pairs, options: argparse.Namespace) -> Iterator[list[Cell]]:
    """How often, and by how much, the better answer gains on the worse."""
    material = material_of(pairs.train, options, "dpo")
    policy = attach(load_parts(options.model)[0], LoRA(), SEED)
    objective = DPO(layout=Layout(material.chat.pad, attends_by_row(policy)))
    folder = material.folder
    parts = pairs.measured
    before = {n: leads(policy, p, material, objective.layout) for n, p in parts.items()}
    yield row("likelihood, before, held-out pairs", before["held-out"], pairs.held_out)
    rows = with_reference(policy, objective.rows(material), objective.layout, folder, options.quiet)
    train(policy, objective, rows, recipe_of(options, DPO.rate), folder, options.quiet)
    forget_checkpoints(folder)
    after = {n: leads(policy, p, material, objective.layout) for n, p in parts.items()}
    yield row("likelihood, after DPO, held-out pairs", after["held-out"], pairs.held_out)
    for name, part in parts.items():
        gains = [b - a for a, b in zip(before[name], after[name], strict=True)]
        yield row(f"gain by DPO, {name} pairs", gains, part)


def encoded(part: Sequence[Comparison], material: Material) -> list[Any]:
    """Both answers of every pair as token rows; what is longer than the context is cut in front."""
    return [[keep_end(r, material.context) for r in material.compared(c)] for c in part]


def keep_end(answer: Any, length: int) -> Any:
    return replace(answer, tokens=answer.tokens[-length:], learned=answer.learned[-length:])


@torch.no_grad()
def leads(policy: Any, part: Any, material: Material, layout: Layout) -> list[float]:
    """Log-probability of the better answer minus that of the worse, nats, of every pair."""
    policy.eval()
    rows = [answer for pair in encoded(part, material) for answer in pair]
    values = [0.0] * len(rows)
    for batch in by_length(rows):
        for i, value in zip(batch, row_logprobs(policy, layout([rows[i] for i in batch])).tolist()):
            values[i] = value
    return [a - b for a, b in zip(values[::2], values[1::2])]


# ---- what is printed -----------------------------------------------------------------------------


def row(name: str, margins: Sequence[float], part: Sequence[Comparison]) -> list[Cell]:
    marks = [0.5 if m == 0 else float(m > 0) for m in margins]
    accuracy = interval(marks, [beginning(c) for c in part])
    return [name, accuracy, sum(margins) / len(margins), len(part)]


def measure(options: argparse.Namespace) -> Table:
    """Rows are printed as they are found."""
    found = load_preferences([File(path="{data}/" + PATH)], Path(), options.data_folder)
    pairs = cut(found.comparisons, options.held_out, options.pairs)
    lengths = [float(len(a) - len(b)) for a, b in (c.answers for c in pairs.held_out)]
    note = (
        f"{found.accounts[0].lines()[0].partition(': ')[2]}; {len(pairs.train):,} pairs to train "
        f"on, epochs: {options.epochs}"
    )
    rows: list[list[Cell]] = []
    print(Table(COLUMNS, rows).markdown())
    longer = row("the longer answer, held-out pairs", lengths, pairs.held_out)
    for line in chain([longer], reward_model(pairs, options), dpo(pairs, options)):
        rows.append(line)
        print(Table(COLUMNS, [line]).markdown().splitlines()[-1], flush=True)
    return Table(COLUMNS, rows, note)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--pairs", type=int, default=1_000, help="most pairs to train on")
    parser.add_argument("--held-out", type=int, default=600, help="least pairs to measure on")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--longest", type=int, default=512, help="tokens of prompt and answer")
    parser.add_argument("--out", type=Path, default=Path("runs/preferences"))
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    begun = time.process_time()
    table = measure(options)
    print(f"\n{table.note}; {(time.process_time() - begun) / 60:.1f} minutes of processor time")
    if options.save:
        write_json(options.save, {"model": options.model} | table.to_json())


if __name__ == "__main__":
    main()
