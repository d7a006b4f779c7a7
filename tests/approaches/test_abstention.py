"""Abstaining by a threshold: how it is worded, when it is done, and where the threshold lies."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from building import ANSWERS, task

from tailorbird.approaches._abstention import (
    NEVER,
    Abstention,
    beginning_of,
    best_thresholds,
    calibrate,
    complete,
    phrase,
    probabilities,
    require_nearness,
)
from tailorbird.errors import TaskError
from tailorbird.models.base import Completion, Progress, Sampling, TokenLogprobs
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Example, Message, Prediction, Prompt

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
GAINS = [2.0, 1.0, -1.0, -1.0]
"""Items 0 and 1 deserve silence, 2 and 3 an answer."""


def test_the_threshold_earns_most_and_abstains_least_of_equals() -> None:
    above, below = best_thresholds(GAINS, FAR, [0.4, 0.2, 0.1, 0.05])
    assert (above, below) == (pytest.approx(0.15), None)
    assert best_thresholds([0.0, 0.0], FAR[:2], [0.4, 0.2]) == (NEVER, None)
    assert best_thresholds([], [], []) == (NEVER, None)


def test_either_threshold_may_decide() -> None:
    # The model is sure about item 0 only, and the search knows that item 1 is far from everything.
    near = [0.9, 0.2, 0.5, 0.8]
    above, below = best_thresholds(GAINS, near, [0.4, 0.01, 0.1, 0.05])
    assert (above, below) == (pytest.approx(0.25), pytest.approx(0.35))
    assert best_thresholds(GAINS, [0.1, 0.2, 0.5, 0.8]) == (NEVER, pytest.approx(0.35))


def test_where_silence_pays_always_it_is_kept_always() -> None:
    above, below = best_thresholds([1.0, 1.0], [0.1, 0.9])
    assert above == NEVER
    assert below is not None
    assert all(Abstention(SILENT, "T", below=below).unfounded(n) for n in (-math.inf, 0.1, 0.9))
    assert json.loads(json.dumps(below, allow_nan=False)) == below
    assert best_thresholds([1.0, 1.0], [math.inf, math.inf], [0.2, 0.1]) == (0.0, None)


def test_without_a_search_nothing_is_far() -> None:
    assert best_thresholds(GAINS, [math.inf] * 4) == (NEVER, None)


# ---- what earns what -------------------------------------------------------------------------

DOCUMENTS = {"a": "It is £1."}
ASKED = Example("e", "how much", "It is £1.", ("a",), ("£1",))
LOST = Example("n", "who won", "The pages do not say", answerable=False)


def test_right_answers_earn_and_invented_ones_cost() -> None:
    made = task([ASKED, LOST], dev=[ASKED, LOST], documents=DOCUMENTS, **ANSWERS)
    said = [Prediction("It is £1."), Prediction("It is £9.")]
    above, below = calibrate(made, "The pages do not say", said, [0.8, 0.2])
    assert (above, below) == (NEVER, pytest.approx(0.5))


def test_items_that_cannot_be_marked_do_not_count() -> None:
    bare = replace(ASKED, facts=())
    made = task([bare], dev=[bare], documents=DOCUMENTS, **ANSWERS)
    assert calibrate(made, SILENT, [Prediction("It is £9.")], [0.5]) == (NEVER, None)


def test_a_metric_that_is_better_low_counts_so() -> None:
    bar = {"primary": {"metric": "unsupported", "at_most": 0.1}}
    made = task([ASKED], dev=[ASKED], documents=DOCUMENTS, **ANSWERS | {"bar": bar})
    assert calibrate(made, SILENT, [Prediction("It is £1.")], [0.5]) == (NEVER, None)
    _, below = calibrate(made, SILENT, [Prediction("It is £9.")], [0.5])
    assert below is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "chooses a threshold on dev, and there is none"),
        ({"dev": [ASKED], "outputs": {}}, "needs a way to abstain"),
        ({"dev": [ASKED], "kind": "label"}, "wants labels"),
    ],
)
def test_what_calibrating_needs_is_asked_beforehand(changes: dict[str, Any], message: str) -> None:
    made = task([ASKED], documents=DOCUMENTS, **ANSWERS | changes)
    with pytest.raises(TaskError, match=f"calibrate.*{message}"):
        phrase(made, "calibrate")


@pytest.mark.parametrize("kind", [None, "hybrid"])
def test_a_search_that_ranks_or_is_not_there_cannot_decide(kind: str | None) -> None:
    with pytest.raises(TaskError, match="the search decides when to abstain"):
        require_nearness(kind, "abstain_by: search")
    require_nearness("dense", "abstain_by: search")


# ---- abstaining ------------------------------------------------------------------------------


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


def test_how_probable_is_not_asked_of_what_does_not_fit() -> None:
    lm = Doubtful(context=1)
    assert probabilities(lm, [(Message("user", "0.1"),)], SILENT, 5) == [0.0]
    lm = Doubtful()
    assert probabilities(lm, [(Message("user", "0.0"),)], SILENT, 5) == [1.0]
