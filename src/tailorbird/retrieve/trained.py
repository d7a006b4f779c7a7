"""Meaning and wording as the task's own past queries teach them.

An encoder tuned on past queries finds by meaning, and a linear model of their letters by wording.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tailorbird.errors import TaskError
from tailorbird.models.encoder import embed
from tailorbird.retrieve._wording import Wording
from tailorbird.retrieve.base import Case, Hit, best_hits
from tailorbird.store import digest, write_atomic, write_folder

if TYPE_CHECKING:
    from tailorbird.retrieve._tuning import Reader

_EPOCHS = 2
_MOST = 4000
"""Past queries learned from, drawn at random where there are more."""
_WORDING = 1.0
"""How much a certain wording counts, in cosines."""
_WORDING_BEFORE = 0.5
"""How much it counted in indexes that do not say."""
_VERSION = 3
"""Part of the cache's key: raise it when training changes."""


@dataclass(frozen=True)
class Trained:
    """Cosine of a text to the nearest part of the query, plus what the query's wording says."""

    texts: Any
    """float32[N, D], unit length, by the encoder before it was tuned."""
    reader: "Reader"
    wording: Wording
    weight: float = _WORDING
    """Of the wording."""

    @classmethod
    def build(
        cls, texts: Sequence[str], cache: Path | None = None, cases: Sequence[Case] = ()
    ) -> Self:
        """Train on `cases`; what was trained on the same before is read from `cache`.

        Raises `TaskError` without cases.
        """
        if not cases:
            raise TaskError(
                "the retriever trained learns from past queries whose right text is known, and "
                "there are none",
                hint="name the column with the ids of the supporting documents under data.columns "
                "(sources), or retrieve with hybrid, which learns nothing",
            )
        with tempfile.TemporaryDirectory() as scratch:
            name = f"trained-{digest([_VERSION, *texts, *cases])[:16]}"
            folder = (cache or Path(scratch)) / name
            if not folder.is_dir():
                training = folder.with_name(f"{name}-training")
                write_folder(folder, cls._train(texts, cache, cases, training).save)
            return cls.load(folder)

    @classmethod
    def _train(
        cls, texts: Sequence[str], cache: Path | None, cases: Sequence[Case], folder: Path
    ) -> Self:
        from tailorbird.retrieve._tuning import Reader, tune

        vectors, reader, past = embed(texts, cache), Reader.untuned(), _by_query(cases)
        wanted = np.zeros((len(past), len(texts)), dtype=np.float32)
        for row, found in enumerate(past.values()):
            wanted[row, list(found)] = 1 / len(found)
        tune(reader, vectors, list(past), wanted, _EPOCHS, folder)
        return cls(vectors, reader, Wording.fit(list(past), wanted))

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The best `k` texts per query."""
        if not queries:
            return []
        scores = self.reader.scores(self.texts, queries)
        scores = scores + self.weight * self.wording.scores(queries)
        return [best_hits(row, k) for row in scores]

    def save(self, folder: Path) -> None:
        """Write the vectors, the weights that were tuned and the wordings."""
        from safetensors.numpy import save_file

        from tailorbird.train.engine import save_trained

        arrays = {
            "texts": np.ascontiguousarray(self.texts),
            "weight": np.array([self.weight]),
            **self.wording.arrays(),
        }
        write_atomic(folder / "trained.safetensors", lambda path: save_file(arrays, path))
        save_trained(self.reader.parts.model, folder / "reader.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an index."""
        from safetensors.numpy import load_file

        from tailorbird.retrieve._tuning import Reader
        from tailorbird.train.engine import load_trained

        reader, arrays = Reader.untuned(), load_file(folder / "trained.safetensors")
        load_trained(reader.parts.model, folder / "reader.safetensors")
        (weight,) = arrays.get("weight", [_WORDING_BEFORE])
        return cls(arrays.pop("texts"), reader, Wording.of(arrays), float(weight))


def _by_query(cases: Sequence[Case]) -> dict[str, set[int]]:
    """The texts that answer each query."""
    grouped: dict[str, set[int]] = {}
    for query, text in cases:
        grouped.setdefault(query, set()).add(text)
    if len(grouped) <= _MOST:
        return grouped
    return {query: grouped[query] for query in Random(0).sample(list(grouped), _MOST)}


RETRIEVER = Trained
