"""What a judge's errors do to the score that it gave, and to its interval.

Two grades: the share corrected by the judge's sensitivity and specificity (Rogan & Gladen 1978,
Am. J. Epidemiol. 107:71), with the interval of Lang & Reiczigel (2014, Prev. Vet. Med. 113:13),
which holds the uncertainty of all three. It stays right where the share of good answers differs
from that of the labelled answers, as long as the judge errs as often on good ones and on bad ones.

More grades: the mean less the judge's mean error on labelled answers (prediction-powered
inference, Angelopoulos et al. 2023, Science 382:669), the two intervals combined (Zou & Donner
2008, Stat. Med. 27:1693). It is right where the labelled answers are a sample of the same kind.
"""

import math

from tailorbird.evaluate.statistics import Estimate

_Z = 1.959963984540054


def rogan_gladen(
    apparent: Estimate,
    effective: float,
    sensitivity: float,
    specificity: float,
    labelled: tuple[float, float],
) -> Estimate:
    """The share of good answers behind the share that the judge calls good.

    Args:
        apparent: the judge's share.
        effective: independent answers behind it.
        sensitivity: of good answers, the share that the judge calls good, on labelled ones.
        specificity: of bad answers, the share that it calls bad.
        labelled: independent labelled answers, good and bad.

    A judge that is no better than a coin tells nothing: the interval is then [0, 1].
    """
    n, positive, negative = effective + _Z**2, labelled[0] + 2, labelled[1] + 2
    p = (effective * apparent.value + _Z**2 / 2) / n
    se = (labelled[0] * sensitivity + 1) / positive
    sp = (labelled[1] * specificity + 1) / negative
    youden = se + sp - 1
    method = "Rogan-Gladen, Lang-Reiczigel interval"
    if youden <= 0:
        value, low, high = apparent.value, 0.0, 1.0
    else:
        share = _clip((p + sp - 1) / youden)
        of_se = se * (1 - se) / positive
        of_sp = sp * (1 - sp) / negative
        shift = 2 * _Z**2 * (share * of_se - (1 - share) * of_sp)
        spread = math.sqrt(p * (1 - p) / n + share**2 * of_se + (1 - share) ** 2 * of_sp)
        half = _Z * spread / youden
        low, high = _clip(share + shift - half), _clip(share + shift + half)
        exact = sensitivity + specificity - 1
        value = share if exact <= 0 else _clip((apparent.value + specificity - 1) / exact)
        value = min(max(value, low), high)
    return Estimate(value, low, high, apparent.n, apparent.units, method, apparent.unmarked)


def prediction_powered(apparent: Estimate, bias: Estimate) -> Estimate:
    """The mean mark that people would give: the judge's less its `bias` on labelled answers."""
    value = apparent.value - bias.value
    below = math.hypot(apparent.value - apparent.low, bias.high - bias.value)
    above = math.hypot(apparent.high - apparent.value, bias.value - bias.low)
    return Estimate(
        _clip(value), _clip(value - below), _clip(value + above), apparent.n, apparent.units,
        "prediction-powered", apparent.unmarked,
    )  # fmt: skip


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))
