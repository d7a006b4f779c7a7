"""The one authority on chat templates, tokens and masks, for training, inference and serving alike.

Everything comes from the tokenizer's own `chat_template`. What is learned is found by prefix
difference: the tokens of a conversation minus the tokens of its prompt, up to and including the
token that ends the assistant's turn.

Control tokens are the template's alone to write. Where a message spells one ("<|end|>"), it is
encoded as the plain characters it is made of, so that nobody can end their turn and open another.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import TemplateError

from tailorbird.errors import ModelError
from tailorbird.task.types import Message, Prompt

CUT = "\ufdd0"
"""Text is cut here before it is encoded: a code point that Unicode reserves for such use."""


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
        asked, answered = (Message("user", "a"),), Message("assistant", "b")
        prompt, whole = self._render(asked, True), self._render((*asked, answered), False)
        control = set(self.tokenizer.convert_tokens_to_ids(self._control_tokens))
        said = self._encode(whole.removeprefix(prompt))
        last = next((t for t in reversed(said) if t in control), self.tokenizer.eos_token_id)
        return frozenset((self.tokenizer.eos_token_id, last))

    @property
    def pad(self) -> int:
        """Token id to pad with."""
        given = self.tokenizer.pad_token_id
        return int(min(self.ends) if given is None else given)

    def prompt(self, messages: Prompt) -> list[int]:
        """Token ids up to the point where the assistant begins to write."""
        return self._encode(self._render(messages, True))

    def row(self, messages: Prompt, target: str) -> Row:
        """Prompt and answer as one training row; only the answer and its end token are learned."""
        prompt, answer = self.prompt(messages), self._answer(messages, target)
        return Row((*prompt, *answer), (0,) * len(prompt) + (1,) * len(answer))

    def conversation(self, messages: Prompt) -> Row:
        """A whole conversation; every assistant turn is learned, its end token included."""
        spelled = any(self._spelled.search(m.content) for m in messages)
        if _GENERATION.search(str(self.tokenizer.chat_template)) and not spelled:
            return self._by_markers(messages)
        tokens = tuple(self._encode(self._render(messages, False)))
        learned = [0] * len(tokens)
        for i, message in enumerate(messages):
            if message.role == "assistant":
                row = self.row(messages[:i], message.content)
                if tokens[: len(row.tokens)] != row.tokens:
                    raise _rewritten()
                learned[: len(row.tokens)] = map(max, learned, row.learned)
        return Row(tokens, tuple(learned))

    def continuation(self, target: str) -> list[int]:
        """Tokens of an answer with its end token, as they follow any prompt of this template."""
        return self._answer((Message("user", "a"),), target)

    def text(self, ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, surrounding white space stripped."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    # ---- turns -> text -> tokens -------------------------------------------------------------

    def _answer(self, messages: Prompt, target: str) -> list[int]:
        before = self._render(messages, True)
        whole = self._render((*messages, Message("assistant", target)), False)
        if not whole.startswith(before):
            raise _rewritten()
        prompt, both = self._encode(before), self._encode(whole)
        # Where the answer's first letters merge with the end of the prompt into one token, the
        # model that answers sees the prompt unmerged: then they are encoded apart.
        apart = both[: len(prompt)] != prompt
        answer = self._encode(whole[len(before) :]) if apart else both[len(prompt) :]
        for position in range(len(answer) - 1, -1, -1):
            if answer[position] in self.ends:
                return answer[: position + 1]
        return [*answer, self.tokenizer.eos_token_id]

    def _render(self, messages: Prompt, generate: bool) -> str:
        """The conversation as text, with cuts in what must not become a control token."""
        turns = [
            {"role": m.role, "content": self._spelled.sub(rf"\1{CUT}", m.content)}
            for m in self._with_system(messages)
        ]
        return str(self._apply(turns, add_generation_prompt=generate, tokenize=False))

    def _encode(self, text: str) -> list[int]:
        return list(_tokens(self.tokenizer, text))

    def _apply(self, turns: list[dict[str, str]], **options: Any) -> Any:
        try:
            return self.tokenizer.apply_chat_template(turns, **options)
        except TemplateError as error:
            raise ModelError(f"the chat template refuses the conversation: {error}") from error

    def _by_markers(self, messages: Prompt) -> Row:
        """The same through the template's generation markers, tokenised once."""
        turns = [{"role": m.role, "content": m.content} for m in self._with_system(messages)]
        out = self._apply(turns, return_dict=True, return_assistant_tokens_mask=True)
        return Row(tuple(out["input_ids"]), tuple(out["assistant_masks"]))

    def _with_system(self, messages: Prompt) -> Prompt:
        """The turns; where a template has no place for a system message, the user says it."""
        if not messages or messages[0].role != "system" or self._takes_system:
            return messages
        system, *rest = messages
        if not rest or rest[0].role != "user":
            return (Message("user", system.content), *rest)
        return (Message("user", f"{system.content}\n\n{rest[0].content}"), *rest[1:])

    @cached_property
    def _takes_system(self) -> bool:
        # Some templates refuse a system message, and some leave it out without a word.
        probe = "(system message)"
        turns = [{"role": "system", "content": probe}, {"role": "user", "content": "a"}]
        try:
            return probe in self._apply(turns, tokenize=False)
        except ModelError:
            return False

    @cached_property
    def _control_tokens(self) -> list[str]:
        added = [t.content for t in self.tokenizer.added_tokens_decoder.values() if t.special]
        return sorted({*self.tokenizer.all_special_tokens, *added})

    @cached_property
    def _spelled(self) -> re.Pattern[str]:
        """Finds the first character of every control token that a text spells out, and cuts."""
        spellings = "|".join(re.escape(t) for t in self._control_tokens)
        return re.compile(f"(?={spellings})(.)|{CUT}", re.DOTALL)


_GENERATION = re.compile(r"{%-?\s*generation\b")


def _rewritten() -> ModelError:
    return ModelError(
        "this chat template writes the prompt differently once it is answered, so what should be "
        "learned cannot be told from what is given",
        hint="use a template whose generation prompt is a prefix of the answered turn",
    )


@lru_cache(maxsize=4096)
def _tokens(tokenizer: Any, text: str) -> tuple[int, ...]:
    parts = (tokenizer(part, add_special_tokens=False).input_ids for part in text.split(CUT))
    return tuple(token for part in parts for token in part)
