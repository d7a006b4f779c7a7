"""Answers rest on what they cite: facts stand in the cited documents, labels are the task's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tailorbird.data.synth.base import Material, Row
from tailorbird.evaluate.hallucination.base import Case, make_detector
from tailorbird.task.facts import states
from tailorbird.task.types import Example

STAGE = 1


@dataclass(frozen=True)
class Grounded:
    """What a detector of `evaluate/hallucination` calls supported."""

    detector: str | Mapping[str, Any] = "facts"
    """A detector by name, or by name with settings: `{overlap: {threshold: 0.7}}`."""

    def missing(self, material: Material) -> str | None:
        """Never: required facts must stand in an answer whatever it rests on."""
        make_detector(self.detector)
        return None

    def asks(self, material: Material) -> str | None:
        """Nobody; a judge is a filter of its own."""
        return None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """The wrong answer of a pair may say what it likes."""
        reasons = [_malformed(row.example, material) for row in rows]
        cited = [i for i, row in enumerate(rows) if reasons[i] is None and row.example.sources]
        cases = [_case(rows[i].example, material) for i in cited]
        detector = make_detector(self.detector)
        for i, claims in zip(cited, detector.examine(cases, material.cache), strict=True):
            weak = [c.text for c in claims if (c.support or 0.0) < detector.threshold]
            if weak:
                reasons[i] = "the answer says what its sources do not"
        return reasons


def _malformed(example: Example, material: Material) -> str | None:
    labels, documents = material.task.labels, material.task.document_by_id
    if labels and example.target not in labels:
        return "the label is none of the task's"
    if any(source not in documents for source in example.sources):
        return "cites a document that is not there"
    if not all(states(str(example.target), fact) for fact in example.facts):
        return "the answer lacks a fact that it must state"
    return None


def _case(example: Example, material: Material) -> Case:
    documents = [material.task.document_by_id[s] for s in example.sources]
    sources = tuple(f"{d.title}\n{d.text}" for d in documents)
    # What rows usually begin with (thanks, a greeting) is style, and claims nothing.
    answer = str(example.target).removeprefix(material.opening)
    return Case(answer, sources, example.text)


FILTER = Grounded
