"""The model that is measured, and the probability of plain text under it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from tailorbird.errors import ModelError
from tailorbird.models.files import identify
from tailorbird.models.local import LocalModel, load_parts

SEED = 777
"""Of everything drawn here. Training drew its documents with seeds above a million, the tokenizer
with 1000."""
PASS_TOKENS = 2048
"""Tokens run in one pass, padding included: what a vocabulary of 150,000 lets fit in memory."""


@dataclass(frozen=True)
class Subject:
    """The model that is measured, loaded when a part first asks for it."""

    spec: str

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """Weights and tokenizer: for parts that score plain text."""
        return load_parts(self.spec)

    @cached_property
    def lm(self) -> LocalModel:
        """The same behind the interface of every rung: for parts that hold a conversation."""
        return LocalModel.of(*self.parts, self.spec, identify(self.spec))

    @cached_property
    def start(self) -> int:
        """The token that a text begins with: fledgling's own, else the tokenizer's."""
        tokenizer = self.parts[1]
        own = tokenizer.get_vocab().get("<|text|>")
        known = (own, tokenizer.bos_token_id, tokenizer.eos_token_id)
        for token in known:
            if token is not None:
                return int(token)
        raise ModelError("the tokenizer names no token that a text could begin with")

    def ids(self, text: str) -> list[int]:
        """Tokens of running text, without start and end."""
        return list(self.parts[1](text, add_special_tokens=False).input_ids)


@torch.inference_mode()
def log_probabilities(model: Any, rows: Sequence[Sequence[int]]) -> list[float]:
    """Log-probability (nats) of all tokens of each row but its first."""
    totals = [0.0] * len(rows)
    for batch in batches(rows):
        length = len(rows[batch[-1]])
        spare = [length - len(rows[i]) for i in batch]
        ids = [[*rows[i], *[0] * s] for i, s in zip(batch, spare)]
        wanted = [[*rows[i][1:], *[-100] * s] for i, s in zip(batch, spare)]
        mask = [[1] * len(rows[i]) + [0] * s for i, s in zip(batch, spare)]
        inputs, attention, target = (
            torch.tensor(t, dtype=torch.long, device=model.device) for t in (ids, mask, wanted)
        )
        logits = model(input_ids=inputs, attention_mask=attention).logits[:, :-1].float()
        losses = cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
        for index, loss in zip(batch, losses.view(target.shape).sum(1).tolist()):
            totals[index] = -loss
    return totals


def batches(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Indices in batches of at most `PASS_TOKENS`, shortest first: like lengths, little padding."""
    batch: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        if batch and len(rows[i]) * (len(batch) + 1) > PASS_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
