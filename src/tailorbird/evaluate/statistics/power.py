"""What a number of items can show, before they are spent (Connor 1987, Biometrics 43:207)."""

import math

from scipy import optimize, stats


def n_needed(difference: float, discordance: float, power: float, alpha: float) -> int:
    """Items that show a paired `difference` with this power.

    Args:
        difference: between the two means; its sign does not matter.
        discordance: share of items on which the two differ (for fractional marks, the mean
            squared difference); at least the difference itself.
        power: chance of showing the difference when it is real.
        alpha: two-sided significance level.

    Raises:
        ValueError: the difference is 0, which no number of items can show.
    """
    if difference == 0:
        raise ValueError("no number of items shows a difference of 0")
    return math.ceil(_n_needed(abs(difference), discordance, power, alpha))


def _n_needed(difference: float, discordance: float, power: float, alpha: float) -> float:
    z_alpha, z_power = float(stats.norm.isf(alpha / 2)), float(stats.norm.ppf(power))
    wide, narrow = _spreads(difference, discordance)
    return ((z_alpha * wide + z_power * narrow) / difference) ** 2


def power_of(n: float, difference: float, discordance: float, alpha: float) -> float:
    """The chance that `n` items show a paired `difference` that is real, in [0, 1].

    Arguments as in `n_needed`, whose inverse this is. For items in groups, divide `n` by the
    design effect. Of no difference, it is the chance of claiming one in a given direction.
    """
    wide, narrow = _spreads(abs(difference), discordance)
    reach = abs(difference) * math.sqrt(n) - float(stats.norm.isf(alpha / 2)) * wide
    if narrow == 0:  # every item differs, in the same direction
        return float(reach > 0)
    return float(stats.norm.cdf(reach / narrow))


def _spreads(difference: float, discordance: float) -> tuple[float, float]:
    """Of one item's difference: where there is none on average, and where there is."""
    share = max(discordance, difference)
    return math.sqrt(share), math.sqrt(max(share - difference**2, 0.0))


def minimal_detectable_difference(
    n: float,
    base_rate: float,
    power: float = 0.8,
    alpha: float = 0.05,
    discordance: float | None = None,
) -> float:
    """The smallest paired difference that `n` items show with this power; at most 1.

    Without `discordance`, the two rungs are taken to err independently: 2 p (1 - p) at
    p = `base_rate`, which is more than rungs that find the same items hard.
    """
    share = 2 * base_rate * (1 - base_rate) if discordance is None else discordance
    if _n_needed(1.0, share, power, alpha) >= n:
        return 1.0
    return float(optimize.brentq(lambda d: _n_needed(d, share, power, alpha) - n, 1e-6, 1.0))
