"""Questions on documents: the cited one answers them, and what is called unanswerable is so.

By rule: a search for the question finds the cited document among the first, and no one sentence of
what it finds has nearly all words of an unanswerable question. With a teacher: it answers from the
document, and must come to the required facts (round-trip consistency, Alberti et al. 2019,
arXiv:1906.05416); to an unanswerable question it must find nothing in what the search finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.perturbations.base import question
from tailorbird.data.synth._bill import Billed
from tailorbird.data.synth._teaching import asked
from tailorbird.data.synth.base import Material, Row, Teacher
from tailorbird.evaluate.hallucination._sentences import covered
from tailorbird.models.base import Completion
from tailorbird.progress import progress
from tailorbird.task.facts import states

STAGE = 2
NOTHING = "NOT ANSWERED"
_FAR = "a search for the question does not find what it cites"
_SAID = "a document may answer what is called unanswerable"


@dataclass(frozen=True)
class Answerable:
    """Rows that were made from a document."""

    passages: Annotated[int, Field(ge=1)] = 5
    """The first hits of a search, among which the cited document must be."""
    covered: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of an unanswerable question's words from which a sentence may answer it."""
    ask: bool = True
    """Whether a teacher is asked, where there is one."""
    max_tokens: Annotated[int, Field(ge=1)] = 120

    def missing(self, material: Material) -> str | None:
        """Without documents."""
        return None if material.task.documents else "the task has no documents"

    def asks(self, material: Material) -> str | None:
        """The first teacher; a row of its own goes to the next one, if there is one."""
        return material.teachers[0].name if self.ask and material.teachers else None

    def sift(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        """Rows made from other rows pass: their answers are known to be right."""
        at = [
            i for i, row in enumerate(rows)
            if row.of in material.task.document_by_id and row.made.rejected is None
        ]  # fmt: skip
        chosen = [rows[i] for i in at]
        taught = self.ask and bool(material.teachers)
        said = self._by_teacher(chosen, material) if taught else self._by_rule(chosen, material)
        reasons: list[str | None] = [None] * len(rows)
        for i, reason in zip(at, said, strict=True):
            reasons[i] = reason
        return reasons

    def _by_rule(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        found = material.index.search([question(r.example) for r in rows], self.passages)
        reasons: list[str | None] = []
        for row, near in zip(rows, found, strict=True):
            example = row.example
            if example.answerable:
                there = {p.document for p in near} & set(example.sources)
                reasons.append(None if there else _FAR)
                continue
            share = max((covered(question(example), [p.text], "")[0] for p in near), default=0.0)
            reasons.append(_SAID if share >= self.covered else None)
        return reasons

    def _by_teacher(self, rows: Sequence[Row], material: Material) -> list[str | None]:
        found = material.index.search([question(r.example) for r in rows], self.passages)
        reasons: dict[int, str | None] = {}
        with progress("answering the questions", len(rows), material.quiet) as tick:
            for teacher in material.teachers:
                mine = [i for i, r in enumerate(rows) if _asked_of(r, material) is teacher]
                prompts = []
                for i in mine:
                    shown = [("Passage", p.shown) for p in found[i]]
                    if rows[i].example.answerable:
                        cited = [material.task.document_by_id[s] for s in rows[i].example.sources]
                        shown = [("Passage", f"{d.title}: {d.text}") for d in cited]
                    wish = (
                        "Answer the question in one sentence from the passages alone. Where they "
                        f"do not answer it, the answer is: {NOTHING}"
                    )
                    parts = [*shown, ("Question", question(rows[i].example))]
                    prompts.append(asked(material, parts, wish, ["Answer"]))
                lm = Billed(teacher.lm, teacher.name, material.bill, "answerable")
                answers = Teacher(teacher.name, lm).ask(prompts, self.max_tokens, tick)
                for i, answer in zip(mine, answers, strict=True):
                    reasons[i] = _judged(rows[i], answer)
        return [reasons[i] for i in range(len(rows))]


def _asked_of(row: Row, material: Material) -> Teacher:
    """Another teacher than the one that wrote the row, where there is one."""
    others = [t for t in material.teachers if t.name != row.teacher]
    return (others or list(material.teachers))[0]


def _judged(row: Row, answer: Completion) -> str | None:
    if answer.error is not None:
        return "the teacher failed to answer the question"
    nothing = NOTHING.casefold() in answer.text.casefold()
    if not row.example.answerable:
        return None if nothing else _SAID
    if nothing or not all(states(answer.text, f) for f in row.example.facts):
        return "a teacher that reads what it cites comes to another answer"
    return None


FILTER = Answerable
