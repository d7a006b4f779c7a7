"""The answer that the judge puts first is given, and the judge learns from preferences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import ModelError, TaskError
from tailorbird.models.base import Sampling
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Comparison, Prediction, Prompt
from tailorbird.testing import check_approach

FEW = {"writer": {"few_shot": {"shots": 1}}, "answers": 3}


@pytest.fixture
def preferring(answer_task: Task) -> Task:
    """Short answers are the better ones."""
    pairs = tuple(
        Comparison(str(i), e.text, (str(e.target), f"{e.target} Good-bye. And good luck."))
        for i, e in enumerate(answer_task.examples("train")[:8])
    )
    return replace(answer_task, comparisons=pairs)


@dataclass(frozen=True)
class Longest:
    """A judge that everybody can follow."""

    def score(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[float]:
        assert len(prompts) == len(answers)
        return [float(len(a)) for a in answers]


def test_it_conforms(preferring: Task, checkpoint: Path, run: Callable[..., Run]) -> None:
    check_approach(make_approach("best_of", FEW), preferring, run(checkpoint))


def test_what_the_judge_puts_first_is_given(
    preferring: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    solver: Any = make_approach("best_of", FEW).fit(preferring.without_test(), run(checkpoint))
    solver = replace(solver, judge=Longest())
    examples = preferring.examples("test")
    drawn = [
        solver.writer.drawn(examples, Sampling(solver.writer.max_tokens, 1.0, seed=seed))
        for seed in (0, 1)
    ]
    written = list(zip(solver.writer.predict(examples), *drawn, strict=True))
    given = solver.predict(examples)
    assert [p.text for p in given] == [max((p.text for p in w), key=len) for w in written]
    assert any(p.text != w[0].text for p, w in zip(given, written)), "the likeliest is not it"
    for prediction, each in zip(given, written):
        tokens = sum(p.usage.completion_tokens for p in each)
        assert prediction.usage.completion_tokens == tokens, "all that was written is counted"


def test_an_answer_that_failed_is_not_given(
    preferring: Task, checkpoint: Path, run: Callable[..., Run]
) -> None:
    solver: Any = make_approach("best_of", FEW).fit(preferring.without_test(), run(checkpoint))
    example, failed = preferring.examples("test")[0], Prediction("a long one", error="timed out")
    solver = replace(solver, judge=Longest())
    assert solver._best(example, [failed, Prediction("short")]).text == "short"
    assert solver._best(example, [failed, failed]) is failed


def test_it_says_what_is_missing(
    preferring: Task, label_task: Task, checkpoint: Path, fake_endpoint: FakeEndpoint,
    run: Callable[..., Run],
) -> None:  # fmt: skip
    with pytest.raises(TaskError, match="names none"):
        make_approach("best_of", {}).fit(replace(preferring, comparisons=()), run(checkpoint))
    with pytest.raises(TaskError, match="has labels"):
        make_approach("best_of", {}).fit(label_task, run(checkpoint))
    with pytest.raises(TaskError, match="draw several answers"):
        make_approach("best_of", {"writer": "majority"}).fit(preferring, run(checkpoint))
    with pytest.raises(ModelError, match="is an endpoint"):
        make_approach("best_of", {}).fit(preferring, run(fake_endpoint.spec))


def test_an_endpoint_writes_and_a_model_here_judges(
    preferring: Task, checkpoint: Path, fake_endpoint: FakeEndpoint, run: Callable[..., Run]
) -> None:
    approach = make_approach("best_of", FEW | {"judge": str(checkpoint)})
    solver = approach.fit(preferring.without_test(), run(fake_endpoint.spec))
    before = fake_endpoint.answered
    given = solver.predict(preferring.examples("test")[:2])
    assert all(p.error is None for p in given)
    assert fake_endpoint.answered > before
