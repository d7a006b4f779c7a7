"""What ends a run: each says what was seen and what to do, and leaves good runs alone."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tailorbird.errors import TrainingError
from tailorbird.train.watchdogs import (
    PATIENCE,
    Pace,
    stop_if_answers_decay,
    stop_if_diverged,
    stop_if_no_number,
)

GOOD = {
    "zero_signal": 0.3, "empty": 0.0, "at_limit": 0.1, "entropy": 0.8, "alike": 0.1, "kl": 0.2,
}  # fmt: skip


def rollouts(count: int, change: Callable[[float], dict[str, float]]) -> list[dict[str, float]]:
    """Good ones, changed by how far the run is, 0 to 1."""
    return [
        GOOD | {"step": float(i), "reward": 0.2 + 0.5 * i / count} | change(i / count)
        for i in range(count)
    ]


def test_a_run_that_learns_is_left_alone() -> None:
    for n in range(1, 60):
        stop_if_answers_decay(rollouts(n, lambda _: {}))
    # Solved: nothing tells answers apart any more, and nothing is left to try.
    solved = {"zero_signal": 1.0, "entropy": 0.0, "alike": 1.0, "at_limit": 1.0}
    late = rollouts(60, lambda at: solved | {"at_limit": 0.9} if at > 0.5 else {})
    stop_if_answers_decay(late)


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (lambda _: {"zero_signal": 1.0, "reward": 0.0}, "nothing to learn from.*reward 0", "start"),
        (lambda at: {"empty": float(at > 0.5)}, "every answer was empty", "raise beta"),
        (
            lambda at: {"at_limit": float(at > 0.5)},
            "do not end: .* 100% were cut off",
            "long answers",
        ),
        (lambda at: {"entropy": 1e-5, "reward": 0.3}, "tries nothing any more", "temperature"),
        (lambda at: {"alike": 1.0, "reward": 0.3 - at / 9}, "100% of its answers", "temperature"),
        (lambda at: {"kl": 6 * at}, "being played: .*5.[0-9] nats per token", "read some answers"),
    ],
    ids=["no signal", "empty", "endless", "no entropy", "all alike", "hacked"],
)
def test_what_cannot_come_to_good_is_stopped(change: Any, said: str, hint: str) -> None:
    made = rollouts(60, change)
    with pytest.raises(TrainingError, match=said) as caught:
        stop_if_answers_decay(made)
    assert hint in str(caught.value.hint)
    assert f"in the last {PATIENCE} rollouts before step 59" in str(caught.value)
    stop_if_answers_decay(made[: PATIENCE - 1])  # patience first


def test_far_from_the_reference_without_a_gain_is_no_hacking() -> None:
    stop_if_answers_decay(rollouts(60, lambda at: {"kl": 6 * at, "reward": 0.5 - at / 9}))


def test_what_was_not_watched_stops_nothing() -> None:
    bare = [{"step": float(i), "reward": 0.1} for i in range(30)]
    stop_if_answers_decay(bare)


# ---- rollouts that hang ------------------------------------------------------------------------


def test_a_rollout_that_hangs_is_stopped_while_it_does() -> None:
    pace, begun = Pace(0.2), time.monotonic()
    said = r"rollout of step 7 hangs: it took more than 0\.2 s"
    with pytest.raises(TrainingError, match=said) as caught, pace.watched(7):
        time.sleep(30)
    assert time.monotonic() - begun < 10
    assert "time_limit" in str(caught.value.hint)
    time.sleep(0.3)  # and the alarm is off
    with pace.watched(8) as took:
        pass
    assert took[0] < 0.2


def test_outside_of_the_main_thread_it_is_stopped_afterwards() -> None:
    errors: list[TrainingError] = []

    def roll() -> None:
        try:
            with Pace(0.05).watched(1):
                time.sleep(0.1)
        except TrainingError as error:
            errors.append(error)

    thread = threading.Thread(target=roll)
    thread.start()
    thread.join()
    assert "hangs" in str(errors[0])


def test_far_slower_than_usual_is_too_long() -> None:
    assert Pace(3600, [20.0] * 4).allowed == 3600
    assert Pace(3600, [20.0] * 4 + [900.0]).allowed == 200
    assert Pace(3600, [0.1] * 9).allowed == 60
    assert Pace(30, [20.0] * 9).allowed == 30


# ---- losses ------------------------------------------------------------------------------------


def test_losses_that_run_away() -> None:
    steady = [2.0, 1.5] * 20
    stop_if_diverged(40, steady)
    stop_if_diverged(59, steady + [9.0] * 19)  # a window first
    with pytest.raises(TrainingError, match=r"over 20 steps was 1\.75 and is 9 at step 60"):
        stop_if_diverged(60, steady + [9.0] * 20)
    with pytest.raises(TrainingError, match="gradient overflowed"):
        stop_if_no_number(3, 1.0, {"grad_norm": float("inf")})
    with pytest.raises(TrainingError, match="loss became nan at step 3"):
        stop_if_no_number(3, float("nan"), {})
