"""Which of two sentences is the likelier one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tailorbird.evaluate.capabilities.base import Item

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel


def likelier(lm: "LocalModel", pairs: Sequence[tuple[str, str]]) -> list[Item]:
    """Right where the first sentence of a pair has the higher probability, as a text of its own.

    Summed over tokens; what would end the text is not counted (Warstadt et al. 2020).
    """
    from tailorbird.models.text import log_probabilities, text_rows

    rows = text_rows(lm, [sentence for pair in pairs for sentence in pair])
    totals = log_probabilities(lm.model, rows, lm.decoder.opening)
    return [
        Item(" / ".join(pair), float(good > bad), pair[good <= bad])
        for pair, good, bad in zip(pairs, totals[::2], totals[1::2])
    ]
