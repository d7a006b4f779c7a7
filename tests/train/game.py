"""A game of two words, for learning from one's own answers; as a script, one that may be killed.

To every question one word is right, the other wrong. A short SFT on both leaves the model
undecided: its mean reward begins at about a half, and the best one is 1.
"""

import os
import signal
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from building import task
from safetensors.torch import save_file

from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.testing import tiny_checkpoint
from tailorbird.train.engine import TrainingReport, train
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import Layout, make_objective, row_logprobs
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.recipe import Recipe

WORDS = ("left", "right")
QUESTIONS = ("red", "blue", "green", "black", "white", "pink", "grey", "brown")
PAIRS = tuple((f"where is {q}?", WORDS[0]) for q in QUESTIONS)
OUTPUTS = {
    "kind": "answer",
    "bar": {"primary": {"metric": "exact", "at_least": 0.8}},
    "outputs": {"max_tokens": 3},
}


def undecided(folder: Path) -> Path:
    """A tiny checkpoint that says one of the words, and then ends; which, is chance."""
    made = tiny_checkpoint(folder / "random", [f"{q} {a}" for q, a in PAIRS] * 5)
    model, tokenizer = load_parts(str(made))
    chat = Chat(tokenizer)
    rows = [chat.row(e.turns, w) for e in task(PAIRS, **OUTPUTS).examples("train") for w in WORDS]
    sft = SFT(Layout(chat.pad))
    batch = sft.collate([{"row": row} for row in rows])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        (sft.loss(model, batch)[0] / sft.weight(batch)).backward()
        optimizer.step()
    model.save_pretrained(folder / "undecided")
    tokenizer.save_pretrained(folder / "undecided")
    return folder / "undecided"


@dataclass
class Player:
    """A policy with the game as its material."""

    model: str
    folder: Path
    epochs: int = 1
    seed: int = 0
    dropout: float = 0.0

    @cached_property
    def parts(self) -> tuple[Any, Chat]:
        base, tokenizer = load_parts(self.model)
        adapter = LoRA(rank=4, alpha=8, dropout=self.dropout)
        return attach(base, adapter, seed=self.seed), Chat(tokenizer)

    @property
    def policy(self) -> Any:
        return self.parts[0]

    @cached_property
    def material(self) -> Material:
        game = task(PAIRS, **OUTPUTS)
        return Material(
            game, self.parts[1], game.examples("train"), lambda example, _: example.turns, 512,
            self.epochs, self.seed, self.model, self.folder, quiet=True,
        )  # fmt: skip

    def bound(self, objective: Any, end_to_end: bool = False) -> Any:
        layout = Layout(self.parts[1].pad, end_to_end)
        return replace(objective, layout=layout).bound(self.material, self.policy)

    @torch.no_grad()
    def right(self) -> float:
        """Probability of the right word, mean over questions: the expected reward."""
        rows = self.material.answered()
        batch = Layout(self.parts[1].pad)(rows)
        return float(row_logprobs(self.policy.eval(), batch).exp().mean())

    def learn(self, objective: Any, **changes: Any) -> TrainingReport:
        rows = objective.rows(self.material)
        recipe = Recipe(**({"batch_size": 4, "epochs": 1, "warmup_steps": 0} | changes))
        return train(self.policy, objective, rows, recipe, self.folder / "training", quiet=True)


@dataclass
class Stopped:
    """An objective that calls `stop` at one of its losses."""

    inner: Any
    at: int
    stop: Any
    calls: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def loss(self, model: Any, batch: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            self.stop()
        return self.inner.loss(model, batch)


def play(settings: str, model: str, folder: Path, size: int, fatal: int = 0) -> dict[str, Any]:
    """What is trained in the end; killed in the middle of the loss number `fatal`.

    `settings`: an objective and its passes, `ppo:2`. `size`: prompts of one process.
    """
    name, _, passes = settings.partition(":")
    player = Player(model, folder)
    objective = player.bound(make_objective({name: {"epochs": int(passes)}}))
    stopped = Stopped(objective, fatal, lambda: os.kill(os.getpid(), signal.SIGKILL))
    player.learn(stopped, batch_size=size, learning_rate=0.01, save_every=2)
    return {n: p.detach() for n, p in player.policy.named_parameters() if p.requires_grad}


def main() -> None:
    settings, model, folder, size, fatal = sys.argv[1:]
    weights = play(settings, model, Path(folder), int(size), int(fatal))
    if os.environ.get("RANK", "0") == "0":
        save_file(weights, Path(folder) / "trained.safetensors")


if __name__ == "__main__":
    main()
