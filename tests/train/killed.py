"""Training that is killed in the middle of a step: run as a script by test_engine.py."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.task.types import Message
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.policy import LoRA, attach
from tailorbird.train.recipe import Recipe

LORA = LoRA(rank=4, alpha=8, dropout=0.1)
COLOURS = ("blue", "green", "red and yellow", "black")


def recipe(**changes: Any) -> Recipe:
    """Twelve steps; a checkpoint every three."""
    return Recipe(**({"batch_size": 2, "epochs": 2, "save_every": 3, "warmup_steps": 2} | changes))


def policy_and_rows(model: str, count: int = 12) -> tuple[Any, list[Any], int]:
    base, tokenizer = load_parts(model)
    chat = Chat(tokenizer)
    rows = [
        chat.row((Message("user", "what colour " * (i % 5) + str(i)),), COLOURS[i % 4])
        for i in range(count)
    ]
    return attach(base, LORA, seed=0), rows, tokenizer.pad_token_id


@dataclass
class Failing:
    """SFT whose loss at one step is what `fail` makes of it."""

    inner: SFT
    at: int
    fail: Any
    calls: int = 0

    @property
    def layout(self) -> Layout:
        return self.inner.layout

    def collate(self, rows: Any) -> Any:
        return self.inner.collate(rows)

    def weight(self, batch: Any) -> Tensor:
        return self.inner.weight(batch)

    def loss(self, model: nn.Module, batch: Any) -> Any:
        self.calls += 1
        loss, metrics = self.inner.loss(model, batch)
        return self.fail(loss) if self.calls == self.at else loss, metrics


def main() -> None:
    from tailorbird.train.engine import train

    model, folder, step = sys.argv[1:]
    policy, rows, pad = policy_and_rows(model)
    killed = Failing(SFT(Layout(pad)), int(step), lambda _: os.kill(os.getpid(), signal.SIGKILL))
    train(policy, killed, rows, recipe(), Path(folder), quiet=True)


if __name__ == "__main__":
    main()
