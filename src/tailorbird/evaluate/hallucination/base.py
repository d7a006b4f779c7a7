"""The protocol of hallucination detectors. The file name is the registry.

A detector reads an answer claim by claim and says how well the sources, or the question itself,
support each. Each module exports its class, a frozen dataclass of settings, as `DETECTOR`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tailorbird.models.base import Progress
from tailorbird.settings import from_named


@dataclass(frozen=True, slots=True)
class Case:
    """An answer with what it may rest on."""

    answer: str
    sources: tuple[str, ...] = ()
    """Texts; none: nothing supports the answer but the question."""
    question: str = ""
    """What it repeats of the question is not made up."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that an answer says: a sentence, or a fact in it."""

    text: str
    support: float | None
    """In [0, 1], 1 is fully supported; None: it could not be judged, and `reason` says why."""
    reason: str = ""


@runtime_checkable
class Detector(Protocol):
    """One way to see whether claims are supported."""

    @property
    def threshold(self) -> float:
        """A claim with less support than this is called unsupported."""

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """The claims of each answer, in order; an answer that claims nothing has none.

        `cache`: a folder for embeddings and paid answers, safe to delete. `progress` is told of
        answers.
        """


def make_detector(given: str | Mapping[str, Any]) -> Detector:
    """A detector by name, or by one name with its settings: `{nli: {model: FOLDER}}`.

    Raises `TaskError` for an unknown name or setting.
    """
    made: Detector = from_named("evaluate.hallucination", given, "detector", "DETECTOR")
    return made


def case_by_case(
    cases: Sequence[Case], claims: Callable[[Case], Iterable[Claim]], progress: Progress | None
) -> list[tuple[Claim, ...]]:
    """What `claims` sees in each case, one after the other."""
    found = []
    for case in cases:
        found.append(tuple(claims(case)))
        if progress:
            progress(1)
    return found


def weakest(claims: Sequence[Claim], nothing: float = 1.0) -> float | None:
    """The support of the worst claim; `nothing` where there is none, None where none was judged."""
    if not claims:
        return nothing
    return min((c.support for c in claims if c.support is not None), default=None)
