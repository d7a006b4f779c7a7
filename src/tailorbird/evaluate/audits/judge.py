"""A language model grades the answers, and its errors are part of the interval.

The judge is a file that `tailorbird judge` wrote. Its share of good answers is corrected by how it
errs on answers that people graded; a limit may rest on the corrected figure alone, and on no judge
whose agreement with people is unknown or may be chance.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tailorbird.errors import TaskError
from tailorbird.evaluate.audits.base import Audited, Line, Sample, Subject
from tailorbird.evaluate.judges.base import Item, as_score
from tailorbird.evaluate.judges.correction import prediction_powered, rogan_gladen
from tailorbird.evaluate.statistics import Estimate, design_effect, estimate_mean
from tailorbird.progress import progress
from tailorbird.task.types import Example, Score

if TYPE_CHECKING:
    from tailorbird.evaluate.judges.record import JudgeRecord

_SAMPLES = 8


@dataclass(frozen=True)
class Judge:
    """Answers, as a judge grades them."""

    file: str = ""
    """What `tailorbird judge` wrote, relative to the task file."""
    at_least: Annotated[float | None, Field(ge=0, le=1)] = None
    """Limit of the corrected share of good answers (or mean grade). Where `bar.proof` is
    `interval`, the whole interval must reach it."""

    def missing(self, subject: Subject) -> str | None:
        """Without a judge there is nothing to ask; without agreement nothing rests on it."""
        if not self.file:
            return "no judge is named (audits: - judge: {file: judge.json})"
        record = self._record(subject)
        if record.kind != "rubric":
            return f"{self.file} compares two answers, and does not grade one"
        reason = record.cannot_gate()
        if self.at_least is not None and reason:
            raise TaskError(
                f"{self.file} cannot gate: {reason}",
                hint="measure it on more answers that people graded (tailorbird judge), "
                "or leave out at_least",
            )
        return None

    def examine(self, subject: Subject) -> Audited:
        """The judge's share, and the share corrected for its errors."""
        from tailorbird.models.cached import Cached
        from tailorbird.models.load import load_model

        record = self._record(subject)
        lm = load_model(record.model, None, subject.task.spec.endpoint)
        record.check_model(lm)
        examples = subject.task.examples("test")
        items = [_item(subject, e, record) for e in examples]
        asked = [(item, p.text) for item, p in zip(items, subject.predictions) if p.error is None]
        with progress("judging", len(asked), subject.quiet) as tick:
            said = iter(record.rubric.grade(Cached(lm, subject.cache / "judged"), asked, tick))
        scores = [
            as_score(next(said), len(record.grades)) if p.error is None else Score(0.0, p.error)
            for p in subject.predictions
        ]
        return self._audited(subject, record, scores)

    def _record(self, subject: Subject) -> "JudgeRecord":
        from tailorbird.evaluate.judges.record import JudgeRecord

        return JudgeRecord.load(subject.task.folder / self.file)

    def _audited(self, subject: Subject, record: "JudgeRecord", scores: list[Score]) -> Audited:
        examples = subject.task.examples("test")
        marks, groups = [s.value for s in scores], [e.group for e in examples]
        apparent = estimate_mean(marks, groups, subject.seed)
        lines = [Line("as the judge grades", apparent)]
        corrected = apparent and corrected_for(record, apparent, design_effect(marks, groups))
        if corrected is not None:
            lines.append(
                Line("corrected for its errors", corrected, holds=self._holds(subject, corrected))
            )
        unread = [s.reason for s in scores if s.value is None]
        notes = [f"Judged by {record.model}: {record.text.strip()}", _agreement_note(record)]
        if unread:
            notes.append(f"{len(unread)} verdicts could not be read, the first: {unread[0]}.")
        worst = sorted((s.value, i) for i, s in enumerate(scores) if s.value is not None)
        samples = tuple(
            Sample(lines[0].name, examples[i].text, _sample(subject.predictions[i].text, scores[i]))
            for value, i in worst[:_SAMPLES]
            if value < 1
        )
        measure = f"{record.grades[-1]} answers" if len(record.grades) == 2 else "mean grade"
        return Audited(
            "judge", "A judge's grades", measure, True, True, tuple(lines), tuple(notes), samples
        )

    def _holds(self, subject: Subject, corrected: Estimate) -> bool | None:
        if self.at_least is None:
            return None
        strict = subject.task.spec.bar.proof == "interval"
        return (corrected.low if strict else corrected.value) >= self.at_least


def corrected_for(record: "JudgeRecord", apparent: Estimate, effect: float) -> Estimate | None:
    """`apparent`, corrected for the judge's errors; None where they were not measured.

    `effect`: the design effect of the judge's marks.
    """
    agreement = record.agreement
    if agreement is None:
        return None
    if agreement.sensitivity is not None and agreement.specificity is not None:
        return rogan_gladen(
            apparent, apparent.n / effect, agreement.sensitivity.value,
            agreement.specificity.value, agreement.effective,
        )  # fmt: skip
    return agreement.bias and prediction_powered(apparent, agreement.bias)


def _item(subject: Subject, example: Example, record: "JudgeRecord") -> Item:
    """What the judge was shown when it was measured, and no more."""
    documents = [subject.task.document_by_id[s] for s in example.sources]
    texts = tuple(f"{d.title}\n{d.text}" for d in documents)
    return Item(
        example.text,
        (example.target or "") if "reference" in record.shows else "",
        texts if "sources" in record.shows else (),
    )


def _agreement_note(record: "JudgeRecord") -> str:
    kappa = record.agreement.kappa if record.agreement else None
    if kappa is None:
        return "How far people agree with it is not known: nothing may rest on these figures."
    return (
        f"People agree with it beyond chance by kappa = {kappa.value:.2f} "
        f"[{kappa.low:.2f}, {kappa.high:.2f}], on {kappa.n} answers."
    )


def _sample(answer: str, score: Score) -> str:
    return f"{answer}\n\nthe judge: {score.reason}"


AUDIT = Judge
