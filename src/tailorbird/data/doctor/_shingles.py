"""Texts as sets of shingles (runs of words), and the MinHash keys that alike texts share."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from tailorbird.extras import need

SHINGLE = 3
"""Words in a run; a shorter text is one run."""
BANDS, DEPTH = 25, 5
_SEED = 1
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Thai, Lao, Burmese, kana and Han are written without spaces: each character is a word."""
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")
_ODD = np.array(
    [
        0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93,
        0xC2B2AE3D27D4EB4F,
    ],
    np.uint64,
)  # fmt: skip
"""Multipliers that mix the hashes of a run, or the numbers of a band, into one."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Shingled:
    """The shingles of some texts, one text after the other."""

    hashes: Hashes
    """[S]. A shingle that a text has twice is here twice."""
    offsets: NDArray[np.int64]
    """[N + 1]: where each text begins and ends."""

    def of_each(self) -> Iterator[NDArray[np.uint32]]:
        """32 bits of each shingle, text by text: sets of a thousand then share one by chance in
        4,000 comparisons."""
        bits = (self.hashes >> np.uint64(32)).astype(np.uint32)
        for begin, end in pairwise(self.offsets.tolist()):
            yield bits[begin:end]

    def keys(self) -> NDArray[np.uint32]:
        """[N, BANDS]: texts of similarity s share a key in some band with probability
        1 - (1 - s^DEPTH)^BANDS."""
        sketch = need("rensa").RMinHash.digest_matrix_from_flat_token_hashes
        matrix = sketch(self.hashes, self.offsets, BANDS * DEPTH, _SEED)
        numbers = np.array(matrix.to_rows(), np.uint64).reshape(-1, BANDS, DEPTH)
        mixed: Hashes = (numbers * _ODD).sum(axis=2, dtype=np.uint64)
        return (mixed >> np.uint64(32)).astype(np.uint32)


def words(text: str) -> list[str]:
    """The words of a text; one that has none is a word."""
    return _WORD.findall(text) or [text]


def shingled(texts: Sequence[str]) -> Shingled:
    """The shingles of texts that are folded already; a text without words is one shingle."""
    every = [words(t) for t in texts]
    lengths = np.array([len(w) for w in every], np.int64)
    hashed = need("rensa").RMinHash.hash_token_sets(every)
    hashes = np.fromiter(chain.from_iterable(hashed), np.uint64, int(lengths.sum()))
    ends = lengths.cumsum()
    counts = np.maximum(lengths - SHINGLE + 1, 1)
    offsets = np.concatenate([[0], counts.cumsum()])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    first, last = np.repeat(ends - lengths, counts) + place, np.repeat(ends, counts)
    runs = np.zeros(len(first), np.uint64)
    padded = np.concatenate([hashes, np.zeros(SHINGLE, np.uint64)])
    for word in range(SHINGLE):
        runs += np.where(first + word < last, padded[first + word], 0) * _ODD[word]
    return Shingled(_stirred(runs), offsets)


def similarity(one: Set[int], other: Set[int]) -> float:
    """Jaccard: shared shingles over all of two sets, of which one has some."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _stirred(numbers: Hashes) -> Hashes:
    """Every bit of the result depends on every bit (splitmix64: Steele, Lea, Flood 2014)."""
    for shift, factor in ((30, _ODD[1]), (27, _ODD[2])):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * factor
    return numbers ^ (numbers >> np.uint64(31))
