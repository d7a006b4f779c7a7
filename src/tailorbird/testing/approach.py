"""The suite for approaches and the solvers that they fit."""

import copy
import dataclasses
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tailorbird.approaches.base import Approach, Run, Solver
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction
from tailorbird.testing.claims import (
    STRANGE,
    all_same,
    claim,
    never_raises,
    no_pickle,
    probability,
)

_ALONE = 5
"""Examples that are answered one at a time: enough to notice a neighbour's influence."""


def check_approach(approach: Approach, task: Task, run: Run) -> None:
    """Fit on `task` without its test, twice, and try what the protocol promises of the solver.

    `run` says which model to use and a folder to work in. Raises `AssertionError`.
    """
    _is_a_value(approach)
    solver = _fit(approach, task, replace(run, folder=run.folder / "first"))
    examples = task.examples("test")
    answers = _answers(solver, examples)
    _one_each(answers, examples)
    _well_formed(answers)
    _reads_inputs_only(solver, examples, answers)
    _ignores_neighbours(solver, examples, answers)
    _counts_progress(solver, examples)
    _survives_the_strange(solver)
    again = _fit(approach, task, replace(run, folder=run.folder / "second"))
    all_same(_answers(again, examples), answers, "fitting again with the same seed changes answers")
    _saves_and_loads(solver, run.folder, examples, answers)


def _is_a_value(approach: Approach) -> None:
    cls = type(approach)
    claim(dataclasses.is_dataclass(cls), f"{cls.__name__} is not a dataclass")
    frozen = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    claim(frozen, f"{cls.__name__} can be changed after it was made: use @dataclass(frozen=True)")
    twin = copy.deepcopy(approach)
    claim(twin == approach, f"{cls.__name__} does not equal its own copy")
    claim(hash(twin) == hash(approach), f"{cls.__name__} and its copy have different hashes")
    try:
        cls(no_such_setting=1)  # type: ignore[call-arg]
    except TypeError:
        return
    raise AssertionError(f"{cls.__name__} takes any setting: a misspelt one would be ignored")


def _fit(approach: Approach, task: Task, run: Run) -> Solver:
    run.folder.mkdir(parents=True, exist_ok=True)
    name = type(approach).__name__
    with never_raises(f"{name}.fit should learn from train and dev, the test split closed"):
        solver = approach.fit(task.without_test(), run)
    claim(
        isinstance(solver, Solver),
        f"{name}.fit returns a {type(solver).__name__}, which lacks predict, save or load",
    )
    return solver


def _answers(solver: Solver, examples: Sequence[Example]) -> list[Prediction]:
    with never_raises("predict should answer every example"):
        return solver.predict(examples)


def _one_each(answers: Sequence[Prediction], examples: Sequence[Example]) -> None:
    claim(
        len(answers) == len(examples),
        f"{len(examples)} examples got {len(answers)} predictions; there must be one each",
    )


def _well_formed(answers: Sequence[Prediction]) -> None:
    for answer in answers:
        claim(isinstance(answer.text, str), f"the text of {answer} is not a string")
        if answer.confidence is not None:
            claim(
                probability(answer.confidence),
                f"confidence {answer.confidence!r} is not a probability (a float in [0, 1])",
            )
        if answer.label_scores is not None:
            values = list(answer.label_scores.values())
            claim(
                all(map(probability, values)) and math.isclose(sum(values), 1, abs_tol=1e-6),
                f"label_scores {answer.label_scores} are not probabilities that sum to 1",
            )
        usage = answer.usage
        claim(
            usage.prompt_tokens >= 0 and usage.completion_tokens >= 0,
            f"{usage} counts fewer than no tokens",
        )
        with never_raises("a prediction should be writable as JSON"):
            json.dumps(dataclasses.asdict(answer))


def _reads_inputs_only(
    solver: Solver, examples: Sequence[Example], answers: Sequence[Prediction]
) -> None:
    hidden = [Example(f"hidden-{i}", e.input) for i, e in enumerate(examples)]
    with never_raises("predict should need nothing but the input"):
        blind = solver.predict(hidden)
    all_same(blind, answers, "hiding target, facts, sources and fields changes answers")


def _ignores_neighbours(
    solver: Solver, examples: Sequence[Example], answers: Sequence[Prediction]
) -> None:
    with never_raises("predict should take an empty list"):
        claim(solver.predict([]) == [], "no examples should get an empty list of predictions")
    backwards = _answers(solver, examples[::-1])[::-1]
    all_same(backwards, answers, "answers depend on the order of the examples")
    step = max(1, len(examples) // _ALONE)
    alone = [a for e in examples[::step] for a in _answers(solver, [e])]
    all_same(alone, answers[::step], "answers depend on the other examples of the batch")


def _counts_progress(solver: Solver, examples: Sequence[Example]) -> None:
    ticks: list[int] = []
    with never_raises("predict should take a progress function"):
        solver.predict(examples, ticks.append)
    claim(
        sum(ticks) <= len(examples),
        f"progress was told of {sum(ticks)} finished examples, and there are {len(examples)}",
    )


def _survives_the_strange(solver: Solver) -> None:
    strange = [Example(f"strange-{i}", text) for i, text in enumerate(STRANGE)]
    with never_raises("strange inputs should get an answer or a Prediction with error"):
        answers = solver.predict(strange)
    _one_each(answers, strange)
    _well_formed(answers)
    for example, answer in zip(strange, answers):
        with never_raises(f"the input {example.text[:40]!r} should be answered when alone, too"):
            _well_formed(solver.predict([example]))
        claim(
            answer.error is None or bool(answer.error),
            f"the input {example.text[:40]!r} failed with an empty error: say what happened",
        )


def _saves_and_loads(
    solver: Solver, folder: Path, examples: Sequence[Example], answers: Sequence[Prediction]
) -> None:
    saved, moved = folder / "saved", folder / "moved" / "elsewhere"
    saved.mkdir()
    with never_raises("a solver should save"):
        solver.save(saved)
    no_pickle(saved)
    all_same(_answers(solver, examples), answers, "saving a solver changes its answers")
    moved.parent.mkdir()
    shutil.move(saved, moved)
    shutil.rmtree(folder / "first")  # what was saved must not need where it was fitted
    with never_raises("a saved solver should load from another folder than it was saved in"):
        loaded = type(solver).load(moved)
        found = loaded.predict(examples)
    all_same(found, answers, "a solver that was saved and loaded answers differently")
