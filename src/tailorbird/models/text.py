"""Plain text under local models: how likely it is, and how far two models differ on it."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tailorbird.errors import ModelError

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel

LONGEST = 1000
"""Characters of a stretch of text: short enough for any context, the same for all tokenizers."""
PASS_TOKENS = 2048
"""Tokens run in one pass, padding included: what a vocabulary of 150,000 lets fit in memory."""
_STRETCH = re.compile(rf"(?s).{{1,{LONGEST}}}(?=\s|$)|.{{1,{LONGEST}}}")

Rows = Sequence[Sequence[int]]
Opening = Sequence[tuple[Tensor, Tensor]]
"""Virtual tokens: keys and values float[1, H, N, D] of every layer (see `train.policy.split`)."""


@cache
def general_text() -> tuple[str, ...]:
    """Paragraphs of general English, each on a subject of its own. No model learns from them."""
    text = resources.files("tailorbird.models").joinpath("general.txt").read_text("utf-8")
    return tuple(paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip())


def stretches(texts: Iterable[str]) -> Iterator[str]:
    """Texts cut before white space into stretches of at most `LONGEST` characters."""
    for text in texts:
        yield from (s for s in _STRETCH.findall(text) if s.strip())


def start_of_text(tokenizer: Any) -> int:
    """The token that a text begins with: fledgling's own, else the tokenizer's.

    Raises `ModelError` where there is none.
    """
    known = (
        tokenizer.get_vocab().get("<|text|>"), tokenizer.bos_token_id, tokenizer.eos_token_id,
    )  # fmt: skip
    for token in known:
        if token is not None:
            return int(token)
    raise ModelError("the tokenizer names no token that a text could begin with")


def text_rows(lm: "LocalModel", texts: Iterable[str]) -> list[list[int]]:
    """Texts as tokens after the token that a text begins with; cut where the context ends."""
    tokenizer = lm.chat.tokenizer
    start = start_of_text(tokenizer)
    ids = (tokenizer(text, add_special_tokens=False).input_ids for text in texts)
    return [[start, *each][: lm.context] for each in ids]


# ---- what a model says of rows -------------------------------------------------------------------


def log_probabilities(model: Any, rows: Rows, opening: Opening = ()) -> list[float]:
    """Log-probability (nats) of all tokens of each row but its first."""
    totals = [0.0] * len(rows)
    for batch, logits in read(model, rows, opening):
        for i, own in zip(batch, logits):
            totals[i] = float(token_logprobs(own, rows[i]).sum())
    return totals


def token_logprobs(logits: Tensor, row: Sequence[int]) -> Tensor:
    """Log-probabilities (nats) float32[T-1] of a row's tokens but its first, of its logits
    float32[at least T, V]."""
    wanted = torch.tensor(row[1:], dtype=torch.long, device=logits.device)
    said = logits[: len(wanted)]
    return said.gather(1, wanted[:, None])[:, 0] - said.logsumexp(1)


def bits_of_each(lm: "LocalModel", texts: Sequence[str]) -> list[float]:
    """Bits that the model needs per UTF-8 byte of each text, as far as the context goes."""
    rows = text_rows(lm, texts)
    totals = log_probabilities(lm.model, rows, lm.decoder.opening)
    sizes = (_bytes_read(lm, text, row) for text, row in zip(texts, rows))
    return [-nats / math.log(2) / size for nats, size in zip(totals, sizes)]


def _bytes_read(lm: "LocalModel", text: str, row: Sequence[int]) -> int:
    whole = len(row) < lm.context
    return len((text if whole else lm.chat.tokenizer.decode(row[1:])).encode())


def divergences(tuned: "LocalModel", base: "LocalModel", rows: Rows) -> list[float]:
    """KL(tuned || base) in nats of each row: the mean over what may follow each of its tokens.

    Both have the same tokenizer; vocabularies that were filled up to different sizes are cut.
    """
    found = [0.0] * len(rows)
    both = (read(lm.model, rows, lm.decoder.opening) for lm in (tuned, base))
    for (batch, ours), (_, theirs) in zip(*both, strict=True):
        for i, mine, other in zip(batch, ours, theirs):
            found[i] = float(_divergence(mine, other)[: len(rows[i])].mean())
    return found


def _divergence(ours: Tensor, theirs: Tensor) -> Tensor:
    """KL float32[T] of logits float32[T, V]."""
    size = min(ours.shape[-1], theirs.shape[-1])
    p, q = (each[:, :size].log_softmax(-1) for each in (ours, theirs))
    # What rounding makes of two equal distributions may lie below zero.
    return (p.exp() * (p - q)).sum(-1).clamp(min=0)


@torch.inference_mode()
def read(model: Any, rows: Rows, opening: Opening = ()) -> Iterator[tuple[list[int], Tensor]]:
    """Logits float32[B, T, V] of rows of like length, with the indices of those rows.

    They are padded at the end: of row i the first len(rows[i]) count.
    """
    for batch in batches(rows):
        length = max(len(rows[i]) for i in batch)
        ids = torch.tensor([[*rows[i], *[0] * (length - len(rows[i]))] for i in batch])
        mask = torch.tensor([[1] * len(rows[i]) + [0] * (length - len(rows[i])) for i in batch])
        options: dict[str, Any] = {"use_cache": bool(opening)}
        if opening:
            options["past_key_values"] = cache = DynamicCache(config=model.config)
            for layer, parts in enumerate(opening):
                keys, values = (part.repeat(len(batch), 1, 1, 1) for part in parts)
                cache.update(keys, values, layer)
            mask = torch.cat([mask.new_ones(len(batch), opening[0][0].shape[2]), mask], dim=1)
        inputs = {"input_ids": ids.to(model.device), "attention_mask": mask.to(model.device)}
        yield batch, model(**inputs, **options).logits.float()


def batches(rows: Rows) -> Iterator[list[int]]:
    """Indices in batches of at most `PASS_TOKENS`, shortest first: like lengths, little padding."""
    batch: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        if batch and len(rows[i]) * (len(batch) + 1) > PASS_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
