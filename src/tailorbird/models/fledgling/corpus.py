"""The pre-training mix as packed rows of tokens on the disk, written by all cores, resumable."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from tailorbird.models.chat import Chat, Row
from tailorbird.models.fledgling.mix import Document, documents
from tailorbird.models.fledgling.shape import CONTEXT
from tailorbird.progress import progress
from tailorbird.store import write_text
from tailorbird.task.types import Message
from tailorbird.train.rows import PackedRows, pack

ROW_TOKENS = 4096
"""Tokens of a packed row."""
SHARD_ROWS = 512
"""Rows that one process writes at a time, from a stream of documents of their own."""
PARTS = {"tokens": np.uint16, "learned": np.int8, "segment": np.uint16}
"""The columns of `PackedRow` and how they are kept."""


@dataclass(frozen=True)
class Corpus:
    """`count` rows of documents drawn with `seed`, under `folder`."""

    folder: Path
    tokenizer: Path
    text_folder: Path | None
    count: int
    seed: int

    def rows(self, quiet: bool = False) -> PackedRows:
        """All rows; those that are not on the disk yet are written first."""
        self.allocate()
        missing = self.missing()
        if missing:
            self._write_all(missing, quiet)
        return PackedRows(*(np.load(self._file(part), mmap_mode="r") for part in PARTS))

    def allocate(self) -> None:
        """Make room for all rows on the disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part, dtype in PARTS.items():
            if not self._file(part).is_file():
                np.lib.format.open_memmap(
                    self._file(part), "w+", np.dtype(dtype), (self.count, ROW_TOKENS)
                )

    def missing(self) -> list[int]:
        """The shards that are not on the disk yet."""
        shards = range((self.count + SHARD_ROWS - 1) // SHARD_ROWS)
        return [shard for shard in shards if not self._done(shard).is_file()]

    def _write_all(self, shards: list[int], quiet: bool) -> None:
        # Fresh interpreters: tokenizers and torch run threads that a fork would not survive.
        spawn = multiprocessing.get_context("spawn")
        workers = min(len(shards), os.cpu_count() or 1)
        with (
            progress("writing rows", len(shards), quiet) as tick,
            ProcessPoolExecutor(workers, mp_context=spawn) as pool,
        ):
            for future in as_completed([pool.submit(self.write, shard) for shard in shards]):
                future.result()
                tick(1)

    def write(self, shard: int) -> None:
        """Write the rows of one shard and mark it as done."""
        tokenizer = PreTrainedTokenizerFast.from_pretrained(self.tokenizer)
        stream = documents(self.seed * 1_000_003 + shard, self.text_folder)
        packed = pack(token_rows(stream, tokenizer), ROW_TOKENS, tokenizer.pad_token_id)
        first = shard * SHARD_ROWS
        rows = list(islice(packed, min(SHARD_ROWS, self.count - first)))
        for part in PARTS:
            column = np.load(self._file(part), mmap_mode="r+")
            column[first : first + len(rows)] = [getattr(row, part) for row in rows]
            column.flush()
        write_text(self._done(shard), "")

    def _file(self, part: str) -> Path:
        return self.folder / f"{part}.npy"

    def _done(self, shard: int) -> Path:
        return self.folder / f"shard-{shard}.done"


def token_rows(stream: Iterator[Document], tokenizer: Any, longest: int = CONTEXT) -> Iterator[Row]:
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
