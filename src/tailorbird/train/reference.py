"""What the model says before it is trained: the anchor of preference learning.

For the answers of a data set it is computed once, before the first step, and stands in the rows:
every epoch after that costs one model instead of two. For answers that the model writes on the
way, `Reference` gives the model as it was.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tailorbird.models.chat import Row
from tailorbird.progress import progress
from tailorbird.store import digest, write_atomic
from tailorbird.train.objectives.base import Layout, row_logprobs
from tailorbird.train.rows import Answers

BATCH_TOKENS = 4096
"""Tokens of one pass."""


def with_reference(
    model: nn.Module, rows: Sequence[Answers], layout: Layout, folder: Path, quiet: bool = False
) -> list[Answers]:
    """`rows` with what `model` says of every answer now, kept under `folder`.

    A resumed run reads it there: its adapter has moved since.
    """
    distinct = list(dict.fromkeys(answer for row in rows for answer in row.answers))
    file = folder / f"reference-{digest([r.tokens for r in distinct])[:16]}.npy"
    if not file.is_file():
        values = _logprobs(model, distinct, layout, quiet)
        write_atomic(file, lambda path: _save(path, values))
    said = dict(zip(distinct, np.load(file).tolist(), strict=True))
    return [replace(row, reference=tuple(said[a] for a in row.answers)) for row in rows]


def _save(path: Path, values: Any) -> None:
    with path.open("wb") as file:
        np.save(file, values)


@torch.no_grad()
def _logprobs(model: nn.Module, rows: Sequence[Row], layout: Layout, quiet: bool) -> Any:
    """float32[N]: log-probability of what each row learns."""
    training, device = model.training, next(model.parameters()).device
    model.eval()
    values = np.zeros(len(rows), np.float32)
    with progress("asking the reference", len(rows), quiet) as tick:
        for batch in by_length(rows):
            inputs = {k: v.to(device) for k, v in layout([rows[i] for i in batch]).items()}
            values[batch] = row_logprobs(model, inputs).float().cpu().numpy()
            tick(len(batch))
    model.train(training)
    return values


def by_length(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Indices of rows of like length, up to `BATCH_TOKENS` a batch."""
    batch: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: len(rows[i].tokens)):
        if batch and (len(batch) + 1) * len(rows[i].tokens) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class Reference:
    """The model as it is when this is made; it costs the memory of the trained weights alone."""

    def __init__(self, model: nn.Module) -> None:
        self.weights = [p.detach().clone() for p in _trained(model)]

    @contextmanager
    def of(self, model: nn.Module) -> Iterator[None]:
        """Within it, `model` is the reference, without gradients and dropout."""
        parameters, training = _trained(model), model.training
        now = [p.data for p in parameters]
        try:
            for parameter, weight in zip(parameters, self.weights, strict=True):
                parameter.data = weight
            model.eval()
            with torch.no_grad():
                yield
        finally:
            for parameter, weight in zip(parameters, now, strict=True):
                parameter.data = weight
            model.train(training)


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]
