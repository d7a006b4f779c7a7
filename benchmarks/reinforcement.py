"""Whether a model gets better by its own answers: sums that it sometimes gets right.

    python benchmarks/reinforcement.py [--model fledgling] [--learned 350] [--held-out 200]
        [--objectives grpo ppo] [--epochs 2] [--rate R] [--out FOLDER] [--save FILE.json]

Sums of a number up to 99 and one up to 9 are dealt out: some to a short SFT, some to the
reinforcement that goes on from it, where `exact` is the reward, and some are held out. Each stage
is marked on the held-out sums: the mean reward of four drawn answers, and how many are right when
the model says what it finds likeliest. A run that was killed goes on where it was.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.approaches.base import Run, make_approach
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.models.base import Sampling
from tailorbird.models.local import LocalModel
from tailorbird.store import read_jsonl, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.strict import parse
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import Example, Message, Prediction

GOAL = "Answer with a number."
DRAWS = 4
SFT = {"epochs": 8, "batch_size": 16}
SPEC: dict[str, Any] = {
    "name": "sums",
    "goal": GOAL,
    "kind": "answer",
    "data": {"train": "train.jsonl", "test": "test.jsonl"},
    "outputs": {"max_tokens": 6},
    "bar": {"primary": {"metric": "exact", "at_least": 0.8}},
    "rungs": ["fine_tuned"],
}


@dataclass(frozen=True)
class Sums:
    """Sums, dealt out by a seed."""

    learned: int
    """Shown with their results to the SFT."""
    held_out: int

    def task(self, part: str) -> Task:
        """The sums of the SFT, of the reinforcement, or held out, as the training split."""
        pairs = [(a, b) for a in range(1, 100) for b in range(1, 10)]
        random.Random(0).shuffle(pairs)
        cut = self.held_out + self.learned
        parts = {
            "held out": pairs[: self.held_out],
            "sft": pairs[self.held_out : cut],
            "reinforcement": pairs[cut:],
        }
        examples = tuple(
            Example(f"{a}+{b}", f"What is {a} + {b}?", str(a + b)) for a, b in parts[part]
        )
        return Task(parse(TaskSpec, SPEC, "task.yaml"), {"train": examples})


@dataclass(frozen=True)
class Marks:
    """What a model gets on the held-out sums."""

    drawn: Estimate
    """Mean reward of answers drawn at temperature 1."""
    likeliest: Estimate
    """Right answers when nothing is drawn."""

    @classmethod
    def of(cls, model: LocalModel, task: Task) -> "Marks":
        """Marks of `model`; the draws of one sum are averaged before anything else."""
        examples = task.examples("train")
        prompts = [(Message("system", GOAL), *e.turns) for e in examples]
        greedy = cls._right(task, examples, model.complete(prompts, Sampling(6)))
        draws = [
            cls._right(task, examples, model.complete(prompts, Sampling(6, 1.0, seed=seed)))
            for seed in range(DRAWS)
        ]
        means = [sum(each) / DRAWS for each in zip(*draws, strict=True)]
        return cls(_estimate(means), _estimate(greedy))

    @staticmethod
    def _right(task: Task, examples: Sequence[Example], answers: Sequence[Any]) -> list[float]:
        marks = (
            task.score("exact", e, Prediction(a.text)).value
            for e, a in zip(examples, answers, strict=True)
        )
        return [float(mark or 0.0) for mark in marks]


def _estimate(values: Sequence[float]) -> Estimate:
    made = estimate_mean(values, [None] * len(values), seed=0)
    assert made is not None
    return made


def fit(folder: Path, model: str, task: Task, settings: Mapping[str, Any]) -> LocalModel:
    """The model tuned on `task`, once for every folder."""
    approach = make_approach("fine_tuned", settings)
    approach.fit(task, Run(folder, model, folder / "cache"))
    return LocalModel.load(model, folder / "adapter")


def merged(model: LocalModel, folder: Path) -> str:
    """`model` as a folder of its own, to go on from."""
    model.model.save_pretrained(folder)
    model.chat.tokenizer.save_pretrained(folder)
    return str(folder)


def shown(estimate: Estimate) -> str:
    value, low, high = (100 * v for v in (estimate.value, estimate.low, estimate.high))
    return f"{value:.0f} % [{low:.0f}, {high:.0f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--learned", type=int, default=350)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--objectives", nargs="+", default=["grpo", "ppo"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, help="learning rate; by default the usual one")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    sums = Sums(given.learned, given.held_out)
    held_out = sums.task("held out")
    print(f"{'':10} {'drawn':>18} {'likeliest':>18} {'minutes':>8}")
    started = fit(out / "sft", given.model, sums.task("sft"), SFT)
    rows = [report("sft", Marks.of(started, held_out), 0.0)]
    base = merged(started, out / "start")
    for name in given.objectives:
        settings = {"objective": name, "epochs": given.epochs, "learning_rate": given.rate}
        begun = time.monotonic()
        tuned = fit(out / name, base, sums.task("reinforcement"), settings)
        minutes = (time.monotonic() - begun) / 60
        rows.append(report(name, Marks.of(tuned, held_out), minutes))
        curve(out / name / "training" / "log.jsonl")
    if given.save:
        write_json(given.save, rows)


def report(name: str, marks: Marks, minutes: float) -> dict[str, Any]:
    drawn, likeliest = shown(marks.drawn), shown(marks.likeliest)
    print(f"{name:10} {drawn:>18} {likeliest:>18} {minutes:8.1f}", flush=True)
    return {
        "stage": name,
        **{
            kind: [e.value, e.low, e.high]
            for kind, e in (("drawn", marks.drawn), ("likeliest", marks.likeliest))
        },
    }


def curve(log: Path) -> None:
    """Mean reward in training, in ten parts."""
    rewards = [row["reward"] for row in read_jsonl(log) if "reward" in row]
    size = max(1, len(rewards) // 10)
    parts = [rewards[i : i + size] for i in range(0, len(rewards) - size + 1, size)]
    print("           " + " ".join(f"{sum(p) / len(p):.2f}" for p in parts), flush=True)


if __name__ == "__main__":
    main()
