"""Tuning a sentence encoder, so that a query comes to lie beside the text that answers it.

A query is more than its question: greetings, a story, a second question. So it is read in windows
(the whole, each sentence, each two neighbours), and a text is as near as its nearest window is,
smoothly: a maximum would pass gradients to one window only. Texts do not move. One that no past
query asked about keeps its place, and is found by the meaning that the encoder began with.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tailorbird.models.encoder import Network, network
from tailorbird.train.engine import forget_checkpoints, train
from tailorbird.train.objectives.base import PADDED, Layout, Metrics
from tailorbird.train.recipe import Recipe
from tailorbird.train.rows import Batch

SHARPNESS = 20.0
"""What cosines are multiplied by before the softmax over texts; that of sentence-transformers."""
_TUNED_LAYERS = 3
_LEARNING_RATE = 2e-4
_BATCH = 32
_SHORTEST = 4
"""Tokens of a window; shorter ones (a name, a greeting) say nothing."""
_SENTENCE = re.compile(r"[^.?!\n]+[.?!\n]*")


@dataclass(frozen=True)
class Query:
    """A query as the encoder reads it, and how much each text answers it."""

    tokens: Sequence[int]
    windows: Sequence[Sequence[bool]]
    """Of each window, whether each token stands in it."""
    wanted: Any = ()
    """float32[N], adding up to one; empty where it is not known."""

    @property
    def learned(self) -> Sequence[int]:
        """The engine wants to know whether there is something to learn."""
        return [int(len(self.wanted) > 0)]


@dataclass(frozen=True)
class Reader:
    """The encoder, its upper layers ready to be tuned."""

    parts: Network

    @classmethod
    def untuned(cls) -> "Reader":
        """The encoder as it is: dropout off, everything but the upper layers frozen."""
        parts = network()
        model = parts.model
        for part in model.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        model.requires_grad_(False)
        model.encoder.layer[-_TUNED_LAYERS:].requires_grad_(True)
        return cls(parts)

    def read(self, text: str, wanted: Any = ()) -> Query:
        """Tokens and windows of a query."""
        encoded = self.parts.tokenizer(
            text, truncation=True, max_length=self.parts.context, return_offsets_mapping=True
        )
        windows = tuple(_windows(text, encoded["offset_mapping"]))
        return Query(encoded["input_ids"], windows, wanted)

    def collate(self, queries: Sequence[Query]) -> Batch:
        """Padded on the right: tokens int64[B, T], windows float32[B, W, T], rows averaging."""
        longest = max(len(q.tokens) for q in queries)
        most = max(len(q.windows) for q in queries)
        tokens = np.zeros((len(queries), longest), dtype=np.int64)
        windows = np.zeros((len(queries), most, longest), dtype=np.float32)
        mask = np.zeros_like(tokens)
        for row, query in enumerate(queries):
            n = len(query.tokens)
            tokens[row, :n], mask[row, :n] = query.tokens, 1
            windows[row, : len(query.windows), :n] = query.windows
        windows /= np.maximum(1, windows.sum(axis=2, keepdims=True))
        return {
            "input_ids": torch.from_numpy(tokens),
            "attention_mask": torch.from_numpy(mask),
            "windows": torch.from_numpy(windows),
        }

    def scores(self, texts: Any, queries: Sequence[str]) -> Any:
        """How near each of `texts`, float32[N, D], is to each query: float32[Q, N], as cosines."""
        read = [self.read(q) for q in queries]
        order = sorted(range(len(read)), key=lambda i: len(read[i].tokens))
        found = np.zeros((len(read), len(texts)), dtype=np.float32)
        vectors = torch.from_numpy(texts)
        self.parts.model.eval()
        with torch.no_grad():
            for start in range(0, len(order), _BATCH):
                rows = order[start : start + _BATCH]
                batch = self.collate([read[i] for i in rows])
                found[rows] = (nearness(self.parts.model, batch, vectors) / SHARPNESS).numpy()
        return found


def _windows(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[list[bool]]:
    """The whole text, its sentences, and neighbouring sentences together, as marks on tokens."""
    yield [True] * len(offsets)
    ends = np.array([m.end() for m in _SENTENCE.finditer(text)])
    # Tokens without text (begin, end) belong to no sentence.
    sentence = np.array([int((ends <= a).sum()) if b > a else -1 for a, b in offsets])
    marks = [sentence == n for n in range(len(ends))]
    long_enough = [m for m in marks if m.sum() >= _SHORTEST]
    for mark in long_enough:
        yield mark.tolist()
    for one, next_one in pairwise(long_enough):
        yield (one | next_one).tolist()


def nearness(model: nn.Module, batch: Batch, texts: Tensor) -> Tensor:
    """Cosines times `SHARPNESS`, float[B, N]: the log of the mean over windows of their exp."""
    hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    means = batch["windows"] @ hidden.last_hidden_state
    cosines = nn.functional.normalize(means, dim=-1) @ texts.T
    there = batch["windows"].any(dim=2)
    each = (SHARPNESS * cosines).masked_fill(~there[:, :, None], float("-inf"))
    return each.logsumexp(dim=1) - there.sum(dim=1, keepdim=True).log()


@dataclass(frozen=True)
class Contrast:
    """Cross-entropy over all texts (van den Oord et al. 2018, arXiv:1807.03748, equation 4)."""

    reader: Reader
    texts: Tensor
    """float32[N, D], unit length; fixed."""
    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 1.0

    def rows(self, material: Any) -> Sequence[Query]:
        """Its rows are past queries, not a task's examples."""
        raise NotImplementedError("rows are read by Reader.read")

    def collate(self, rows: Sequence[dict[str, Query]]) -> Batch:
        """The queries as one batch, and wanted float32[B, N], rows adding up to one."""
        queries = [r["row"] for r in rows]
        wanted = torch.from_numpy(np.stack([q.wanted for q in queries]))
        return {**self.reader.collate(queries), "wanted": wanted}

    def weight(self, batch: Batch) -> Tensor:
        """Queries."""
        return torch.tensor(len(batch["wanted"]))

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed over queries."""
        texts = self.texts.to(batch["windows"].device)
        logs = nearness(model, batch, texts).log_softmax(dim=1)
        return -(batch["wanted"] * logs).sum(), {}


def tune(
    reader: Reader, texts: Any, queries: Sequence[str], wanted: Any, epochs: int, folder: Path
) -> None:
    """Tune `reader` in place; a run killed before is taken up where `folder` says it was.

    `texts` float32[N, D], unit length; `wanted` float32[Q, N], rows adding up to one.
    """
    rows = [reader.read(query, row) for query, row in zip(queries, wanted)]
    recipe = Recipe(
        learning_rate=_LEARNING_RATE, epochs=epochs, batch_size=_BATCH, warmup_steps=20,
        save_every=100,
    )  # fmt: skip
    train(reader.parts.model, Contrast(reader, torch.from_numpy(texts)), rows, recipe, folder)
    forget_checkpoints(folder)
