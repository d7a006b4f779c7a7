"""What Tailorbird asks of a language model: to complete, and to score. Batched, synchronous."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from tailorbird.task.types import Prompt, Usage

Progress = Callable[[int], None]
"""Called with the number of prompts finished since the last call."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw an answer. The default is greedy."""

    max_tokens: int = 96
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    seed: int = 0
    """Seeds sampling where temperature > 0; equal seeds give equal answers on one machine."""
    not_beginning: str = ""
    """Words that an answer must not begin with; local models only."""

    def for_endpoint(self) -> dict[str, Any]:
        """What an endpoint can be told."""
        told = asdict(self)
        del told["not_beginning"]
        return told


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model; `error` is set when there is none."""

    text: str
    usage: Usage
    finish: str = "stop"
    """stop, length or error."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """Log-probabilities (nats) of one continuation's tokens, the end token included."""

    logprobs: tuple[float, ...]
    prompt_tokens: int = 0
    """Length of the prompt that it follows."""

    @property
    def total(self) -> float:
        """Log-probability of the whole continuation."""
        return sum(self.logprobs)


class LM(Protocol):
    """A language model, local or behind an endpoint."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def identity(self) -> str:
        """Changes whenever answers could: part of the fingerprint of every rung that uses it."""

    @property
    def can_score(self) -> bool:
        """Whether `score` works; endpoints of chat completions usually cannot."""

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """One completion per prompt, in order. A prompt that fails is a `Completion` with error."""

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> list[list[TokenLogprobs]]:
        """Log-probabilities of every continuation after every prompt: [prompt][continuation]."""

    def room(self, prompt: Prompt, max_tokens: int) -> int | None:
        """Tokens left in the context after `prompt` and `max_tokens`; None when unknown."""


def score_fitting(
    lm: LM,
    prompts: Sequence[Prompt],
    continuations: Sequence[str],
    max_tokens: int,
    progress: Progress | None = None,
) -> list[list[TokenLogprobs] | None]:
    """As `LM.score`; None for a prompt that with `max_tokens` more does not fit in the context."""
    fits = [(lm.room(p, max_tokens) or 0) >= 0 for p in prompts]
    rows = iter(lm.score([p for p, fit in zip(prompts, fits) if fit], continuations, progress))
    return [next(rows) if fit else None for fit in fits]
