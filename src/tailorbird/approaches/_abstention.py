"""When to say that the documents do not tell: above a probability that is chosen on dev.

Abstaining is one sentence, and right answers are thousands. A weak reader that is unsure among the
answers finds the one sentence the likeliest beginning, and abstains nearly always, even where it
gives abstention as a whole a small probability. So that probability is computed, and compared with
a threshold; below it, the answer must not begin like an abstention.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tailorbird.models.base import LM, Completion, Progress, Sampling
from tailorbird.task.types import Prompt, Usage

NEVER = 2.0
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class Abstention:
    """How abstaining is worded, and when it is done."""

    text: str
    """The whole answer."""
    beginning: str
    """Words that no other answer begins with."""
    above: float
    """Probability from which the model abstains."""


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
    progress: Progress | None = None,
) -> list[Completion]:
    """Abstain where that is probable enough, and answer everywhere else."""
    fits = [i for i, p in enumerate(prompts) if (lm.room(p, sampling.max_tokens) or 0) >= 0]
    scores = lm.score([prompts[i] for i in fits], [abstention.text])
    silent = {
        i: row[0] for i, row in zip(fits, scores) if math.exp(row[0].total) >= abstention.above
    }
    speaking = [i for i in range(len(prompts)) if i not in silent]
    answers = lm.complete(
        [prompts[i] for i in speaking],
        replace(sampling, not_beginning=abstention.beginning),
        progress,
    )
    if progress and silent:
        progress(len(silent))
    out = dict(zip(speaking, answers))
    for i, score in silent.items():
        out[i] = Completion(abstention.text, Usage(score.prompt_tokens, len(score.logprobs)))
    return [out[i] for i in range(len(prompts))]


def best_threshold(
    probabilities: Sequence[float], if_silent: Sequence[float], if_speaking: Sequence[float]
) -> float:
    """The threshold with the greatest sum of worths; of equal ones the highest.

    `if_silent` and `if_speaking`: what abstaining and answering are worth on each item.
    """
    candidates = sorted({*probabilities, NEVER}, reverse=True)

    def worth(above: float) -> float:
        rows = zip(probabilities, if_silent, if_speaking)
        return sum(silent if p >= above else speaking for p, silent, speaking in rows)

    return max(candidates, key=worth)
