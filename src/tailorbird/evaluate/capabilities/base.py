"""The protocol of capabilities. The file name is the registry: a capability is a file beside this.

A capability is a frozen dataclass; its fields are its settings. It is asked of the base and of the
tuned model alike, on the same items. Each module exports its class as `CAPABILITY`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tailorbird.models.base import Sampling
from tailorbird.progress import progress
from tailorbird.settings import from_named
from tailorbird.task.types import Message

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel


@dataclass(frozen=True)
class Ground:
    """What a capability may use beside its settings."""

    seed: int = 0
    """Of what is drawn: the same items for both models."""
    folder: Path = Path()
    """What paths are relative to."""
    data_folder: Path | None = None
    """What `{data}` stands for."""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one item."""

    asked: str
    mark: float | None
    """In the unit of the capability; None where it could not be marked."""
    said: str = ""
    """The answer, where there is one."""
    group: str | None = None
    """What items share when they are not independent of each other."""


class Capability(Protocol):
    """One general ability."""

    unit: ClassVar[str]
    """What marks are: `share right`, `bits per byte`."""
    higher_is_better: ClassVar[bool]

    @property
    def margin(self) -> float:
        """How much may be lost, in that unit."""

    @property
    def title(self) -> str:
        """What a report calls it."""

    def missing(self, ground: Ground) -> str | None:
        """Why it cannot be measured here; None where it can."""

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """One item each, the same ones in the same order for every model with equal `ground`."""


def make_capability(settings: str | Mapping[str, Any]) -> Capability:
    """The capability that a task file names: `"grammar"`, or `{"grammar": {"pairs": 100}}`.

    Raises `TaskError` for an unknown capability or setting, naming the nearest one.
    """
    made: Capability = from_named("evaluate.capabilities", settings, "capability", "CAPABILITY")
    return made


def answers(
    lm: "LocalModel", questions: Sequence[str], max_tokens: int, what: str, quiet: bool
) -> Iterator[str]:
    """What the model says to each question, with nothing before it."""
    prompts = [(Message("user", question),) for question in questions]
    with progress(what, len(prompts), quiet) as tick:
        for done in lm.complete(prompts, Sampling(max_tokens=max_tokens), tick):
            yield done.text
