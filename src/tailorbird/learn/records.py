"""What goes into the review queue and comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from tailorbird.learn.states import State
from tailorbird.store import digest
from tailorbird.task.types import Example

Purpose = Literal["train", "second_look", "control"]
"""train: to be learned from. second_look: a training row whose label is doubted. control: its label
is known, and measures annotators."""

EXAMPLE: TypeAdapter[Example] = TypeAdapter(Example)
"""Examples as JSON and back."""


@dataclass(frozen=True)
class Entry:
    """One input that somebody should label."""

    example: Example
    why: str
    """Why it was chosen, for people."""
    strategy: str
    priority: float = 0.0
    """The larger, the sooner."""
    suggestion: str | None = None
    """What a rung would answer."""
    purpose: Purpose = "train"
    gold: str | None = None
    """Of a control item, its label; of a second look, the label that is doubted."""


@dataclass(frozen=True)
class Answer:
    """What one annotator says in the present round."""

    annotator: str
    label: str | None
    """None: cannot tell."""
    seconds: float | None = None


@dataclass(frozen=True)
class Item:
    """One item of the queue, as things stand."""

    id: int
    entry: Entry
    wanted: int
    """Annotators that are asked."""
    needed: int
    """Equal answers that settle it."""
    round: int
    """1, and one more each time that it was reopened."""
    state: State
    label: str | None
    """What was agreed or decided."""
    answers: tuple[Answer, ...] = ()

    def shown(self) -> dict[str, Any]:
        """What an annotator may see: not what others say, nor whether the label is known."""
        given = self.entry.example.input
        turns = [{"role": t.role, "content": t.content} for t in self.entry.example.turns]
        return {
            "item": self.id,
            "input": given if isinstance(given, str) else turns,
            "suggestion": self.entry.suggestion,
            "why": self.entry.why,
        }


@dataclass(frozen=True)
class Event:
    """One line of the history."""

    item: int
    time: str
    """UTC, ISO 8601."""
    who: str
    what: str
    """queued, assigned, answered, cannot_tell, skipped, decided, reopened, withdrawn, taken."""
    round: int
    label: str | None
    note: str
    seconds: float | None
    interface: str
    """terminal, file, web, command."""


def key_of(example: Example) -> str:
    """What inputs that ask the same have in common, whatever their system turns say.

    Queues that people have worked on hold these keys: what makes one is to stay as it is.
    """
    return digest(example.asked)[:16]


def entry_of(row: Mapping[str, Any]) -> Entry:
    """The entry of a row of the table of items."""
    return Entry(
        example=EXAMPLE.validate_json(row["row"]),
        why=row["why"],
        strategy=row["strategy"],
        priority=row["priority"],
        suggestion=row["suggestion"],
        purpose=row["purpose"],
        gold=row["gold"],
    )
