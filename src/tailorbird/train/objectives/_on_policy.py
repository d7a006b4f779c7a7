"""What objectives share that learn from answers the model wrote a moment ago."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.task.types import Example
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import PADDED, Layout, Mean
from tailorbird.train.reference import Reference
from tailorbird.train.rewards import Reward, Settings, make_reward
from tailorbird.train.rollout import Credited, Writer, Written, collate, drawn_logprobs, per_token
from tailorbird.train.rows import Batch
from tailorbird.train.watchdogs import Pace

Asked = tuple[Example, list[int]]
"""An example and its prompt as token ids."""
_PRIME = 1_000_003


@dataclass(frozen=True)
class Live:
    """What `bound` finds out about a task and its model."""

    writer: Writer
    reward: Reward
    reference: Reference | None
    seed: int
    pace: Pace
    cost: Any = None
    """What divergence from the reference costs, for objectives that steer it."""


@dataclass(frozen=True)
class OnAnswers:
    """A rollout: answers to a batch of prompts, marked; then several steps on them."""

    reward: Settings | None = None
    """What an answer is worth: a scorer, or several with weights, or `model`, the folder of a
    reward model. None: the metric that the bar names first."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Answers are drawn, and their probabilities taken, at this temperature."""
    epochs: Annotated[int, Field(ge=1)] = 1
    """Passes over the answers of a rollout."""
    minibatches: Annotated[int, Field(ge=1)] = 1
    """Optimiser steps of a pass: each takes its share of the answers."""
    time_limit: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds that a rollout may take."""
    layout: Layout = PADDED
    live: Any = None
    """A `Live`, put there by `bound`."""
    uses_reference: ClassVar[bool] = False
    """Its answers are not known beforehand."""

    @property
    def steps_per_rollout(self) -> int:
        """Optimiser steps taken on the answers of one rollout."""
        return self.epochs * self.minibatches

    @property
    def anchored(self) -> bool:
        """Whether the model as it is now must be kept."""
        raise NotImplementedError

    def bound(self, material: Material, model: nn.Module) -> Self:
        """The same, knowing the task."""
        writer = Writer(
            material.chat, material.task.spec.outputs.max_tokens, self.temperature
        )  # fmt: skip
        reference = Reference(model) if self.anchored else None
        reward = make_reward(self.reward, material)
        live = Live(writer, reward, reference, material.seed, Pace(self.time_limit))
        return replace(self, live=live)

    def release(self, model: nn.Module) -> None:
        """Nothing was added to the model."""

    def rows(self, material: Material) -> Sequence[Asked]:
        """Prompts that leave room for an answer, of examples whose answers can be marked."""
        asked = material.prompts()
        room = material.context - self.live.writer.max_tokens
        short = [(e, ids) for e, ids in asked if len(ids) <= room]
        material.leave_out("leave no room for an answer", len(asked) - len(short))
        marks = {id(e): self.live.reward.marks(e) for e, _ in short}
        kept = [(e, ids) for e, ids in short if marks[id(e)]]
        material.leave_out("answers cannot be marked", len(short) - len(kept))
        return kept

    def collate(self, rows: Sequence[Mapping[str, Credited]]) -> Batch:
        """Answers with their credit."""
        return collate([r["row"] for r in rows], self.layout)

    # ---- a rollout ---------------------------------------------------------------------------

    def answered(
        self, model: nn.Module, prompts: Sequence[Asked], step: int
    ) -> tuple[list[Written], Tensor, dict[str, Mean]]:
        """One answer to each prompt, its reward float32[N], and what to watch."""
        live: Live = self.live
        with live.pace.watched(step) as seconds:
            written = live.writer.write(model, prompts, live.seed * _PRIME + step)
            marks = live.reward([w.example for w in written], [w.text for w in written])
        rewards = torch.tensor(marks)
        [(_, commonest)] = Counter(w.text for w in written).most_common(1)
        watched = {
            "reward": Mean.of(rewards),
            "alike": Mean.of(torch.tensor([commonest / len(written)])),
            "length": Mean.of(torch.tensor([w.length for w in written])),
            "empty": Mean.of(torch.tensor([not w.text for w in written])),
            "at_limit": Mean.of(torch.tensor([not w.ended for w in written])),
            "rollout_seconds": Mean.of(torch.tensor(seconds)),
        }
        return written, rewards, watched

    def logprobs(self, model: nn.Module, rows: Sequence[Row]) -> list[Tensor]:
        """Log-probabilities of each row's drawn tokens."""
        return per_token(
            model, rows, self.layout, lambda m, b: drawn_logprobs(m, b, self.temperature)[0]
        )

    def dealt(self, rows: Sequence[Credited], step: int) -> list[list[Credited]]:
        """The rows of every step: each pass takes them in another order."""
        if len(rows) < self.minibatches:
            raise TrainingError(
                f"{len(rows)} answers of a rollout cannot be cut into {self.minibatches} parts",
                hint="lower minibatches, or raise batch_size or samples",
            )
        steps = []
        for number in range(self.epochs):
            draw = torch.Generator().manual_seed((self.live.seed * _PRIME + step) * 997 + number)
            order = torch.randperm(len(rows), generator=draw)
            steps += [[rows[i] for i in part] for part in order.tensor_split(self.minibatches)]
        return steps
