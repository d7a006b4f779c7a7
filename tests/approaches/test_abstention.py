"""Abstaining by a threshold: how it is worded, when it is done, and where the threshold lies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tailorbird.approaches._abstention import (
    NEVER,
    Abstention,
    beginning_of,
    best_threshold,
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


def test_the_threshold_earns_most_and_is_the_highest_of_equals() -> None:
    # Items 0 and 1 deserve silence, 2 and 3 an answer; the model is right about the order.
    silent, speaking = [1.0, 1.0, 0.0, 0.0], [-1.0, 0.0, 1.0, 1.0]
    assert best_threshold([0.4, 0.2, 0.1, 0.05], silent, speaking) == 0.2
    assert best_threshold([0.4, 0.2], [0.0, 0.0], [0.0, 0.0]) == NEVER
    assert best_threshold([0.4, 0.2], [0.0, 0.0], [-1.0, -1.0]) == 0.2
    assert best_threshold([], [], []) == NEVER


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
        lm, prompts, Sampling(), Abstention(SILENT, "Thank you. The", 0.5), ticks.append
    )
    assert [c.text for c in found] == [SILENT, "Thank you. You pay £5.", SILENT]
    assert [s.not_beginning for s in lm.asked] == ["Thank you. The"]
    assert sum(ticks) == 3
    assert found[0].usage.prompt_tokens == 3


def test_what_does_not_fit_is_left_to_the_model() -> None:
    lm = Doubtful(default="Yes.", context=1)
    [only] = complete(lm, [(Message("user", "0.1"),)], Sampling(), Abstention(SILENT, "T", 0.5))
    assert only.text != SILENT
