"""White space and punctuation: doubled spaces, line ends, stops left out or repeated."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tailorbird.data.perturbations.base import each, rewritten, stating

_MARK_OR_GAP = re.compile(r"(?<=[^\W\d])[.,!?](?=\s|$)| (?=\S)")
"""A mark behind a letter and before a gap, as a stop inside a number is part of it; a gap."""
_INSTEAD = {
    " ": (" ",) * 6 + ("  ", "\n"),
    ",": (",", ",", "", " ,"),
    ".": (".", ".", "", "..."),
    "!": ("!", "!", "", "!!!"),
    "?": ("?", "?", "", "???"),
}


@dataclass(frozen=True)
class Spacing:
    """A quarter of the gaps widened or broken, half of the marks left out or repeated."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """None where there is neither a gap nor a mark."""
        return each(texts, seed, _one)


def _one(text: str, rng: random.Random) -> str | None:
    taken = stating(text)
    changes: dict[tuple[int, int], str] = {}
    for found in _MARK_OR_GAP.finditer(text):
        if not any(start < found.end() and found.start() < end for start, end in taken):
            changes[found.span()] = rng.choice(_INSTEAD[found[0]])
    return rewritten(text, changes) if changes else None


PERTURBATION = Spacing
