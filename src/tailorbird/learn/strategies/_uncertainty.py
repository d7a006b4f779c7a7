"""How unsure the best rung is of each row, from whatever it tells."""

import numpy as np

from tailorbird.learn.strategies.base import Floats, Opinion, Pool

NOTHING = "no rung of the climb gives probabilities of labels for the pool"


def two_likeliest(opinion: Opinion, index: int) -> str:
    """`refund 41 %, billing 38 %`."""
    assert opinion.probabilities is not None
    row = opinion.probabilities[index]
    order = np.argsort(-row, kind="stable")[:2]
    return ", ".join(f"{opinion.labels[i]} {100 * row[i]:.0f} %" for i in order)


def with_probabilities(pool: Pool) -> Opinion | None:
    """The first opinion that gives a probability of every label."""
    return next((o for o in pool.opinions if o.probabilities is not None), None)


def margins(probabilities: Floats) -> Floats:
    """1 less the distance of the two likeliest labels, float64[N]; 0 where there is one label."""
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    top: Floats = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1 - (top[:, 1] - top[:, 0]), dtype=np.float64)


def uncertainty(pool: Pool) -> Floats | None:
    """float64[N] in [0, 1] by margin, else by confidence; None where no rung tells either."""
    opinion = with_probabilities(pool)
    if opinion is not None and opinion.probabilities is not None:
        return margins(opinion.probabilities)
    sure = next((o.confidence for o in pool.opinions if o.confidence is not None), None)
    return None if sure is None else np.asarray(1 - sure, dtype=np.float64)


def said(pool: Pool, index: int) -> str:
    """What the best rung says of a row, for people."""
    opinion = with_probabilities(pool)
    if opinion is not None:
        return two_likeliest(opinion, index)
    sure = next(o for o in pool.opinions if o.confidence is not None)
    assert sure.confidence is not None
    return f"{sure.rung} is {100 * sure.confidence[index]:.0f} % sure"
