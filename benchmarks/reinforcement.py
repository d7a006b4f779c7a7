"""Whether a model gets better by its own answers: sums that it sometimes gets right.

    python benchmarks/reinforcement.py [--model fledgling] [--learned 350] [--held-out 200]
        [--objectives grpo ppo] [--epochs 8] [--rate R] [--out FOLDER] [--save FILE.json]

Sums of a number up to 99 and one up to 9 are dealt out: some to a short SFT, some to the
reinforcement that goes on from it, where `exact` is the reward, and some are held out. Each stage
is marked on the held-out sums: the mean reward of four drawn answers, and how many are right when
the model says what it finds likeliest. A run that was killed goes on where it was.
"""

import argparse
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.approaches.base import Run, make_approach
from tailorbird.evaluate.statistics import estimate_mean
from tailorbird.models.base import Sampling
from tailorbird.models.local import LocalModel
from tailorbird.store import read_json, read_jsonl, write_json
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
    """What a model gets on the held-out sums, one mark for each of them."""

    drawn: list[float]
    """Mean reward of `DRAWS` answers drawn at temperature 1."""
    likeliest: list[float]
    """1 where the answer is right when nothing is drawn."""

    @classmethod
    def of(cls, model: LocalModel, task: Task) -> "Marks":
        """Marks of `model`."""
        examples = task.examples("train")
        prompts = [(Message("system", GOAL), *e.turns) for e in examples]

        def right(sampling: Sampling) -> list[float]:
            answers = model.complete(prompts, sampling)
            pairs = zip(examples, (Prediction(a.text) for a in answers), strict=True)
            return [float(task.score("exact", e, p).value or 0.0) for e, p in pairs]

        draws = [right(Sampling(6, 1.0, seed=seed)) for seed in range(DRAWS)]
        return cls([sum(d) / DRAWS for d in zip(*draws, strict=True)], right(Sampling(6)))

    def gain(self, before: "Marks") -> list[float]:
        """Of the drawn answers to each sum."""
        return [now - then for now, then in zip(self.drawn, before.drawn, strict=True)]


def shown(values: Sequence[float], bounded: bool = True) -> str:
    """The mean with its 95 % interval, in per cent; of differences in points."""
    made = estimate_mean(values, [None] * len(values), seed=0, bounded=bounded)
    assert made is not None
    value, low, high = (
        f"{100 * v:{'' if bounded else '+'}.0f}" for v in (made.value, made.low, made.high)
    )
    return f"{value} [{low}, {high}]"


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--learned", type=int, default=350)
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--objectives", nargs="+", default=["grpo", "ppo"])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rate", type=float, help="learning rate; by default the usual one")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    out = given.out or Path(tempfile.mkdtemp())
    sums = Sums(given.learned, given.held_out)
    held_out = sums.task("held out")
    print(f"{'':6} {'drawn, %':>14} {'likeliest, %':>14} {'gain, points':>14} {'minutes':>8}")
    started = fit(out / "sft", given.model, sums.task("sft"), SFT)
    before = Marks.of(started, held_out)
    rows = [row("sft", before)]
    base = merged(started, out / "start")
    for name in given.objectives:
        settings = {"objective": name, "epochs": given.epochs, "learning_rate": given.rate}
        tuned = fit(out / name, base, sums.task("reinforcement"), settings)
        minutes = read_json(out / name / "training" / "training.json")["seconds"] / 60
        rows.append(row(name, Marks.of(tuned, held_out), before, minutes))
        curve(out / name / "training" / "log.jsonl")
    if given.save:
        write_json(given.save, rows)


def row(
    name: str, marks: Marks, before: Marks | None = None, minutes: float | None = None
) -> dict[str, str]:
    """Print the marks of one stage, and what it gained."""
    made = {"drawn": shown(marks.drawn), "likeliest": shown(marks.likeliest)}
    made["gain"] = shown(marks.gain(before), bounded=False) if before else ""
    made["minutes"] = f"{minutes:.1f}" if minutes else ""
    print(
        f"{name:6} {made['drawn']:>14} {made['likeliest']:>14} {made['gain']:>14} "
        f"{made['minutes']:>8}", flush=True,
    )  # fmt: skip
    return {"stage": name} | made


def curve(log: Path) -> None:
    """Mean reward in training, in ten parts."""
    rewards = [row["reward"] for row in read_jsonl(log) if "reward" in row]
    size = max(1, len(rewards) // 10)
    parts = [rewards[i : i + size] for i in range(0, len(rewards) - size + 1, size)]
    print("reward in training: " + " ".join(f"{sum(p) / len(p):.2f}" for p in parts), flush=True)


if __name__ == "__main__":
    main()
