"""Looking again at the same test items: each opening spends a part of the error allowed.

Claims that are made opening after opening, until one of them succeeds, succeed by chance more often
than their level says. Alpha spending gives the k-th opening a level of its own, fixed beforehand,
such that all of them together stay within the whole (Foster & Stine 2008, J. R. Stat. Soc. B
70:429; Tian & Ramdas 2021, Stat. Methods Med. Res. 30:976).
"""

FIRST = 0.8
"""The share of the first opening, the only one that no score has influenced."""


def level_of_opening(k: int, alpha: float) -> float:
    """The level of the claims made when the test split is opened for the k-th time, from 1.

    0.8 alpha, then 0.2 alpha / (k (k - 1)): the sum over all openings, however many, is alpha.

    Raises `ValueError` where k is less than 1.
    """
    if k < 1:
        raise ValueError(f"openings are counted from 1, not {k}")
    return FIRST * alpha if k == 1 else (1 - FIRST) * alpha / (k * (k - 1))
