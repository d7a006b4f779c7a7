"""Meaning as the task's own past queries teach it: a sentence encoder tuned on them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tailorbird.errors import TaskError
from tailorbird.models.encoder import embed
from tailorbird.retrieve.base import Case, Hit, best_hits
from tailorbird.store import digest, write_atomic

if TYPE_CHECKING:
    from tailorbird.retrieve._tuning import Reader

_EPOCHS = 2
_MOST = 4000
"""Past queries learned from, drawn at random where there are more."""
_VERSION = 1
"""Part of the cache's key: raise it when training changes."""


@dataclass(frozen=True)
class Trained:
    """Cosine of the text to the nearest part of the query, the query read by a tuned encoder."""

    texts: Any
    """float32[N, D], unit length, by the encoder before it was tuned."""
    reader: "Reader"

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Train on `cases`, or read what was trained on them before from `cache`.

        Raises `TaskError` without cases.
        """
        if not cases:
            raise TaskError(
                "the retriever trained learns from past queries whose right text is known, and "
                "there are none",
                hint="name the column with the ids of the supporting documents under data.columns "
                "(sources), or retrieve with hybrid, which learns nothing",
            )
        import torch

        from tailorbird.retrieve._tuning import Reader, tune
        from tailorbird.train.engine import load_trained, save_trained

        built = cls(embed(texts, cache), Reader.untuned())
        model = built.reader.parts.model
        with tempfile.TemporaryDirectory() as scratch:
            folder = cache or Path(scratch)
            name = f"trained-{digest([_VERSION, *texts, *cases])[:16]}"
            weights = folder / f"{name}.safetensors"
            if weights.is_file():
                load_trained(model, weights)
            else:
                queries = [built.reader.read(q, found) for q, found in _by_query(cases)]
                tune(built.reader, torch.from_numpy(built.texts), queries, _EPOCHS, folder / name)
                save_trained(model, weights)
        return built

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        if not queries:
            return []
        import torch

        read = [self.reader.read(q) for q in queries]
        return [best_hits(row, k) for row in self.reader.scores(torch.from_numpy(self.texts), read)]

    def save(self, folder: Path) -> None:
        """Write the vectors, and the weights that were tuned."""
        from safetensors.numpy import save_file

        from tailorbird.train.engine import save_trained

        vectors = {"texts": np.ascontiguousarray(self.texts)}
        write_atomic(folder / "texts.safetensors", lambda path: save_file(vectors, path))
        save_trained(self.reader.parts.model, folder / "reader.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the vectors and the weights."""
        from safetensors.numpy import load_file

        from tailorbird.retrieve._tuning import Reader
        from tailorbird.train.engine import load_trained

        reader = Reader.untuned()
        load_trained(reader.parts.model, folder / "reader.safetensors")
        return cls(load_file(folder / "texts.safetensors")["texts"], reader)


def _by_query(cases: Sequence[Case]) -> list[tuple[str, tuple[int, ...]]]:
    """Each query once, with the texts that answer it."""
    grouped: dict[str, set[int]] = {}
    for query, text in cases:
        grouped.setdefault(query, set()).add(text)
    queries = [(q, tuple(sorted(found))) for q, found in grouped.items()]
    return queries if len(queries) <= _MOST else Random(0).sample(queries, _MOST)


RETRIEVER = Trained
