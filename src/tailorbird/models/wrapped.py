"""A model behind another: what wrappers of models share."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailorbird.models.base import LM, Progress, TokenLogprobs
from tailorbird.task.types import Prompt


@dataclass(frozen=True)
class Wrapped:
    """All but `complete`, as `lm` has it: for wrappers that change no answer."""

    lm: LM

    @property
    def name(self) -> str:
        """The model's."""
        return self.lm.name

    @property
    def identity(self) -> str:
        """The model's: a wrapper changes no answer."""
        return self.lm.identity

    @property
    def can_score(self) -> bool:
        """The model's."""
        return self.lm.can_score

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> list[list[TokenLogprobs]]:
        """The model's scores."""
        return self.lm.score(prompts, continuations, progress)

    def room(self, prompt: Prompt, max_tokens: int) -> int | None:
        """The model's."""
        return self.lm.room(prompt, max_tokens)
