"""Texts as vectors: alike where texts are, by words and by meaning."""

from pathlib import Path

import numpy as np
import pytest

from tailorbird.learn import select as selecting
from tailorbird.learn.vectors import WIDTH, embedder
from tailorbird.models import encoder

TEXTS = [f"{what} number {i}" for what in ("my parcel is late", "a wrong bill") for i in range(90)]


@pytest.mark.parametrize("name", ["tfidf", "minilm"])
def test_alike_where_texts_are(name: str):
    embed = embedder(name, [TEXTS])
    found = embed(["my parcel is late", "is the parcel late", "the bill is wrong", ""])
    assert found.dtype == np.float32
    assert found[0] @ found[1] > found[0] @ found[2] + 0.1
    assert np.isfinite(found).all()
    assert np.allclose(np.linalg.norm(found[:3], axis=1), 1, atol=1e-5)
    assert len(embed([])) == 0


def test_words_are_folded_and_small_corpora_are_not():
    many = [f"{a} {b}" for a in range(20) for b in range(100, 300)]
    assert embedder("tfidf", [many])(TEXTS[:3]).shape == (3, WIDTH)
    assert embedder("tfidf", [["", " "]])(["", "x"]).shape[0] == 2
    assert embedder("tfidf", [])(["y"]).shape[0] == 1


def test_lists_are_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pool, train = ["a parcel", "a bill"], ["a lamp"]
    first = embedder("minilm", [pool, train], tmp_path)([*pool, *train])
    monkeypatch.setattr(encoder, "_KNOWN", {})

    def refuse(texts: list[str], name: str) -> list[object]:
        assert texts == [], "encoded again"
        return []

    monkeypatch.setattr(encoder, "_encode", refuse)
    again = embedder("minilm", [pool, train], tmp_path)
    assert np.array_equal(again([*pool, *train]), first)
    assert np.array_equal(again(pool), first[:2])


def test_a_selection_compares_words_and_not_letters(label_task, tmp_path: Path):
    """A list of texts in place of a list of lists would be read letter by letter."""
    request = selecting.Request(1, selecting.Strategy, "random", vectors="tfidf")
    looked = label_task.examples("dev")
    pool = selecting._pool(label_task, tmp_path, request, looked, selecting._Found(), ())
    anagram, original = pool.embed(["peeling the kettle yard", "will the kettle arrive"])
    assert anagram @ original < 0.9
    assert pool.vectors.shape[1] > 26
