"""What ends a training run before it wastes time: each says what was seen and what to do."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from tailorbird.errors import TrainingError

WINDOW = 20
"""Steps whose median loss is compared with the best such median before."""
DIVERGED = 3.0
"""Times the best median (and at least one nat above it) that a loss may grow to."""


def stop_if_broken(step: int, losses: Sequence[float], logs: Mapping[str, float]) -> None:
    """Raise `TrainingError` where the loss or its gradient is no number, or the loss runs away.

    `losses`: one per step up to this one.
    """
    if not math.isfinite(losses[-1]):
        raise TrainingError(
            f"the loss became {losses[-1]} at step {step}",
            hint="lower learning_rate, or look at the last batch for a row of odd tokens",
        )
    norm = logs.get("grad_norm", 0.0)
    if not math.isfinite(norm):
        raise TrainingError(
            f"the gradient overflowed (its norm is {norm}) at step {step}, with a loss of "
            f"{losses[-1]:.4g}",
            hint="lower learning_rate; in half precision, train in float32 or bfloat16",
        )
    _diverged(step, losses)


def _diverged(step: int, losses: Sequence[float]) -> None:
    if len(losses) % WINDOW or len(losses) < 2 * WINDOW:
        return
    starts = range(0, len(losses), WINDOW)
    medians = [median(losses[start : start + WINDOW]) for start in starts]
    best, now = min(medians[:-1]), medians[-1]
    if best > 0 and now > max(DIVERGED * best, best + 1):
        raise TrainingError(
            f"the loss runs away: its median over {WINDOW} steps was {best:.3g} and is {now:.3g} "
            f"at step {step}",
            hint="lower learning_rate, or warm up for longer",
        )
