"""The one authority on chat templates, tokens and masks, for training, inference and serving alike.

Everything comes from the tokenizer's own `chat_template`. What is learned is found by prefix
difference: the tokens of a conversation minus the tokens of its prompt, up to and including the
token that ends the assistant's turn.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from tailorbird.errors import ModelError
from tailorbird.task.types import Message, Prompt


@dataclass(frozen=True, slots=True)
class Row:
    """One training row. `learned[i]` is 1 where token i is to be predicted."""

    tokens: tuple[int, ...]
    learned: tuple[int, ...]


@dataclass(frozen=True)
class Chat:
    """A tokenizer with its chat template."""

    tokenizer: Any

    def __post_init__(self) -> None:
        if not getattr(self.tokenizer, "chat_template", None):
            raise ModelError(
                f"the tokenizer of {self.tokenizer.name_or_path} has no chat template",
                hint="add chat_template.jinja to the model folder, or use the -instruct variant",
            )
        if self.tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer names no end token (eos_token)")

    @cached_property
    def template_digest(self) -> str:
        """SHA-256 of the template: it travels with every adapter trained on it."""
        return hashlib.sha256(str(self.tokenizer.chat_template).encode()).hexdigest()

    @cached_property
    def ends(self) -> frozenset[int]:
        """Token ids that end the assistant's turn: the tokenizer's, and the template's own."""
        probe = self._render((Message("user", "a"), Message("assistant", "b")), False)
        special = set(self.tokenizer.all_special_ids)
        last = next((t for t in reversed(probe) if t in special), None)
        return frozenset(t for t in (self.tokenizer.eos_token_id, last) if t is not None)

    def prompt(self, messages: Prompt) -> list[int]:
        """Token ids up to the point where the assistant begins to write."""
        return self._render(messages, True)

    def row(self, messages: Prompt, target: str) -> Row:
        """Prompt and answer as one training row; only the answer and its end token are learned."""
        prompt = self.prompt(messages)
        answer = self._answer(messages, prompt, target)
        return Row((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))

    def conversation(self, messages: Prompt) -> Row:
        """A whole conversation; every assistant turn is learned (needs generation markers)."""
        out = self.tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in messages],
            tokenize=True, return_dict=True, return_assistant_tokens_mask=True,
        )  # fmt: skip
        learned = tuple(out["assistant_masks"])
        if not any(learned):
            raise ModelError("this chat template does not mark what the assistant says")
        return Row(tuple(out["input_ids"]), learned)

    def continuation(self, target: str) -> list[int]:
        """Tokens of an answer with its end token, as they follow any prompt of this template."""
        probe = (Message("user", "a"),)
        return self._answer(probe, self.prompt(probe), target)

    def _answer(self, messages: Prompt, prompt: list[int], target: str) -> list[int]:
        whole = self._render((*messages, Message("assistant", target)), False)
        if whole[: len(prompt)] != prompt:
            raise ModelError(
                "this chat template writes the prompt differently once it is answered, so what "
                "should be learned cannot be told from what is given",
                hint="use a template whose generation prompt is a prefix of the answered turn",
            )
        answer = whole[len(prompt) :]
        for position in range(len(answer) - 1, -1, -1):
            if answer[position] in self.ends:
                return answer[: position + 1]
        return [*answer, self.tokenizer.eos_token_id]

    def text(self, ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, surrounding white space stripped."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _render(self, messages: Prompt, generate: bool) -> list[int]:
        turns = tuple((m.role, m.content) for m in messages)
        return list(_tokens(self.tokenizer, turns, generate))


@lru_cache(maxsize=4096)
def _tokens(tokenizer: Any, turns: tuple[tuple[str, str], ...], generate: bool) -> tuple[int, ...]:
    messages = [{"role": role, "content": content} for role, content in turns]
    ids = tokenizer.apply_chat_template(
        messages, tokenize=True, add_generation_prompt=generate, return_dict=False
    )
    return tuple(ids)
