"""Group-relative policy optimisation: answers to one prompt are compared with each other.

Shao et al. 2024, arXiv:2402.03300. `scale: none` with `average: longest` is Dr. GRPO (Liu et al.
2025, arXiv:2503.20783); `average: tokens` with `epsilon_high` is the loss of DAPO (Yu et al. 2025,
arXiv:2503.14476).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from tailorbird.train.objectives._on_policy import Asked, OnAnswers
from tailorbird.train.objectives.base import Mean, Metrics, learned_tokens, row_count
from tailorbird.train.rollout import Credited, Written, drawn_logprobs
from tailorbird.train.rows import Batch

_LEAST_DEVIATION = 1e-4


@dataclass(frozen=True)
class GRPO(OnAnswers):
    """The clipped surrogate of PPO with the group's mean reward instead of a value model."""

    samples: Annotated[int, Field(ge=2)] = 8
    """Answers to each prompt."""
    scale: Literal["group", "none"] = "group"
    """group: advantages are divided by the standard deviation of the group's rewards."""
    beta: Annotated[float, Field(ge=0)] = 0.02
    """Weight of the divergence from the model before training; 0 leaves it out."""
    corrected: bool = True
    """Whether the divergence is weighted by the probability ratio, without which its gradient is
    another one than that of the divergence (DeepSeek-AI 2025, arXiv:2512.02556)."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The probability ratio counts down to 1 - epsilon."""
    epsilon_high: Annotated[float, Field(gt=0)] | None = None
    """The probability ratio counts up to 1 + epsilon_high; None: epsilon."""
    average: Literal["tokens", "answers", "longest"] = "tokens"
    """Of what the loss is the mean: all tokens; answers, each the mean of its tokens (long answers
    then count less per token); answers, each the sum of its tokens over the longest length."""
    rate: ClassVar[float] = 0.3

    @property
    def anchored(self) -> bool:
        """Whether the model as it is now must be kept."""
        return self.beta > 0

    def rollout(
        self, model: nn.Module, prompts: Sequence[Asked], step: int
    ) -> tuple[list[list[Credited]], Metrics]:
        """`samples` answers to each prompt, with their advantages within the group."""
        asked = [p for p in prompts for _ in range(self.samples)]
        written, rewards, watched = self.answered(model, asked, step)
        groups = rewards.view(-1, self.samples)
        advantages = group_advantages(groups, self.scale)
        watched["zero_signal"] = Mean.of(advantages.eq(0).all(dim=1))
        rows = self._credited(model, written, advantages.flatten().tolist())
        return self.dealt(rows, step), watched

    def _credited(
        self, model: nn.Module, written: Sequence[Written], advantages: Sequence[float]
    ) -> list[Credited]:
        lengths, rows = [w.length for w in written], [w.row for w in written]
        pairs = list(zip(advantages, lengths, strict=True))
        credit = {
            "advantage": [torch.full((n,), a) for a, n in pairs],
            "share": [torch.full((n,), self._share(n)) for n in lengths],
        }
        if self.steps_per_rollout > 1:  # else they are those of the only step
            credit["before"] = self.logprobs(model, rows)
        if self.beta:
            with self.live.reference.of(model):
                credit["reference"] = self.logprobs(model, rows)
        return [
            Credited(row, {name: values[i].tolist() for name, values in credit.items()})
            for i, row in enumerate(rows)
        ]

    def _share(self, length: int) -> float:
        """Weight of one token of an answer that has `length`."""
        if self.average == "tokens":
            return 1.0
        longest: int = self.live.writer.max_tokens
        return 1 / (length if self.average == "answers" else longest)

    def weight(self, batch: Batch) -> Tensor:
        """Tokens or answers."""
        if self.average == "tokens":
            return learned_tokens(batch)
        return torch.tensor(row_count(batch), device=batch["labels"].device)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """The clipped surrogate, and beta times the divergence from the reference."""
        logprobs, _ = drawn_logprobs(model, batch, self.temperature)
        before = batch.get("before", logprobs.detach())
        ratio = (logprobs - before).exp()
        high = self.epsilon if self.epsilon_high is None else self.epsilon_high
        losses = clipped_surrogate(ratio, batch["advantage"], self.epsilon, high)
        watched = {
            "entropy": Mean.of(-before),  # its estimate from what was drawn
            "clipped": Mean.of(losses != -ratio * batch["advantage"]),
        }
        if self.beta:
            # Schulman 2020, "Approximating KL divergence": k3, unbiased and never negative.
            away = batch["reference"] - logprobs
            divergence = away.exp() - away - 1
            losses = losses + self.beta * divergence * (ratio if self.corrected else 1)
            watched |= {"kl": Mean.of(-away), "k3": Mean.of(divergence)}
        return (losses * batch["share"]).sum(), watched


def group_advantages(rewards: Tensor, scale: Literal["group", "none"]) -> Tensor:
    """Rewards float[P, G] less the mean of their row, over its standard deviation if `scale`."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if scale == "none":
        return centred
    return centred / (rewards.std(dim=1, keepdim=True) + _LEAST_DEVIATION)


def clipped_surrogate(ratio: Tensor, advantage: Tensor, low: float, high: float) -> Tensor:
    """Loss of each token: Schulman et al. 2017, arXiv:1707.06347, equation 7, negated."""
    clipped = ratio.clamp(1 - low, 1 + high)
    return -torch.min(ratio * advantage, clipped * advantage)


OBJECTIVE = GRPO
