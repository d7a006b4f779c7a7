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

import numpy as np

from tailorbird.errors import TaskError
from tailorbird.models.base import LM, Completion, Progress, Sampling
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Prompt, Usage
from tailorbird.train.reading import abstention

NEVER = 2.0
"""A threshold that no probability reaches."""
ANY = -math.inf
"""A threshold below which nothing lies."""


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


def phrase(task: Task) -> str:
    """How to abstain: as the training data do, else as the task file says.

    Raises `TaskError` where neither does.
    """
    text = abstention(task, task.examples("train"))
    if text is None:
        raise TaskError(
            "calibrate needs a way to abstain", hint="name a phrase under outputs.abstain"
        )
    return text


def worth(task: Task, example: Example, prediction: Prediction) -> float:
    """Of a right answer (primary metric) one; of an unsupported one, one less."""
    right = task.score(task.spec.bar.primary.metric, example, prediction).value or 0.0
    grounded = task.spec.documents is not None
    return right - ((grounded and task.score("unsupported", example, prediction).value) or 0.0)


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


def probabilities(
    lm: LM, prompts: Sequence[Prompt], text: str, progress: Progress | None = None
) -> list[float]:
    """Of answering with `text`, per prompt."""
    return [math.exp(row[0].total) for row in lm.score(prompts, [text], progress)]


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
        out |= _silent(lm, prompts, read, sampling, abstention)
    if progress and out:
        progress(len(out))
    speaking = [i for i in read if i not in out]
    if lm.can_score:
        sampling = replace(sampling, not_beginning=abstention.beginning)
    out |= zip(speaking, lm.complete([prompts[i] for i in speaking], sampling, progress))
    return [out[i] for i in range(len(prompts))]


def _silent(
    lm: LM,
    prompts: Sequence[Prompt],
    read: Sequence[int],
    sampling: Sampling,
    abstention: Abstention,
) -> dict[int, Completion]:
    """Of the prompts `read`, those that the model abstains from."""
    fits = [i for i in read if (lm.room(prompts[i], sampling.max_tokens) or 0) >= 0]
    scores = lm.score([prompts[i] for i in fits], [abstention.text])
    return {
        i: Completion(abstention.text, Usage(row[0].prompt_tokens, len(row[0].logprobs)))
        for i, row in zip(fits, scores)
        if math.exp(row[0].total) >= abstention.above
    }


def best_thresholds(
    probabilities: Sequence[float],
    nearness: Sequence[float],
    if_silent: Sequence[float],
    if_speaking: Sequence[float],
) -> tuple[float, float | None]:
    """`above` and `below` with the greatest sum of worths; of equal ones those that abstain least.

    `if_silent` and `if_speaking`: what abstaining and answering are worth on each item.
    """
    gains = np.asarray(if_silent, dtype=float) - np.asarray(if_speaking, dtype=float)
    likely, near = np.asarray(probabilities), np.asarray(nearness)
    aboves, belows = sorted({*probabilities, NEVER}, reverse=True), sorted({*nearness, ANY})
    gained = [
        [gains[(likely >= above) | (near < below)].sum() for below in belows] for above in aboves
    ]
    row, column = np.unravel_index(np.round(gained, 9).argmax(), (len(aboves), len(belows)))
    return aboves[row], belows[column] if belows[column] > ANY else None
