"""Texts as vectors, by which strategies and weak spots tell what is alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tailorbird.extras import need
from tailorbird.learn.strategies.base import Embed, Floats

TFIDF = "tfidf"
WIDTH = 128
"""Of vectors made of TF-IDF."""


def embedder(
    name: str, lists: Sequence[Sequence[str]], cache: Path | None = None, seed: int = 0
) -> Embed:
    """`tfidf`, or a sentence encoder as `models.encoder` names it.

    Args:
        name: which.
        lists: texts that will be asked for. `tfidf` learns its words from them; an encoder keeps
            the vectors of each list in `cache`.
        cache: a folder, safe to delete.
        seed: of `tfidf`.
    """
    if name == TFIDF:
        return _latent([text for texts in lists for text in texts], seed)

    def embed(wanted: Sequence[str]) -> Floats:
        from tailorbird.models.encoder import embed

        if not wanted:
            return np.zeros((0, 0), np.float32)
        asked = set(wanted)
        for texts in lists:
            if texts and asked.issuperset(texts):
                embed(texts, cache, name)
        found: Floats = embed(wanted, name=name)  # of those lists, nothing is computed again
        return found

    return embed


def _latent(texts: Sequence[str], seed: int) -> Embed:
    """TF-IDF of words, folded to a few dimensions (latent semantic analysis, Deerwester 1990).

    Rarity counts twice: with short texts, small words would else decide what is alike.
    """
    text, decomposition = need("sklearn.feature_extraction.text"), need("sklearn.decomposition")
    words = text.TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]")
    table = words.fit_transform([*texts, "x"]).multiply(words.idf_).tocsr()  # "x": never empty
    width = min(WIDTH, min(table.shape) - 1)
    fold = decomposition.TruncatedSVD(width, random_state=seed).fit(table) if width > 1 else None

    def embed(wanted: Sequence[str]) -> Floats:
        if not wanted:
            return np.zeros((0, 0), np.float32)
        found = words.transform(wanted).multiply(words.idf_).tocsr()
        dense = found.toarray() if fold is None else fold.transform(found)
        lengths = np.linalg.norm(dense, axis=1, keepdims=True)
        scaled: Floats = (dense / np.maximum(lengths, 1e-12)).astype(np.float32)
        return scaled

    return embed
