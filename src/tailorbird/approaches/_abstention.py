"""When to say that the documents do not tell: by two thresholds that are chosen on dev.

Abstaining is one sentence, and right answers are thousands. A weak reader that is unsure among the
answers finds the one sentence the likeliest beginning, and abstains nearly always, even where it
gives abstention as a whole a small probability. So that probability is computed, and compared with
a threshold; below it, the answer must not begin like an abstention.

The search knows something, too: where nothing that it found is near the question, there is nothing
to read. So the nearness of the best passage has a threshold of its own.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tailorbird.errors import TaskError
from tailorbird.models.base import LM, Completion, Progress, Sampling, score_fitting
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Prompt, Usage
from tailorbird.train.reading import abstention

NEVER = 2.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class Abstention:
    """How abstaining is worded, and when it is done."""

    text: str
    """The whole answer."""
    beginning: str
    """Words that no other answer begins with."""
    above: float = NEVER
    """Probability from which the model abstains."""
    below: float | None = None
    """Nearness of the best passage under which nothing is read; None: everything is."""

    def unfounded(self, nearness: float) -> bool:
        """Whether the search found nothing to read."""
        return self.below is not None and nearness < self.below


# ---- what a setting needs, asked before any time is spent ------------------------------------


def phrase(task: Task, setting: str) -> str:
    """How to abstain: as the training data do, else as the task file says.

    Raises `TaskError`, naming the `setting` that asks for it, where neither says so, where there
    is no dev to choose thresholds on, and for a task of labels.
    """
    if task.labels:
        raise TaskError(
            f"{setting} is about abstaining, and this task wants labels", hint="leave it out"
        )
    if not task.examples("dev"):
        raise TaskError(
            f"{setting} chooses a threshold on dev, and there is none",
            hint="name a file under data.dev, or leave it out",
        )
    text = abstention(task, task.examples("train"))
    if text is None:
        raise TaskError(
            f"{setting} needs a way to abstain", hint="name a phrase under outputs.abstain"
        )
    return text


def require_nearness(kind: str | None, setting: str) -> None:
    """Raises `TaskError` where a search of `kind` does not tell how near something is."""
    if kind in (None, "hybrid"):
        why = (
            "there is no search"
            if kind is None
            else "hybrid ranks, and a first rank is no nearness"
        )
        raise TaskError(
            f"with {setting} the search decides when to abstain, and {why}",
            hint="search by dense, cases or trained",
        )


# ---- abstaining ------------------------------------------------------------------------------


def beginning_of(text: str, others: Iterable[str]) -> str:
    """The shortest run of first words of `text` that none of `others` begins with.

    All of `text` where each run begins some other answer.
    """
    words = text.split(" ")
    different = [other for other in others if other != text]
    for count in range(1, len(words)):
        begun = " ".join(words[:count])
        if not any(other.startswith(begun) for other in different):
            return begun
    return text


def probabilities(lm: LM, prompts: Sequence[Prompt], text: str, max_tokens: int) -> list[float]:
    """Of answering with `text`, per prompt; 0 where the prompt does not fit in the context."""
    rows = score_fitting(lm, prompts, [text], max_tokens)
    return [0.0 if row is None else math.exp(row[0].total) for row in rows]


def complete(
    lm: LM,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    abstention: Abstention,
    nearness: Sequence[float],
    progress: Progress | None = None,
) -> list[Completion]:
    """Abstain where nothing is near or abstaining is probable enough, and answer everywhere else.

    `nearness`: of the best passage, per prompt. How probable is asked where the model can score.
    """
    out = {
        i: Completion(abstention.text, Usage(0, 0))
        for i, near in enumerate(nearness)
        if abstention.unfounded(near)
    }
    read = [i for i in range(len(prompts)) if i not in out]
    if lm.can_score and abstention.above < NEVER:
        asked = [prompts[i] for i in read]
        rows = score_fitting(lm, asked, [abstention.text], sampling.max_tokens)
        out |= {
            i: Completion(abstention.text, Usage(row[0].prompt_tokens, len(row[0].logprobs)))
            for i, row in zip(read, rows)
            if row is not None and math.exp(row[0].total) >= abstention.above
        }
    if progress and out:
        progress(len(out))
    speaking = [i for i in read if i not in out]
    if lm.can_score:
        sampling = replace(sampling, not_beginning=abstention.beginning)
    out |= zip(speaking, lm.complete([prompts[i] for i in speaking], sampling, progress))
    return [out[i] for i in range(len(prompts))]


# ---- choosing the thresholds -----------------------------------------------------------------


def calibrate(
    task: Task,
    text: str,
    answers: Sequence[Prediction],
    nearness: Sequence[float],
    probabilities: Sequence[float] | None = None,
) -> tuple[float, float | None]:
    """`above` and `below` that earn most on dev, which was answered with `answers`.

    A right answer (primary metric) earns one, an unsupported one costs one; items that cannot be
    marked do not count. Without `probabilities`, of abstaining with `text`, nearness alone decides.
    """
    dev = task.examples("dev")
    silent = [_worth(task, e, Prediction(text)) for e in dev]
    speaking = [_worth(task, e, p) for e, p in zip(dev, answers)]
    rows = [
        (i, yes - no)
        for i, (yes, no) in enumerate(zip(silent, speaking))
        if yes is not None and no is not None
    ]
    return best_thresholds(
        [gain for _, gain in rows],
        [nearness[i] for i, _ in rows],
        None if probabilities is None else [probabilities[i] for i, _ in rows],
    )


def _worth(task: Task, example: Example, prediction: Prediction) -> float | None:
    metric = task.spec.bar.primary.metric
    mark = task.score(metric, example, prediction).value
    if mark is None:
        return None
    grounded = task.spec.documents is not None
    invented = (grounded and task.score("unsupported", example, prediction).value) or 0.0
    return (mark if higher_is_better(metric) else 1 - mark) - invented


def best_thresholds(
    gains: Sequence[float], nearness: Sequence[float], probabilities: Sequence[float] | None = None
) -> tuple[float, float | None]:
    """`above` and `below` with the greatest sum of gains; of equal ones those that abstain least.

    `gains`: what abstaining earns more than answering, per item. Thresholds lie half-way between
    neighbours: an item's own value changes in its last digit with the batch it is in.
    """
    aboves = [NEVER, *(reversed([0.0, *_half_ways(probabilities)]) if probabilities else ())]
    far = [n for n in nearness if math.isfinite(n)]
    belows = [-math.inf, *_half_ways(far), *([math.nextafter(max(far), math.inf)] if far else ())]
    likely = np.asarray(probabilities if probabilities is not None else [-1.0] * len(gains))
    near, gained = np.asarray(nearness), np.asarray(gains, dtype=float)
    earned = [[gained[(likely >= a) | (near < b)].sum() for b in belows] for a in aboves]
    row, column = np.unravel_index(np.round(earned, 9).argmax(), (len(aboves), len(belows)))
    return aboves[row], belows[column] if column else None


def _half_ways(values: Sequence[float]) -> list[float]:
    return [(a + b) / 2 for a, b in pairwise(sorted(set(values)))]
