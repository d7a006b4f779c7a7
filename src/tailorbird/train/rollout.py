"""Answers that a model writes while it is in training, and how likely it finds them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tailorbird.models.base import Sampling
from tailorbird.models.chat import Chat, Row
from tailorbird.models.decoding import Decoder
from tailorbird.task.types import Example
from tailorbird.train.objectives.base import Layout, token_logits, token_logprobs
from tailorbird.train.policy import split
from tailorbird.train.reference import by_length
from tailorbird.train.rows import Batch

AT_ONCE = 64
"""Answers that are written at the same time."""


@dataclass(frozen=True, slots=True)
class Written:
    """One answer."""

    example: Example
    row: Row
    """The prompt, and what was drawn after it: all of that is learned, the end token included."""
    text: str
    ended: bool
    """False where it was cut off at the longest length."""

    @property
    def length(self) -> int:
        """Tokens drawn."""
        return sum(self.row.learned)


@dataclass(frozen=True, slots=True)
class Credited:
    """An answer with numbers for each of its drawn tokens: how good it was, how likely then."""

    row: Row
    credit: Mapping[str, Sequence[float]]

    @property
    def tokens(self) -> tuple[int, ...]:
        """Prompt and answer."""
        return self.row.tokens

    @property
    def learned(self) -> tuple[int, ...]:
        """1 where a token was drawn."""
        return self.row.learned


def collate(rows: Sequence[Credited], layout: Layout) -> Batch:
    """The rows as `layout` lays them out, with every credit as float32[L]: one number for each
    learned token, row by row, as `token_logits` gives them."""
    batch = layout([r.row for r in rows])
    for name in rows[0].credit:
        batch[name] = torch.tensor([value for r in rows for value in r.credit[name]])
    return batch


@dataclass(frozen=True)
class Writer:
    """Draws answers from a model as it is now."""

    chat: Chat
    max_tokens: int
    temperature: float = 1.0

    def write(
        self, model: nn.Module, prompts: Sequence[tuple[Example, Sequence[int]]], seed: int
    ) -> list[Written]:
        """One answer to each prompt; one that stands there several times gets several.

        Equal seeds draw equal answers from equal weights; no global random number is used.
        """
        # A new decoder for every call: what one keeps of a shared prefix is of the old weights.
        causal, opening = split(model)
        decoder = Decoder(causal, self.chat.ends, self.chat.pad, AT_ONCE, opening, keep_end=True)
        sampling = Sampling(self.max_tokens, self.temperature, seed=seed)
        with evaluating(model):
            answers = decoder.generate([ids for _, ids in prompts], sampling)
        return [
            self._written(example, ids, answer)
            for (example, ids), answer in zip(prompts, answers, strict=True)
        ]

    def _written(self, example: Example, prompt: Sequence[int], answer: list[int]) -> Written:
        row = Row((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))
        return Written(example, row, self.chat.text(answer), answer[-1] in self.chat.ends)


# ---- how likely ------------------------------------------------------------------------------


def drawn_logprobs(model: nn.Module, batch: Batch, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities (nats) float32[L] of the learned tokens as they were drawn, and their row
    int64[L]."""
    if temperature == 1:
        return token_logprobs(model, batch)
    logits, targets, row = token_logits(model, batch)
    logits = logits / temperature
    return logits.gather(1, targets[:, None])[:, 0] - logits.logsumexp(1), row


Measure = Callable[[nn.Module, Batch], Tensor]
"""Gives a number, or several, for every learned token of a batch: float32[L] or float32[L, N]."""


@torch.no_grad()
def per_token(
    model: nn.Module, rows: Sequence[Row], layout: Layout, measure: Measure
) -> list[Tensor]:
    """What `measure` says of the learned tokens of each row, without dropout; on the CPU."""
    device = next(model.parameters()).device
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    with evaluating(model):
        for indices in by_length(rows):
            batch = {k: v.to(device) for k, v in layout([rows[i] for i in indices]).items()}
            lengths = [sum(rows[i].learned) for i in indices]
            parts = torch.split(measure(model, batch).cpu(), lengths)
            for i, part in zip(indices, parts, strict=True):
                found[i] = part
    return found


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Within it, `model` is without dropout."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
