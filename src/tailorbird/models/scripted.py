"""A deterministic language model for tests and docs: it says what it is told to say."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tailorbird.errors import ModelError
from tailorbird.models.base import Completion, Progress, Sampling, TokenLogprobs
from tailorbird.store import digest
from tailorbird.task.types import Prompt, Usage

_ANSWER, _SHARED, _STRANGE = (math.log(p) for p in (0.9, 0.5, 0.05))
"""Log-probability of a word of the scripted answer, of one the user wrote, of any other."""


@dataclass
class Scripted:
    """Answers from a script; a token is a word.

    >>> from tailorbird.task.types import Message
    >>> lm = Scripted({"refund": "billing"}, default="other")
    >>> lm.complete([(Message("user", "I want a refund"),)], Sampling())[0].text
    'billing'
    """

    answers: Mapping[str, str] | Callable[[Prompt], str] = field(default_factory=dict)
    """Substring of the last user turn -> answer, the first that fits wins; or a function of the
    prompt, which may raise `ModelError` to fail on that one."""
    default: str = ""
    """The answer where no substring fits."""
    name: str = "scripted"
    context: int | None = None
    """Words that prompt and answer may have together; None is no limit."""
    calls: list[Prompt] = field(default_factory=list, compare=False)
    """Every prompt completed or scored, in order."""

    @property
    def identity(self) -> str:
        """The script's digest; a function counts by its name alone."""
        function = getattr(self.answers, "__qualname__", type(self.answers).__name__)
        script = dict(self.answers) if isinstance(self.answers, Mapping) else function
        return f"{self.name}:{digest([script, self.default])[:12]}"

    @property
    def can_score(self) -> bool:
        """True."""
        return True

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """The scripted answers, cut to `max_tokens` words."""
        completions = []
        for prompt in prompts:
            self.calls.append(prompt)
            completions.append(self._complete(prompt, sampling.max_tokens))
            if progress:
                progress(1)
        return completions

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> list[list[TokenLogprobs]]:
        """The scripted answer is likeliest, then what shares words with the last user turn."""
        scores = []
        for prompt in prompts:
            self.calls.append(prompt)
            answer, shared = self._answer(prompt), set(_words(_asked(prompt)))
            scores.append([_logprobs(text, answer, shared) for text in continuations])
            if progress:
                progress(1)
        return scores

    def room(self, prompt: Prompt, max_tokens: int) -> int | None:
        """Words left in `context`; None without a limit."""
        return None if self.context is None else self.context - _length(prompt) - max_tokens

    def _complete(self, prompt: Prompt, max_tokens: int) -> Completion:
        try:
            answer = self._answer(prompt)
        except ModelError as error:
            return Completion("", Usage(_length(prompt)), "error", str(error))
        words = answer.split()
        if len(words) > max_tokens:
            return Completion(
                " ".join(words[:max_tokens]), Usage(_length(prompt), max_tokens), "length"
            )
        return Completion(answer, Usage(_length(prompt), len(words)))

    def _answer(self, prompt: Prompt) -> str:
        if not isinstance(self.answers, Mapping):
            return self.answers(prompt)
        asked = _asked(prompt)
        return next((a for part, a in self.answers.items() if part in asked), self.default)


def _asked(prompt: Prompt) -> str:
    """The last user turn: earlier ones may be worked examples."""
    return next((m.content for m in reversed(prompt) if m.role == "user"), "")


def _words(text: str) -> list[str]:
    return [word.strip(".,;:!?").lower() for word in text.split()]


def _length(prompt: Prompt) -> int:
    return sum(len(m.content.split()) for m in prompt)


def _logprobs(text: str, answer: str, shared: set[str]) -> TokenLogprobs:
    if text == answer:
        words = [_ANSWER for _ in text.split()]
    else:
        words = [_SHARED if word in shared else _STRANGE for word in _words(text)]
    return TokenLogprobs((*words, _ANSWER))  # the last one is the end token
