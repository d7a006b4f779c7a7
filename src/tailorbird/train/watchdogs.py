"""What ends a training run before it wastes time: each says what was seen and what to do."""

import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from tailorbird.errors import TrainingError

WINDOW = 20
"""Steps whose median loss is compared with the best such median before."""
DIVERGED = 3.0
"""Times the best median (and at least one nat above it) that a loss may grow to."""


def stop_if_no_number(step: int, loss: float, logs: Mapping[str, float]) -> None:
    """Raise `TrainingError` where the loss or its gradient is no number."""
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} at step {step}",
            hint="lower learning_rate, or look at the last batch for a row of odd tokens",
        )
    norm = logs.get("grad_norm", 0.0)
    if not math.isfinite(norm):
        raise TrainingError(
            f"the gradient overflowed (its norm is {norm}) at step {step}, with a loss of "
            f"{loss:.4g}",
            hint="lower learning_rate; in half precision, train in float32 or bfloat16",
        )


def stop_if_diverged(step: int, losses: Sequence[float]) -> None:
    """Raise `TrainingError` where the loss runs away. `losses`: one per step up to this one."""
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


# ---- learning from the model's own answers ---------------------------------------------------

PATIENCE = 10
"""Rollouts in a row that may be of no use."""
NO_ENTROPY = 1e-3
"""Nats per token below which a model has nothing left to try."""
FAR = 3.0
"""Nats per token from the reference that an honest gain hardly needs."""


def stop_if_answers_decay(rollouts: Sequence[Mapping[str, float]]) -> None:
    """Raise `TrainingError` where the last rollouts show that nothing good can come any more.

    `rollouts`: what was logged of each, up to this one; see `objectives/_on_policy.py`.
    """
    if len(rollouts) < PATIENCE:
        return
    first, last = rollouts[:PATIENCE], rollouts[-PATIENCE:]
    gain = _mean(last, "reward") - _mean(first, "reward") if len(rollouts) > PATIENCE else 0.0
    step = int(last[-1].get("step", 0))
    for found in (_no_signal, _silent, _at_limit, _collapsed, _hacked):
        found(first, last, gain, f"in the last {PATIENCE} rollouts before step {step}")


Rollouts = Sequence[Mapping[str, float]]


def _mean(rollouts: Rollouts, name: str) -> float:
    return mean(r.get(name, math.nan) for r in rollouts)


def _no_signal(first: Rollouts, last: Rollouts, gain: float, when: str) -> None:
    if _mean(last, "zero_signal") == 1 and gain <= 0:
        raise TrainingError(
            f"there is nothing to learn from: {when} no answer was worth more than another to the "
            f"same prompt (mean reward {_mean(last, 'reward'):.3g})",
            hint="start from a model that is sometimes right and sometimes not: train it by sft "
            "first (start), take harder or easier examples, more samples, or a reward that gives "
            "credit for a part",
        )


def _silent(first: Rollouts, last: Rollouts, gain: float, when: str) -> None:
    if _mean(last, "empty") == 1:
        raise TrainingError(
            f"the model says nothing any more: {when} every answer was empty",
            hint="raise beta, or look at whether the reward prefers an empty answer",
        )


def _at_limit(first: Rollouts, last: Rollouts, gain: float, when: str) -> None:
    before = _mean(first, "at_limit")
    if _mean(last, "at_limit") >= 0.95 and (before < 0.5 or gain <= 0):
        raise TrainingError(
            f"answers do not end: {when} {_mean(last, 'at_limit'):.0%} were cut off at the longest "
            f"length, at first {before:.0%}; the reward rose by {gain:.3g}",
            hint="look at whether the reward prefers long answers; raise outputs.max_tokens where "
            "right answers are longer",
        )


def _collapsed(first: Rollouts, last: Rollouts, gain: float, when: str) -> None:
    entropy, alike = _mean(last, "entropy"), _mean(last, "alike")
    if (entropy < NO_ENTROPY or alike == 1) and gain <= 0:
        raise TrainingError(
            f"the model tries nothing any more: {when} its entropy was {entropy:.2g} nats per "
            f"token, {alike:.0%} of its answers were the same, and the reward had not risen",
            hint="lower learning_rate, or raise beta or temperature",
        )


def _hacked(first: Rollouts, last: Rollouts, gain: float, when: str) -> None:
    if _mean(last, "kl") > FAR and gain > 0:
        raise TrainingError(
            f"the reward is being played: {when} the model was {_mean(last, 'kl'):.2g} nats per "
            f"token away from where it began, while the reward rose by {gain:.3g}",
            hint="read some answers; raise beta or lower learning_rate, or give the reward a guard "
            "that sees what is wrong; beta: 0 trains without this check",
        )


SLOW = 10.0
"""Times the median rollout that one may take."""
LEAST_SECONDS = 60.0
"""No rollout that is shorter is called slow."""


@dataclass
class Pace:
    """How long rollouts took in this process; ends one that hangs."""

    limit: float
    """Seconds."""
    seconds: list[float] = field(default_factory=list)

    @property
    def allowed(self) -> float:
        """Seconds that the next rollout may take."""
        if len(self.seconds) < 5:
            return self.limit
        return min(self.limit, max(LEAST_SECONDS, SLOW * median(self.seconds)))

    @contextmanager
    def watched(self, step: int) -> Iterator[list[float]]:
        """Within it a rollout is written and marked; raises `TrainingError` when that takes too
        long. Yields a list that then holds the seconds that it took."""
        begun, took, allowed = time.monotonic(), list[float](), self.allowed
        usual = f"; {median(self.seconds):.3g} s are usual" if self.seconds else ""
        error = TrainingError(
            f"the rollout of step {step} hangs: it took more than {allowed:.3g} s{usual}",
            hint="raise time_limit, lower outputs.max_tokens, or look at what the reward waits for",
        )
        with _alarm(allowed, error):
            yield took
        took.append(time.monotonic() - begun)
        if took[0] > allowed:
            raise error
        self.seconds += took


@contextmanager
def _alarm(seconds: float, error: Exception) -> Iterator[None]:
    """Raise `error` after `seconds`, even while Python waits; in the main thread of POSIX only."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: Any) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
