"""Continued pre-training on raw text, and how well a model predicts such text.

Bits per byte compare models with different tokenizers: both must predict the same bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tailorbird.errors import TrainingError
from tailorbird.models.base import Progress
from tailorbird.models.chat import Row
from tailorbird.models.text import stretches
from tailorbird.train.engine import TrainingReport, train
from tailorbird.train.objectives.pretrain import Pretrain
from tailorbird.train.recipe import Recipe
from tailorbird.train.rows import PackedRow, PackedRows, pack


def bits_per_byte(
    model: Any, tokenizer: Any, texts: Sequence[str], progress: Progress | None = None
) -> float:
    """Mean bits that `model` needs per UTF-8 byte of `texts`.

    Each stretch is predicted on its own after the start token (the tokenizer's bos, or else eos).
    Raises `TrainingError` when there is no text.
    """
    nats = size = 0.0
    with torch.no_grad():
        for stretch in stretches(texts):
            ids = torch.tensor([_row(tokenizer, stretch, end=False).tokens], device=model.device)
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
            nats += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
            size += len(stretch.encode())
            if progress:
                progress(1)
    if not size:
        raise TrainingError("there is no text to predict")
    return nats / math.log(2) / size


def pretrain_on(
    model: Any, tokenizer: Any, texts: Sequence[str], recipe: Recipe, folder: Path, quiet: bool
) -> TrainingReport:
    """Train all of `model` in place on `texts`, in packed rows; resumes from `folder`.

    Raises `TrainingError` when there is no text, or where the model's attention cannot be computed
    row by row.
    """
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    rows = [_row(tokenizer, stretch, end=True) for stretch in stretches(texts)]
    longest = max((len(r.tokens) for r in rows), default=0)
    packed = list(pack(rows, max(512, longest), pad))
    if not packed:
        raise TrainingError("there is no text to learn from")
    columns = (np.stack([getattr(r, f.name) for r in packed]) for f in fields(PackedRow))
    report = train(model, Pretrain(), PackedRows(*columns), recipe, folder, quiet)
    model.eval()
    return report


def _row(tokenizer: Any, text: str, end: bool) -> Row:
    start = tokenizer.bos_token_id
    start = tokenizer.eos_token_id if start is None else start
    ids = tokenizer(text, add_special_tokens=False).input_ids
    tokens = (start, *ids, *([tokenizer.eos_token_id] if end else []))
    return Row(tokens, (0,) + (1,) * (len(tokens) - 1))
