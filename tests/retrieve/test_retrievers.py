import math
from pathlib import Path

import numpy as np
import pytest

from tailorbird.errors import TaskError
from tailorbird.retrieve import base
from tailorbird.retrieve.base import Hit
from tailorbird.retrieve.dense import Dense
from tailorbird.retrieve.hybrid import Hybrid, _fuse
from tailorbird.retrieve.sparse import Sparse, words

TEXTS = ("red apple", "red red cherry tart", "green leaf", "blue sky above")


# ---- sparse ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Claims, claimed; CLAIMING!", ["claim"] * 3),
        ("The policy's excess", ["the", "policy", "excess"]),
        ("price prices priced pricing", ["pric"] * 4),
        ("an address, two addresses", ["an", "address", "two", "address"]),
        ("bus is gas", ["bus", "is", "gas"]),
        ("TX-204 isn't", ["tx-204", "isn't"]),
        ("Überweisung für 数字", ["überweisung", "für", "数字"]),
        ("user_name", ["user", "nam"]),
        ("", [""]),
        ("🙂 !?", [""]),
    ],
)
def test_words(text: str, found: list[str]):
    assert words(text) == found


def test_scores_are_bm25_by_hand():
    """Lucene's variant, k1 = 1.5 and b = 0.75: idf · tf / (tf + k1 (1 − b + b · length / mean))."""
    (row,) = Sparse.build(TEXTS).search(["red"], 4)
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    mean = (2 + 4 + 2 + 3) / 4

    def score(tf: int, length: int) -> float:
        return idf * tf / (tf + 1.5 * (0.25 + 0.75 * length / mean))

    assert [h.index for h in row] == [1, 0, 2, 3]
    wanted = [score(2, 4), score(1, 2), 0, 0]
    assert [h.score for h in row] == pytest.approx(wanted, abs=1e-5)


def test_rarer_words_weigh_more():
    (row,) = Sparse.build(["the red one", "the one", "the other", "a rare one"]).search(
        ["the rare"], 1
    )
    assert row[0].index == 3


def test_words_in_no_text_find_the_first_texts_with_nothing():
    assert Sparse.build(TEXTS).search(["zebra"], 2) == [[Hit(0, 0.0), Hit(1, 0.0)]]


# ---- dense and hybrid ------------------------------------------------------------------------


def test_dense_scores_are_cosines():
    (row,) = Dense.build(TEXTS).search([TEXTS[2]], 4)
    assert row[0].index == 2
    assert row[0].score == pytest.approx(1, abs=1e-5)
    assert all(-1.001 <= h.score <= 1.001 for h in row)


def hits(*indices: int) -> list[Hit]:
    return [Hit(i, -float(n)) for n, i in enumerate(indices)]


@pytest.mark.parametrize(
    ("one", "other", "fused"),
    [
        ((1, 2, 3), (1, 2, 3), [1, 2, 3]),
        ((1, 2), (2, 1), [1, 2]),  # a tie: the order of the texts
        ((3, 1), (1, 2), [1, 3, 2]),  # found by both beats best of one
        ((5,), (), [5]),
        ((), (), []),
    ],
)
def test_fusion_orders_by_ranks(one: tuple[int, ...], other: tuple[int, ...], fused: list[int]):
    assert [h.index for h in _fuse([hits(*one), hits(*other)])] == fused


def test_fused_scores_are_sums_of_reciprocal_ranks():
    assert _fuse([hits(7, 8), hits(8, 7)])[0].score == pytest.approx(1 / 61 + 1 / 62)


def test_hybrid_finds_by_word_and_by_meaning():
    texts = ["Spare part TX-204", "Canines bark at night", "The bank is closed", "Rain and wind"]
    by_word, by_meaning = Hybrid.build(texts).search(["TX-204", "a dog makes noise"], 1)
    assert (by_word[0].index, by_meaning[0].index) == (0, 1)


# ---- kinds and folders -----------------------------------------------------------------------


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(TaskError, match='did you mean "sparse"'):
        base.build("sparce", TEXTS)


@pytest.mark.parametrize("kind", ["sparse", "dense", "hybrid"])
def test_a_folder_says_which_kind_loads_it(kind: str, tmp_path: Path):
    built = base.build(kind, TEXTS)
    base.save(built, tmp_path / "index")
    loaded = base.load(tmp_path / "index")
    assert type(loaded) is type(built)
    assert [h.index for h in loaded.search(["cherry"], 4)[0]] == [
        h.index for h in built.search(["cherry"], 4)[0]
    ]


def test_embeddings_are_read_back_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tailorbird.models import encoder

    texts = ["kept between runs", "and this one, too"]
    first = encoder.embed(texts, tmp_path)
    monkeypatch.setattr(encoder, "_encoder", lambda name: pytest.fail("the cache was not read"))
    np.testing.assert_array_equal(encoder.embed(texts, tmp_path), first)
