"""The model that is measured."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tailorbird.models.files import identify
from tailorbird.models.local import LocalModel, load_parts
from tailorbird.models.text import start_of_text

SEED = 777
"""Of everything drawn here. Training drew its documents with seeds above a million, the tokenizer
with 1000."""


@dataclass(frozen=True)
class Subject:
    """The model that is measured, loaded when a part first asks for it."""

    spec: str

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """Weights and tokenizer: for parts that score plain text."""
        return load_parts(self.spec)

    @cached_property
    def lm(self) -> LocalModel:
        """The same behind the interface of every rung: for parts that hold a conversation."""
        return LocalModel.of(*self.parts, self.spec, identify(self.spec))

    @cached_property
    def start(self) -> int:
        """The token that a text begins with: fledgling's own, else the tokenizer's."""
        return start_of_text(self.parts[1])

    def ids(self, text: str) -> list[int]:
        """Tokens of running text, without start and end."""
        return list(self.parts[1](text, add_special_tokens=False).input_ids)
