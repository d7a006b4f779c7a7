"""Slips of the finger: neighbouring keys, letters swapped, doubled or left out."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.perturbations.base import each, plain_words, rewritten

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {
    key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _ROWS for i, key in enumerate(row)
}


@dataclass(frozen=True)
class Typos:
    """A slip in some of the words of four letters or more."""

    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of those words that get one; at least one word does."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """None where no word is long enough."""
        return each(texts, seed, self._one)

    def _one(self, text: str, rng: random.Random) -> str | None:
        long = [span for span in plain_words(text) if span[1] - span[0] >= 4]
        if not long:
            return None
        hit = rng.sample(long, max(1, round(self.rate * len(long))))
        return rewritten(text, {span: _slip(text[slice(*span)], rng) for span in hit})


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    slips = (
        before + rng.choice(_BESIDE[letter]) + after,
        before + after[0] + letter + after[1:],
        before + letter + letter + after,
        before + after,
    )
    return rng.choice([s for s in slips if s != word])


PERTURBATION = Typos
