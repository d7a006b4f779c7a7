"""Looking at many differences always turns up a large one: corrected p-values."""

from collections.abc import Sequence


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Adjusted p-values, in the order given (Holm 1979, Scand. J. Statist. 6:65).

    The chance of any false claim stays below the level.

    Args:
        p_values: of the comparisons that are reported.
        family: how many could have been reported, where those were chosen by the data. The others
            count as if they came last, which is the safe side.

    Raises `ValueError` where the family is smaller than what is reported.
    """
    size = len(p_values) if family is None else family
    if size < len(p_values):
        raise ValueError(f"a family of {size} cannot hold {len(p_values)} p-values")
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (size - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289).

    The expected share of false claims among the claims stays below the level, for independent and
    for positively dependent tests. For searching many slices or probes; a verdict takes `holm`.
    """
    size = len(p_values)
    adjusted = [0.0] * size
    running = 1.0
    largest_first = sorted(range(size), key=p_values.__getitem__, reverse=True)
    for rank, i in zip(range(size, 0, -1), largest_first, strict=True):
        running = min(running, size / rank * p_values[i])
        adjusted[i] = running
    return adjusted
