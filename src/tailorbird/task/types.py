"""The records that every stage speaks. Frozen, with a file format each; nothing here does work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


Prompt = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One document that answers may rest on (a handbook passage, a help page)."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row came from."""

    file: str
    row: int
    """1-based line (JSONL) or record number."""
    synthetic: str | None = None
    """What made the row up (a generator's name); None: it was found. Never in a test split."""


@dataclass(frozen=True, slots=True)
class Example:
    """One item of the task: what goes in and, where known, what should come out."""

    id: str
    input: str | Prompt
    target: str | None = None
    """The gold label or the gold answer."""
    sources: tuple[str, ...] = ()
    """Ids of the documents that support the target."""
    facts: tuple[str, ...] = ()
    """Strings that a right answer must state (amounts, deadlines, names)."""
    answerable: bool = True
    """False when the right answer says that the documents do not tell."""
    group: str | None = None
    """What examples share when they are not independent; intervals resample groups."""
    time: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further columns, for slices and routing."""
    provenance: Provenance | None = None

    @property
    def text(self) -> str:
        """The input as one string: what classifiers and retrievers read."""
        if isinstance(self.input, str):
            return self.input
        return "\n".join(m.content for m in self.input if m.role != "system")

    @property
    def folded(self) -> str:
        """The input without case and extra white space: equal ones are the same input.

        With system turns, since the same question under other instructions may have another
        answer. Whether something stands in test is told by `asked`.
        """
        return " ".join(" ".join(m.content for m in self.turns).casefold().split())

    @property
    def asked(self) -> str:
        """`text` without case and extra white space: equal ones ask the same, whatever the system
        turns say. What is held out is known by it, and so is how alike questions are."""
        return " ".join(self.text.casefold().split())

    @property
    def made_up(self) -> bool:
        """Whether something made it up: such an example never stands in a test split."""
        return self.provenance is not None and self.provenance.synthetic is not None

    @property
    def turns(self) -> Prompt:
        """The input as conversation turns."""
        return (Message("user", self.input),) if isinstance(self.input, str) else self.input


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float | None = None
    """Wall time of this one request; None where requests are answered in batches."""
    cost: float | None = None
    """Money, in the currency of the task's prices; None when the price is unknown."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer. An `error` counts as wrong and is never dropped."""

    text: str
    label_scores: Mapping[str, float] | None = None
    """Probability per label."""
    confidence: float | None = None
    """Probability in [0, 1] that the answer is right, where the solver has one."""
    usage: Usage = Usage()
    citations: tuple[str, ...] = ()
    """Ids of the documents shown to the model or named by it, best first."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A mark in [0, 1]. None: could not be marked, and `reason` says why (never NaN)."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Answers to one input as people ranked them, or one answer that they judged."""

    id: str
    input: str | Prompt
    answers: tuple[str, ...]
    """Best first."""
    good: bool | None = None
    """Whether a single answer is wanted; None where answers are ranked."""
    group: str | None = None
    """What comparisons share when they are not independent."""
    provenance: Provenance | None = None
