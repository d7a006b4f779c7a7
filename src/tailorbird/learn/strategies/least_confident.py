"""Rows whose answer is least likely to be right (Lewis & Gale 1994); for written answers, too."""

from dataclasses import dataclass

from tailorbird.learn.strategies.base import Choice, Opinion, Pool, best


@dataclass(frozen=True)
class LeastConfident:
    """Where the best rung trusts its own answer least."""

    def missing(self, pool: Pool) -> str | None:
        """Needs a confidence."""
        return None if _sure(pool) else "no rung of the climb says how sure it is of its answers"

    def choose(self, pool: Pool, n: int, seed: int) -> list[Choice]:
        """Lowest confidence first."""
        opinion = _sure(pool)
        assert opinion is not None
        confidence = opinion.confidence
        assert confidence is not None
        return best(
            1 - confidence, n, seed,
            lambda i: f"{opinion.rung} is {100 * confidence[i]:.0f} % sure of its answer",
        )  # fmt: skip


def _sure(pool: Pool) -> Opinion | None:
    return next((o for o in pool.opinions if o.confidence is not None), None)


STRATEGY = LeastConfident
