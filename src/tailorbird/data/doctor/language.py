"""Rows in another language than the bulk."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

from pydantic import Field

from tailorbird.data.doctor._sample import Share, clipped
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Remedy, Sample
from tailorbird.errors import MissingExtra
from tailorbird.extras import need
from tailorbird.task.types import Example
from tailorbird.words import counted


@dataclass(frozen=True)
class Language:
    """Languages by py3langid: naive Bayes over byte n-grams, 139 languages (Lui & Baldwin 2012).

    Effect: the share of the test rows, or else of the first part that has some, which are so, as if
    every rung failed on them.
    """

    rows: Annotated[int, Field(ge=1)] = 20_000
    """Rows whose language is told, drawn at random: about 2,800 mails with answers in a second."""
    letters: Annotated[int, Field(ge=1)] = 20
    """Of shorter texts the language is not told."""
    sure: Annotated[float, Field(gt=0, le=1)] = 0.9
    """The least probability at which a row counts as being in another language."""
    rare: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """A language of a smaller share of the rows than this is not of the bulk."""
    read: Annotated[int, Field(ge=20)] = 400
    """Characters of a text that are read."""

    def missing(self, patient: Patient) -> str | None:
        """Needs py3langid."""
        try:
            need("py3langid")
        except MissingExtra as error:
            return f"{error}; {error.hint}"
        return None

    def start(self, patient: Patient) -> "Listening":
        """Begin."""
        share = Share(self.rows, sum(patient.rows.values()), patient.seed)
        return Listening(self, share, patient.task is None or patient.task.spec.kind == "answer")


@dataclass(frozen=True, slots=True)
class Heard:
    """A row with the languages that were told of it."""

    id: str
    part: Part
    input: str | None
    """None: not sure."""
    answer: str | None
    text: str
    """The input, or else the answer."""
    said: str
    """The answer."""


@dataclass
class Listening:
    """The rows of the sample."""

    check: Language
    share: Share
    answers: bool
    """Whether answers are texts, not labels."""
    heard: list[Heard] = field(default_factory=list)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        for example in rows:
            if self.share.takes():
                said = example.target or "" if self.answers else ""
                languages = self._language(example.text), self._language(said)
                text = (clipped(example.text), clipped(said))
                self.heard.append(Heard(example.id, part, *languages, *text))

    def _language(self, text: str) -> str | None:
        start = text[: self.check.read]
        if sum(map(str.isalpha, start)) < self.check.letters:
            return None
        language, probability = _identifier().classify(start)
        return language if probability >= self.check.sure else None

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        yield from self._strangers()
        yield from self._mismatched()

    def _strangers(self) -> Iterator[Finding]:
        """Languages that few rows are in."""
        told = Counter(h.input for h in self.heard if h.input is not None)
        bulk = {la for la, n in told.items() if n >= self.check.rare * told.total()}
        rows = [h for h in self.heard if h.input is not None and h.input not in bulk]
        if rows and bulk:
            usual = " or ".join(sorted(bulk))
            yield self._finding(
                f"{counted(len(rows), 'input')} in another language than most, {usual}", rows,
                f"not in {usual}", {"inputs": dict(told.most_common())},
            )  # fmt: skip

    def _mismatched(self) -> Iterator[Finding]:
        """Answers in another language than their question, where most are in the same."""
        both = [h for h in self.heard if h.input is not None and h.answer is not None]
        rows = [h for h in both if h.input != h.answer]
        if rows and len(rows) < self.check.rare * len(both):
            pairs = Counter(f"{h.input}, answered in {h.answer}" for h in rows)
            yield self._finding(
                f"{counted(len(rows), 'answer')} in another language than the input", rows,
                "answered in another language", {"languages": dict(pairs.most_common())}, True,
            )  # fmt: skip

    def _finding(
        self, text: str, rows: Sequence[Heard], reason: str, details: Mapping[str, Any],
        answered: bool = False,
    ) -> Finding:  # fmt: skip
        part: Part = "test" if any(h.part == "test" for h in rows) else rows[0].part
        among = sum(h.part == part for h in self.heard)
        share = sum(h.part == part for h in rows) / among
        part_of = f" of {len(self.heard):,} rows drawn" if self.share.rate < 1 else ""
        return Finding(
            check="language",
            level="warning",
            text=text + part_of,
            affected=len(rows),
            effect=share,
            why=f"{100 * share:.2g} % of {part}, if every rung fails on them",
            samples=tuple(
                Sample(h.id, h.part, h.said if answered else h.text, _note(h, answered))
                for h in rows[:SHOWN]
            ),
            remedy=Remedy(
                "drop",
                dict.fromkeys((h.id for h in rows), None),
                reason,
                notes={h.id: _note(h, answered) for h in rows},
            ),
            details=details,
        )


def _note(heard: Heard, answered: bool) -> str:
    return f"{heard.answer}, asked in {heard.input}" if answered else str(heard.input)


@cache
def _identifier() -> Any:
    langid = need("py3langid.langid")
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


CHECK = Language
