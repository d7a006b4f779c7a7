"""Proximal policy optimisation: a value head tells how good an answer is while it is written.

Schulman et al. 2017, arXiv:1707.06347. For language models as Ziegler et al. 2019,
arXiv:1909.08593, and Stiennon et al. 2020, arXiv:2009.01325: the divergence from the model before
training is taken off the reward of every token, and the mark is given for the last one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, distributed, nn

from tailorbird.store import append_jsonl, read_jsonl
from tailorbird.train.material import Material
from tailorbird.train.objectives._on_policy import Asked, OnAnswers
from tailorbird.train.objectives.base import Mean, Metrics, learned_tokens
from tailorbird.train.objectives.grpo import clipped_surrogate
from tailorbird.train.rollout import Credited, drawn_logprobs, per_token
from tailorbird.train.rows import Batch

HEAD = "value_head"


@dataclass(frozen=True)
class PPO(OnAnswers):
    """The clipped surrogate, with advantages from a value head on the same model."""

    samples: Annotated[int, Field(ge=1)] = 4
    """Answers to each prompt."""
    epochs: Annotated[int, Field(ge=1)] = 4
    """Passes over the answers of a rollout."""
    beta: Annotated[float, Field(ge=0)] = 0.02
    """What a nat of divergence from the model before training costs; 0 leaves it out."""
    target_divergence: Annotated[float, Field(gt=0)] | None = None
    """Nats per answer that `beta` is steered to (Ziegler et al. 2019, section 2.2); None: fixed."""
    missing_end: Annotated[float, Field(ge=0)] = 1.0
    """Taken off the reward of an answer that was cut off at the longest length."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Gamma, per token."""
    trace: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Lambda of generalised advantage estimation: 0 trusts the value head, 1 the reward."""
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The probability ratio counts between 1 - epsilon and 1 + epsilon."""
    epsilon_value: Annotated[float, Field(gt=0)] = 0.2
    """How far a value may go from what it was at the rollout."""
    value_weight: Annotated[float, Field(gt=0)] = 0.1
    """Of the value head's loss, as its gradient also goes into the layers below."""
    rate: ClassVar[float] = 0.3

    @property
    def anchored(self) -> bool:
        """Whether the model as it is now must be kept."""
        return self.beta > 0

    def bound(self, material: Material, model: nn.Module) -> Self:
        """The same, knowing the task, with a value head on the model."""
        _add_head(model)  # before the reference, which holds what is trained
        bound = super().bound(material, model)
        cost = Cost(self.beta, self.target_divergence, material.folder / "divergence.jsonl")
        return replace(bound, live=replace(bound.live, cost=cost))

    def release(self, model: nn.Module) -> None:
        """Take the value head off."""
        delattr(model, HEAD)

    # ---- a rollout ---------------------------------------------------------------------------

    def rollout(
        self, model: nn.Module, prompts: Sequence[Asked], step: int
    ) -> tuple[list[list[Credited]], Metrics]:
        """Answers to each prompt, with advantages and returns for every token."""
        asked = [p for p in prompts for _ in range(self.samples)]
        written, marks, watched = self.answered(model, asked, step)
        rows = [w.row for w in written]
        cut_off = torch.tensor([not w.ended for w in written])
        seen = per_token(model, rows, self.layout, self._logprobs_and_values)
        before, values = ([part[:, i] for part in seen] for i in range(2))
        away = self._divergence(model, rows, before)
        cost: Cost = self.live.cost
        beta = cost.at(step)
        rewards = [-beta * divergence for divergence in away]
        for reward, mark in zip(rewards, marks - self.missing_end * cut_off, strict=True):
            reward[-1] += mark
        advantages = [
            estimated_advantages(r, v, self.discount, self.trace)
            for r, v in zip(rewards, values, strict=True)
        ]
        returns = [a + v for a, v in zip(advantages, values, strict=True)]
        credit = {
            "before": before, "value": values, "return": returns, "advantage": whitened(advantages)
        }  # fmt: skip
        divergence = torch.stack([part.sum() for part in away])
        cost.steer(step, float(_mean_of_all([divergence])[0]))
        watched["beta"] = Mean.of(torch.tensor([beta]))
        watched["zero_signal"] = Mean.of(marks.eq(marks[0]).all())
        if self.anchored:
            watched["kl"] = Mean.of(torch.cat(away))
        credited = [
            Credited(row, {name: parts[i].tolist() for name, parts in credit.items()})
            for i, row in enumerate(rows)
        ]
        return self.dealt(credited, step), watched

    def _divergence(
        self, model: nn.Module, rows: Sequence[Any], before: Sequence[Tensor]
    ) -> list[Tensor]:
        """Nats of each token: what it is likelier now than before training."""
        if not self.anchored:
            return [torch.zeros_like(part) for part in before]
        with self.live.reference.of(model):
            reference = self.logprobs(model, rows)
        return [now - then for now, then in zip(before, reference, strict=True)]

    def _logprobs_and_values(self, model: nn.Module, batch: Batch) -> Tensor:
        """float32[L, 2], of one pass."""
        with _hidden(model) as seen:
            logprobs, _ = drawn_logprobs(model, batch, self.temperature)
        return torch.stack([logprobs, _values(model, seen[0], batch)], dim=1)

    # ---- the loss ----------------------------------------------------------------------------

    def weight(self, batch: Batch) -> Tensor:
        """Drawn tokens."""
        return learned_tokens(batch)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """The clipped surrogate (equation 7), and the clipped error of the values."""
        logprobs, values = self._logprobs_and_values(model, batch).unbind(dim=1)
        ratio = (logprobs - batch["before"]).exp()
        losses = clipped_surrogate(ratio, batch["advantage"], self.epsilon, self.epsilon)
        errors = clipped_error(values, batch["value"], batch["return"], self.epsilon_value)
        watched = {
            "entropy": Mean.of(-batch["before"]),  # its estimate from what was drawn
            "clipped": Mean.of(losses != -ratio * batch["advantage"]),
            "value_loss": Mean.of(errors),
        }
        return (losses + self.value_weight * errors).sum(), watched


# ---- credit --------------------------------------------------------------------------------------


def estimated_advantages(rewards: Tensor, values: Tensor, discount: float, trace: float) -> Tensor:
    """float[T] for the tokens of one answer, of rewards float[T] and values float[T] before each.

    Schulman et al. 2015, arXiv:1506.02438, equations 11 and 16; after the last token all is over.
    """
    following = nn.functional.pad(values[1:], (0, 1))
    surprises = (rewards + discount * following - values).tolist()
    advantages, ahead = [], 0.0
    for surprise in reversed(surprises):
        ahead = surprise + discount * trace * ahead
        advantages.append(ahead)
    return torch.tensor(advantages[::-1])


def whitened(advantages: Sequence[Tensor]) -> list[Tensor]:
    """The same with mean 0 and standard deviation 1, over all answers of all processes."""
    mean, square = _mean_of_all(advantages)
    deviation = (square - mean**2).clamp(min=0).sqrt() + 1e-8
    return [((part - mean) / deviation).float() for part in advantages]


def _mean_of_all(parts: Sequence[Tensor]) -> Tensor:
    """float64[2]: mean, and mean of squares, over all processes."""
    values = torch.cat(list(parts)).double()
    sums = torch.stack([values.sum(), (values**2).sum(), torch.tensor(len(values)).double()])
    if distributed.is_available() and distributed.is_initialized():
        sums = sums.cuda() if distributed.get_backend() == "nccl" else sums
        distributed.all_reduce(sums)
    return (sums[:2] / sums[2]).cpu()


def clipped_error(values: Tensor, before: Tensor, returns: Tensor, most: float) -> Tensor:
    """Half the squared error of each value, of the worse of two: the value as it is, and the value
    not farther than `most` from where it was."""
    near = before + (values - before).clamp(-most, most)
    return 0.5 * torch.max((values - returns) ** 2, (near - returns) ** 2)


@dataclass
class Cost:
    """What a nat of divergence costs; steered to a target, step after step.

    It is kept in a file, so that a resumed run goes on with the same costs.
    """

    first: float
    target: float | None
    file: Path
    after: dict[int, float] = field(default_factory=dict)
    """Step of a rollout -> the cost from then on."""

    def __post_init__(self) -> None:
        self.after = {row["step"]: row["beta"] for row in read_jsonl(self.file)}

    def at(self, step: int) -> float:
        """The cost in the rollout of `step`."""
        known = [s for s in self.after if s < step]
        return self.after[max(known)] if known else self.first

    def steer(self, step: int, divergence: float) -> None:
        """A tenth of the relative error, which counts up to 0.2: Ziegler et al. 2019, section 2.2.

        `divergence`: nats per answer in the rollout of `step`.
        """
        if self.target is None:
            return
        error = min(max(divergence / self.target - 1, -0.2), 0.2)
        kept = {s: beta for s, beta in self.after.items() if s < step}
        self.after = kept | {step: self.at(step) * (1 + 0.1 * error)}
        if not distributed.is_initialized() or distributed.get_rank() == 0:
            row = {"step": step, "beta": self.after[step], "divergence": divergence}
            append_jsonl(self.file, [row])


# ---- the value head ------------------------------------------------------------------------------


def _add_head(model: Any) -> None:
    """A value for every token, 0 at first; trained and checkpointed with the model."""
    head = nn.Linear(model.config.get_text_config().hidden_size, 1)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    model.add_module(HEAD, head.to(next(model.parameters()).device))


@contextmanager
def _hidden(model: Any) -> Iterator[list[Tensor]]:
    """Within it, the hidden states float[B, T, D] of every pass are put in the list."""
    inside = getattr(model, "module", model)  # of DistributedDataParallel
    causal = inside.get_base_model() if hasattr(inside, "get_base_model") else inside
    seen: list[Tensor] = []
    hook = causal.get_decoder().register_forward_hook(
        lambda _, __, out: seen.append(out.last_hidden_state)
    )
    try:
        yield seen
    finally:
        hook.remove()


def _values(model: Any, hidden: Tensor, batch: Batch) -> Tensor:
    """Values float32[L] before the learned tokens."""
    head = getattr(getattr(model, "module", model), HEAD)
    learned = batch["labels"][:, 1:] != -100
    before = hidden[:, -batch["labels"].shape[1] : -1]  # virtual tokens stand in front
    values: Tensor = before[learned].float() @ head.weight[0].float() + head.bias.float()
    return values


OBJECTIVE = PPO
