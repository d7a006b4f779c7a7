"""Abstaining by a threshold: how it is worded, when it is done, and where the threshold lies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tailorbird.approaches._abstention import (
    NEVER,
    Abstention,
    beginning_of,
    best_thresholds,
    complete,
)
from tailorbird.models.base import Completion, Progress, Sampling, TokenLogprobs
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Message, Prompt

SILENT = "Thank you. The handbook does not say."


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (["Thank you. You pay £5.", "Thank you. The fee is £5."], "Thank you. The handbook"),
        (["No."], "Thank"),
        (["Thank you. The handbook does not mind."], "Thank you. The handbook does not say."),
        ([SILENT], "Thank"),
        (["Thank you. The handbook does not say. But we know."], SILENT),
    ],
)
def test_the_beginning_is_that_of_no_other_answer(others: list[str], expected: str) -> None:
    assert beginning_of(SILENT, others) == expected


FAR = [-1.0] * 4


def test_the_threshold_earns_most_and_is_the_highest_of_equals() -> None:
    # Items 0 and 1 deserve silence, 2 and 3 an answer; the model is right about the order.
    silent, speaking = [1.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 1.0, 1.0]
    assert best_thresholds([0.4, 0.2, 0.1, 0.05], FAR, silent, speaking) == (0.2, None)
    assert best_thresholds([0.4, 0.2], FAR[:2], [0.0, 0.0], [0.0, 0.0]) == (NEVER, None)
    assert best_thresholds([0.4, 0.2], FAR[:2], [0.0, 0.0], [-1.0, -1.0]) == (0.2, None)
    assert best_thresholds([], [], [], []) == (NEVER, None)


def test_either_threshold_may_decide() -> None:
    # The model is sure about item 0 only, and the search knows that item 1 is far from everything.
    silent, speaking = [1.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 1.0, 1.0]
    likely, near = [0.4, 0.01, 0.1, 0.05], [0.9, 0.2, 0.5, 0.8]
    assert best_thresholds(likely, near, silent, speaking) == (0.4, 0.5)
    assert best_thresholds([-math.inf] * 4, [0.1, 0.2, 0.5, 0.8], silent, speaking) == (NEVER, 0.5)


@dataclass
class Doubtful(Scripted):
    """Gives abstention a probability that the prompt names, and notes how it was asked."""

    asked: list[Sampling] = field(default_factory=list)

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        self.asked.append(sampling)
        return super().complete(prompts, sampling, progress)

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> list[list[TokenLogprobs]]:
        return [[TokenLogprobs((-float(p[0].content),), 3)] for p in prompts]


def test_below_the_threshold_the_answer_begins_otherwise() -> None:
    lm = Doubtful(default="Thank you. You pay £5.")
    prompts = [(Message("user", nats),) for nats in ("0.1", "5", "0.2")]
    ticks: list[int] = []
    found = complete(
        lm, prompts, Sampling(), Abstention(SILENT, "Thank you. The", 0.5), [0.0] * 3, ticks.append
    )
    assert [c.text for c in found] == [SILENT, "Thank you. You pay £5.", SILENT]
    assert [s.not_beginning for s in lm.asked] == ["Thank you. The"]
    assert sum(ticks) == 3
    assert found[0].usage.prompt_tokens == 3


def test_what_does_not_fit_is_left_to_the_model() -> None:
    lm = Doubtful(default="Yes.", context=1)
    prompts = [(Message("user", "0.1"),)]
    [only] = complete(lm, prompts, Sampling(), Abstention(SILENT, "T", 0.5), [0.0])
    assert only.text != SILENT


def test_where_nothing_is_near_nothing_is_read() -> None:
    lm = Doubtful(default="Thank you. You pay £5.")
    prompts = [(Message("user", "5"),)] * 3
    ticks: list[int] = []
    silent = Abstention(SILENT, "Thank you. The", 0.5, below=0.3)
    found = complete(lm, prompts, Sampling(), silent, [0.2, 0.3, -math.inf], ticks.append)
    assert [c.text for c in found] == [SILENT, "Thank you. You pay £5.", SILENT]
    assert found[0].usage.prompt_tokens == 0
    assert sum(ticks) == 3


class Writer(Scripted):
    """Writes, and cannot say how probable anything is, as endpoints do."""

    can_score = False


def test_an_endpoint_abstains_by_nearness_alone() -> None:
    lm = Writer(default="You pay £5.")
    silent = Abstention(SILENT, "Thank", 0.5, below=0.3)
    found = complete(lm, [(Message("user", "5"),)] * 2, Sampling(), silent, [0.2, 0.4])
    assert [c.text for c in found] == [SILENT, "You pay £5."]
