"""How fledgling was made: tokenizer, packed rows, two phases of pre-training, half precision.

    tailorbird pretrain OUT --data-folder DATA --tokens 8e6

Every step is kept under OUT/work and resumed: a killed run goes on at its last checkpoint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tailorbird.models.chat import Chat, Row
from tailorbird.models.fledgling.mix import Document, documents
from tailorbird.models.fledgling.shape import config, wired_init
from tailorbird.models.fledgling.tokenizer import train_tokenizer
from tailorbird.progress import progress
from tailorbird.store import write_atomic
from tailorbird.task.types import Message
from tailorbird.train.engine import TrainingReport, train
from tailorbird.train.objectives.pretrain import Pretrain
from tailorbird.train.recipe import Recipe
from tailorbird.train.rows import PackedRows, pack

TOKENIZER_DOCUMENTS = 30_000
STEP_TOKENS = 4096


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one row length."""

    name: str
    length: int
    """Tokens per packed row."""
    share: float
    """Of all tokens."""
    schedule: Any
    seed: int
    isolate: bool
    """Whether documents in a row are hidden from each other."""


PHASES = (
    Phase("short", 512, 0.7, "constant", 1, True),
    # Few documents are long. Seeing those before them teaches far positions, and to disregard
    # what does not belong.
    Phase("long", 1024, 0.3, "linear", 2, False),
)


def pretrain(
    out: Path, text_folder: Path | None, tokens: float, seed: int = 0, quiet: bool = False
) -> list[TrainingReport]:
    """Train a model from nothing on about `tokens` tokens; write it to `out` in half precision."""
    work = out / "work"
    tokenizer = _tokenizer(work, text_folder, seed)
    reports = []
    model = _start(work, len(tokenizer), seed)
    for phase in PHASES:
        rows = _rows(work, tokenizer, phase, int(tokens * phase.share), text_folder, seed, quiet)
        folder = work / phase.name
        finished = folder / "model"
        if not finished.is_dir():
            reports.append(train(model, Pretrain(), rows, _recipe(phase, seed), folder, quiet))
            model.save_pretrained(finished)
        model = LlamaForCausalLM.from_pretrained(finished, dtype=torch.float32)
    export(model, tokenizer, out)
    return reports


def export(model: Any, tokenizer: Any, out: Path) -> None:
    """Write model (float16) and tokenizer."""
    model.to(torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)


def _recipe(phase: Phase, seed: int) -> Recipe:
    return Recipe(
        optimizer="muon", learning_rate=0.01, epochs=1, batch_size=STEP_TOKENS // phase.length,
        warmup_steps=20 if phase.name == "short" else 0, schedule=phase.schedule,
        group_by_length=False, save_every=100, seed=seed,
    )  # fmt: skip


def _start(work: Path, vocabulary: int, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config(vocabulary))
    wired_init(model, seed)
    return model


def _tokenizer(work: Path, text_folder: Path | None, seed: int) -> PreTrainedTokenizerFast:
    folder = work / "tokenizer"
    if not folder.is_dir():
        sample = islice(documents(seed + 1000, text_folder), TOKENIZER_DOCUMENTS)
        train_tokenizer(sample).save_pretrained(folder)
    loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return loaded


def token_rows(stream: Iterator[Document], tokenizer: Any, longest: int) -> Iterator[Row]:
    """Conversations learn what the assistant says; running text learns all of itself."""
    chat = Chat(tokenizer)
    for document in stream:
        if document.messages is not None:
            turns = tuple(Message(m["role"], m["content"]) for m in document.messages)  # type: ignore[arg-type]
            row = chat.conversation(turns)
            # Cut in two, a question would be answered without its passage.
            if len(row.tokens) <= longest:
                yield row
        else:
            ids = tokenizer(f"<|text|>{document.text}<|end|>", add_special_tokens=False).input_ids
            yield Row(tuple(ids), (1,) * len(ids))


def _rows(
    work: Path, tokenizer: Any, phase: Phase, tokens: int, text_folder: Path | None, seed: int,
    quiet: bool,
) -> PackedRows:  # fmt: skip
    count = tokens // phase.length
    files = [work / f"{phase.name}-{part}.npy" for part in ("tokens", "learned", "segment")]
    if not all(f.is_file() for f in files):
        stream = token_rows(documents(seed + phase.seed, text_folder), tokenizer, phase.length)
        packed = pack(stream, phase.length, tokenizer.pad_token_id, phase.isolate)
        rows = []
        with progress(f"writing {phase.name} rows", count, quiet) as tick:
            for row in islice(packed, count):
                rows.append(row)
                tick(1)
        for file, part in zip(files, ("tokens", "learned", "segment")):
            dtype = np.int8 if part == "learned" else np.uint16
            _save(file, np.stack([getattr(r, part) for r in rows]).astype(dtype))
    return PackedRows(*(np.load(f, mmap_mode="r") for f in files))


def _save(file: Path, array: Any) -> None:
    def write(path: Path) -> None:
        with path.open("wb") as handle:
            np.save(handle, array, allow_pickle=False)

    write_atomic(file, write)
