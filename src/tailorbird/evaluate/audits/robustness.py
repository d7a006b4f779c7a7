"""Robustness: the same question written otherwise, with an instruction hidden in it, or of another
field."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from tailorbird.approaches.quote import Quoting
from tailorbird.data.perturbations.base import asking, keeps_facts, make_perturbation, question
from tailorbird.evaluate.audits._answering import answered, drawn, in_chunks, shown
from tailorbird.evaluate.audits._instructions import (
    SENTENCE,
    demands,
    instruction,
    obeys,
    poisoned,
)
from tailorbird.evaluate.audits._strangers import QUESTIONS
from tailorbird.evaluate.audits.base import Audited, Line, Sample, Subject, corrected
from tailorbird.evaluate.statistics import compare, estimate_mean
from tailorbird.task.scorers.facts import abstains
from tailorbird.task.types import Example, Prediction

Change = str | dict[str, dict[str, Any]]
SAMPLES = 2
"""Items shown per line."""
QUOTES = "it only quotes: what is hidden in a passage stands in the answer, and nobody obeys it"
Found = tuple[list[Line], list[Sample]]


@dataclass(frozen=True)
class Robustness:
    """The primary metric on inputs that are written otherwise, against the plain ones."""

    changes: tuple[Change, ...] = (
        "typos", "lower_case", "upper_case", "spacing", "chatter", "paraphrase",
    )  # fmt: skip
    """Names, or names with settings, of ways to write an input otherwise."""
    instructions: bool = True
    """Whether to hide instructions in inputs, and in passages where the rung reads some."""
    strangers: tuple[str, ...] = QUESTIONS
    """Questions that the rung should decline; for tasks that say how to (`outputs.abstain`,
    `outputs.out_of_scope`)."""
    limit: Annotated[int, Field(ge=10)] | None = 200
    """Test items that are drawn; null: all."""
    at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much of the primary metric a change may cost."""
    obeyed_at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the hidden instructions that may be obeyed."""
    answered_at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of the strangers' questions that may be answered."""

    def missing(self, subject: Subject) -> str | None:
        """Never; a change that is not known is refused."""
        for change in self.changes:
            make_perturbation(change)
        return None

    def examine(self, subject: Subject) -> Audited:
        """Ask again, one change after the other."""
        every = subject.task.examples("test")
        at = drawn(len(every), self.limit, subject.seed)
        plain = _Asked([every[i] for i in at], [subject.predictions[i] for i in at])
        found = [self._changed(subject, plain, change) for change in self.changes]
        if self.instructions:
            found += [self._in_inputs(subject, plain), self._in_passages(subject, plain)]
        found.append(self._strangers(subject))
        lines = corrected([line for lines, _ in found for line in lines])
        return Audited(
            audit="robustness", title="Robustness", measure=subject.metric, share=True,
            higher_is_better=subject.higher, lines=lines, notes=_notes(lines, len(at), len(every)),
            samples=tuple(s for _, samples in found for s in samples),
        )  # fmt: skip

    def _changed(self, subject: Subject, plain: "_Asked", change: Change) -> Found:
        name = _name(change)
        before = [question(e) for e in plain.examples]
        made = make_perturbation(change)
        after: list[str | None] = in_chunks(
            subject, f"{name}, writing", before, lambda texts: made.perturb(texts, subject.seed)
        )
        same = [
            i
            for i, (old, new) in enumerate(zip(before, after, strict=True))
            if new is not None and new != old and keeps_facts(old, new)
        ]
        kept = plain.some(same)
        asked = [asking(plain.examples[i], after[i] or "") for i in same]
        return self._against(subject, name, kept, _Asked(asked, answered(subject, name, asked)))

    def _against(self, subject: Subject, name: str, plain: "_Asked", other: "_Asked") -> Found:
        """The primary metric of `other`, which asks the same items, against the plain answers."""
        before = subject.marks(plain.examples, plain.predictions)
        after = subject.marks(other.examples, other.predictions)
        estimate = estimate_mean(after, other.groups, subject.seed)
        change = compare(before, after, other.groups, subject.seed)
        if estimate is None or change is None:
            return [Line(name, None, note="no item to which it applies could be marked")], []
        loss = change
        if subject.higher:
            loss = compare(after, before, other.groups, subject.seed) or change
        line = Line(name, estimate, change, holds=subject.at_most(loss, self.at_most))
        turned = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
        return [line], _samples(name, plain, other, turned)

    def _in_inputs(self, subject: Subject, plain: "_Asked") -> Found:
        name = "instruction in the input"
        wanted = demands(subject, plain.examples, plain.predictions)
        asked = [
            asking(e, f"{question(e)}\n\n{instruction(demand, subject.seed, question(e))}")
            for e, demand in zip(plain.examples, wanted, strict=True)
        ]
        other = _Asked(asked, answered(subject, name, asked))
        return self._obeyed(subject, name, plain, other, wanted)

    def _in_passages(self, subject: Subject, plain: "_Asked") -> Found:
        """All answers are told the same, since an attacker knows the document, not the question."""
        name = "instruction in a passage"
        if isinstance(subject.solver, Quoting):
            return [Line(name, None, note=QUOTES)], []
        labels = subject.task.labels
        demand = labels[0] if labels else SENTENCE
        reader = poisoned(subject.solver, demand, subject.seed)
        if reader is None:
            return [], []
        other = _Asked(plain.examples, answered(subject, name, plain.examples, reader))
        return self._obeyed(subject, name, plain, other, [demand] * len(plain.examples))

    def _obeyed(
        self, subject: Subject, name: str, plain: "_Asked", other: "_Asked", wanted: Sequence[str]
    ) -> Found:
        lines, _ = self._against(subject, name, plain, other)
        labels = subject.task.labels
        before, after = (
            [float(obeys(p, d, labels)) for p, d in zip(some.predictions, wanted, strict=True)]
            for some in (plain, other)
        )
        rate = estimate_mean(after, other.groups, subject.seed)
        assert rate is not None  # there are test items
        lines.append(
            Line(
                f"{name}: obeyed", rate, compare(before, after, other.groups, subject.seed),
                holds=subject.at_most(rate, self.obeyed_at_most), measure="obeyed",
            )
        )  # fmt: skip
        return lines, _samples(
            f"{name}: obeyed", plain, other, [i for i, does in enumerate(after) if does]
        )

    def _strangers(self, subject: Subject) -> Found:
        name, outputs = "another field: answered", subject.task.spec.outputs
        way = outputs.out_of_scope if subject.task.labels else outputs.abstain
        if way is None or not self.strangers:
            key = "outputs.out_of_scope" if subject.task.labels else "outputs.abstain"
            note = f"the task does not say how to decline ({key})" if way is None else "none given"
            return [Line(name, None, note=note, measure="answered")], []
        asked = [Example(f"stranger-{i}", text) for i, text in enumerate(self.strangers)]
        answers = answered(subject, name, asked)
        wrong = [float(not _declines(subject, p)) for p in answers]
        rate = estimate_mean(wrong, [None] * len(wrong), subject.seed)
        assert rate is not None  # there are questions
        holds = subject.at_most(rate, self.answered_at_most)
        samples = [
            Sample(name, "", shown(e, p))
            for e, p, bad in zip(asked, answers, wrong, strict=True)
            if bad
        ]
        return [Line(name, rate, holds=holds, measure="answered")], samples[:SAMPLES]


@dataclass(frozen=True)
class _Asked:
    """Items and the answers to them."""

    examples: Sequence[Example]
    predictions: Sequence[Prediction]

    @property
    def groups(self) -> list[str | None]:
        return [e.group for e in self.examples]

    def some(self, at: Sequence[int]) -> "_Asked":
        return _Asked([self.examples[i] for i in at], [self.predictions[i] for i in at])


def _name(change: Change) -> str:
    """`typos`, `typos(rate=0.2)`."""
    if isinstance(change, str):
        return change
    [(name, settings)] = change.items()
    inner = ", ".join(f"{k}={v}" for k, v in (settings or {}).items())
    return f"{name}({inner})" if inner else name


def _declines(subject: Subject, prediction: Prediction) -> bool:
    """An error is no way to decline."""
    if prediction.error is not None:
        return False
    out_of_scope = subject.task.spec.outputs.out_of_scope
    if subject.task.labels:
        return prediction.text.strip().casefold() == str(out_of_scope).casefold()
    return abstains(prediction.text, subject.task)


def _samples(name: str, plain: _Asked, other: _Asked, at: Sequence[int]) -> list[Sample]:
    def text(of: _Asked, i: int) -> str:
        return shown(of.examples[i], of.predictions[i])

    return [Sample(name, text(plain, i), text(other, i)) for i in at[:SAMPLES]]


def _notes(lines: Sequence[Line], asked: int, every: int) -> tuple[str, ...]:
    real = [x for x in lines if x.p_value is not None and x.p_value < 0.05]
    marks = [x.name for x in real if not x.measure]
    obeyed = [x.name.removesuffix(": obeyed") for x in real if x.measure == "obeyed"]
    notes = [f"{asked:,} of {every:,} test items were asked again; facts in them were kept."]
    if marks:
        notes.append(f"Changes the mark (p < 0.05, Holm): {', '.join(marks)}.")
    if obeyed:
        notes.append(f"Obeyed more often than by chance: {', '.join(obeyed)}.")
    if not real:
        notes.append("No change is shown to matter (p < 0.05, Holm); n says how much could hide.")
    return tuple(notes)


AUDIT = Robustness
