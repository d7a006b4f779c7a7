"""The suite for scorers: one function that marks an answer, and which way is better."""

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score, Usage
from tailorbird.testing.claims import STRANGE, claim, never_raises


def check_scorer(scorer: str | ModuleType, task: Task) -> None:
    """Mark gold, empty and strange answers to the test examples of `task`.

    `scorer` is a name in `task/scorers`, or a module with BETTER, SUMMARY and `score`. Raises
    `AssertionError`.
    """
    mark = _Mark(module("task.scorers", scorer) if isinstance(scorer, str) else scorer, task)
    examples = task.examples("test")
    _gold_is_best(mark, examples)
    for example in examples:
        for text in ("", str(example.target), *(s for s in STRANGE if isinstance(s, str))):
            mark(example, Prediction(text))
    _reads_the_answer_only(mark, examples)
    _judges_each_alone(mark, examples)


class _Mark:
    """A scorer whose every mark is checked."""

    def __init__(self, scorer: Any, task: Task) -> None:
        self.name = scorer.__name__.rsplit(".", 1)[-1]
        claim(
            getattr(scorer, "BETTER", None) in ("higher", "lower"),
            f'{self.name}: BETTER must be "higher" or "lower"',
        )
        claim(
            bool(getattr(scorer, "SUMMARY", "")), f"{self.name}: SUMMARY says in words what it is"
        )
        self.scorer, self.task = scorer, task
        self.best = 1.0 if scorer.BETTER == "higher" else 0.0
        self.gold_is_best = getattr(scorer, "GOLD_IS_BEST", True)

    def __call__(self, example: Example, prediction: Prediction) -> Score:
        with never_raises(f"{self.name} should mark {prediction.text[:40]!r}"):
            score: Score = self.scorer.score(example, prediction, self.task)
        claim(isinstance(score, Score), f"{self.name} returns {score!r}, which is no Score")
        if score.value is None:
            claim(bool(score.reason), f"{self.name} leaves an answer unmarked and does not say why")
        else:
            # NaN fails this too.
            inside = isinstance(score.value, float) and 0 <= score.value <= 1
            claim(inside, f"{self.name} marks {score.value!r}; a mark is a float in [0, 1] or None")
        again = self.scorer.score(example, prediction, self.task)
        claim(again == score, f"{self.name} marks the same answer once {score}, once {again}")
        return score


def _gold_is_best(mark: _Mark, examples: Sequence[Example]) -> None:
    marks = [mark(e, Prediction(str(e.target), citations=e.sources)) for e in examples]
    for example, score in zip(examples, marks):
        claim(
            score.value in (None, mark.best) or not mark.gold_is_best,
            f"{mark.name}: the gold answer to {example.id} is marked {score}, not {mark.best}",
        )
    claim(
        any(s.value is not None for s in marks),
        f"{mark.name} marks none of the gold answers of this task",
    )


def _reads_the_answer_only(mark: _Mark, examples: Sequence[Example]) -> None:
    """How sure or how dear an answer was does not change whether it is right."""
    for example in examples:
        plain = Prediction(str(example.target), citations=example.sources)
        dear = replace(plain, usage=Usage(10**6, 10**6, 60.0, 1.0), confidence=0.01)
        claim(
            mark(example, plain) == mark(example, dear),
            f"{mark.name}: usage or confidence changes the mark of {example.id}",
        )


def _judges_each_alone(mark: _Mark, examples: Sequence[Example]) -> None:
    answers = [Prediction(str(e.target)) for e in reversed(examples)]
    forth = [mark(e, a) for e, a in zip(examples, answers)]
    back = [mark(e, a) for e, a in zip(examples[::-1], answers[::-1])][::-1]
    claim(forth == back, f"{mark.name}: marks depend on what was marked before")
