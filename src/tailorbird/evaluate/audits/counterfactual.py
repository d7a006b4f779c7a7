"""Bias: is somebody else answered otherwise? Counterfactual pairs from the task's own inputs.

Counterfactual fairness of texts after Garg et al. 2019 (Counterfactual Fairness in Text
Classification through Robustness, AIES) and Kusner et al. 2017 (arXiv:1703.06856), with a control:
an edit as small that stays within the group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from tailorbird.data.perturbations.base import asking, question
from tailorbird.evaluate.audits._answering import answered, dice, drawn, shown
from tailorbird.evaluate.audits.base import Audited, Line, Sample, Subject, corrected
from tailorbird.evaluate.audits.counterfactuals.base import Dimension, Versions, make_dimension
from tailorbird.evaluate.statistics import Comparison, compare, estimate_mean
from tailorbird.models.encoder import embed
from tailorbird.registry import names
from tailorbird.task.types import Example, Prediction

SAMPLES = 2
"""Items shown per dimension."""


@dataclass(frozen=True)
class Counterfactual:
    """How often an answer changes with whom the input is about or from, beyond an equally small
    edit that stays within the group; and whether groups are answered equally well."""

    dimensions: tuple[str, ...] = ()
    """Which; none: all. Fewer leave more power to each, as all are corrected for together."""
    insert: bool = True
    """Where an input holds nothing to swap, put a sentence before it that says it."""
    limit: Annotated[int, Field(ge=10)] | None = 100
    """Inputs per dimension; those that hold something to swap come first. Null: all."""
    similar: Annotated[float, Field(gt=0, le=1)] | None = 0.8
    """Written answers whose embeddings have a lower cosine are different. Null: marks decide."""
    at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of answers that may change beyond those that change with the control."""
    gap_at_most: Annotated[float, Field(ge=0, le=1)] | None = None
    """How far the primary metric of two groups may be apart."""

    def missing(self, subject: Subject) -> str | None:
        """Never; a dimension that is not known is refused."""
        for name in self.dimensions:
            make_dimension(name)
        return None

    def examine(self, subject: Subject) -> Audited:
        """Ask as each group, one dimension after the other."""
        asked = [
            self._asked(subject, name, make_dimension(name))
            for name in self.dimensions or names("evaluate.audits.counterfactuals")
        ]
        lines = corrected([line for each in asked for line in self._lines(subject, each)])
        samples = tuple(s for each in asked for s in self._samples(subject, each))
        return Audited(
            audit="counterfactual", title="Bias: counterfactual pairs", measure="changed answers",
            share=True, higher_is_better=False, lines=lines, notes=_notes(subject, asked, lines),
            samples=samples,
        )  # fmt: skip

    # ---- asking ------------------------------------------------------------------------------

    def _asked(self, subject: Subject, name: str, dimension: Dimension) -> "_Asked":
        every = subject.task.examples("test")
        swaps = _versions(every, lambda e: dimension.swap(question(e), _dice(subject, name, e)))
        chosen = _some(swaps, self.limit, subject.seed)
        swapped = len(chosen)
        if self.insert and (self.limit is None or swapped < self.limit):
            rest = [e for e in every if e.id not in swaps]
            more = _versions(rest, lambda e: dimension.insert(question(e), _dice(subject, name, e)))
            room = None if self.limit is None else self.limit - swapped
            chosen |= _some(more, room, subject.seed)
        pairs = [(e, chosen[e.id]) for e in every if e.id in chosen]
        asked = [asking(e, text) for e, v in pairs for text in (v.control, *v.groups.values())]
        answers = answered(subject, name, asked)
        return _Asked.of(name, pairs, asked, answers, len(swaps), swapped)

    # ---- reading -----------------------------------------------------------------------------

    def _lines(self, subject: Subject, asked: "_Asked") -> list[Line]:
        if not asked.versions:
            return [Line(asked.name, None, note="no input holds anything to swap")]
        reference, *others = asked.versions
        control = self._changed(subject, asked, reference, _CONTROL)
        lines = [
            Line(
                f"{asked.name}: {reference}, reworded",
                estimate_mean(control, asked.groups, subject.seed),
            )
        ]
        for group in others:
            changed = self._changed(subject, asked, reference, group)
            change = compare(control, changed, asked.groups, subject.seed)
            lines.append(
                Line(
                    f"{asked.name}: {group} for {reference}",
                    estimate_mean(changed, asked.groups, subject.seed), change,
                    holds=subject.at_most(change, self.at_most) if change else None,
                )
            )  # fmt: skip
        return lines + [self._gap(subject, asked, reference, group) for group in others]

    def _gap(self, subject: Subject, asked: "_Asked", reference: str, group: str) -> Line:
        name = f"{asked.name}: {group} against {reference}: {subject.metric}"
        before, after = (
            subject.marks([e for e, _ in asked.of_group(g)], [p for _, p in asked.of_group(g)])
            for g in (reference, group)
        )
        estimate = estimate_mean(after, asked.groups, subject.seed)
        gap, back = (
            compare(a, b, asked.groups, subject.seed) for a, b in ((before, after), (after, before))
        )
        if estimate is None or gap is None or back is None:
            return Line(name, None, note="no item could be marked", measure=subject.metric)
        holds = None
        if self.gap_at_most is not None:
            holds = all(subject.at_most(way, self.gap_at_most) for way in (gap, back))
        return Line(name, estimate, gap, holds=holds, measure=subject.metric)

    def _changed(
        self, subject: Subject, asked: "_Asked", one: str, other: str
    ) -> list[float | None]:
        """1 where the two versions of an input are answered differently."""
        before, after = asked.of_group(one), asked.of_group(other)
        texts = [(a.text, b.text) for (_, a), (_, b) in zip(before, after, strict=True)]
        if subject.task.labels:
            return [float(a.strip().casefold() != b.strip().casefold()) for a, b in texts]
        marks = (
            subject.marks([e for e, _ in side], [p for _, p in side]) for side in (before, after)
        )
        alike = self._alike(texts)
        return [
            float(a != b and (not same or _apart(x, y)))
            for (a, b), same, x, y in zip(texts, alike, *marks, strict=True)
        ]

    def _alike(self, texts: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether two answers mean the same, as the encoder has it; equal ones need none."""
        if self.similar is None:
            return [True] * len(texts)
        different = sorted({text for pair in texts if pair[0] != pair[1] for text in pair})
        vectors: dict[str, Any] = dict(zip(different, embed(different))) if different else {}
        return [a == b or float(vectors[a] @ vectors[b]) >= self.similar for a, b in texts]

    def _samples(self, subject: Subject, asked: "_Asked") -> list[Sample]:
        found: list[Sample] = []
        reference, *others = asked.versions or ("",)
        for group in others:
            changed = self._changed(subject, asked, reference, group)
            pairs = zip(asked.of_group(reference), asked.of_group(group), changed, strict=True)
            line = f"{asked.name}: {group} for {reference}"
            found += [Sample(line, shown(*a), shown(*b)) for a, b, differs in pairs if differs][:1]
        return found[:SAMPLES]


_CONTROL = "\0control"
"""Where the control's answers are kept among those of the groups."""


@dataclass(frozen=True)
class _Asked:
    """One dimension's inputs, as each group has them, with the answers."""

    name: str
    rows: Mapping[str, Sequence[tuple[Example, Prediction]]]
    """Group, and the control, -> each input as it was asked and the answer."""
    reaches: int
    """Inputs of the test split that hold something to swap."""
    swapped: int
    """Those of them that were asked; the others asked were given a sentence."""

    @classmethod
    def of(
        cls,
        name: str,
        pairs: Sequence[tuple[Example, Versions]],
        asked: Sequence[Example],
        answers: Sequence[Prediction],
        reaches: int,
        swapped: int,
    ) -> "_Asked":
        """From answers in the order control, first group, second group, ... of every input."""
        groups = [_CONTROL, *pairs[0][1].groups] if pairs else []
        every = list(zip(asked, answers, strict=True))
        rows = {g: every[i :: len(groups)] for i, g in enumerate(groups)}
        return cls(name, rows, reaches, swapped)

    @property
    def versions(self) -> tuple[str, ...]:
        """The groups, the one that others are compared with first."""
        return tuple(g for g in self.rows if g != _CONTROL)

    @property
    def groups(self) -> list[str | None]:
        """What inputs share that are not independent."""
        return [e.group for e, _ in self.rows[_CONTROL]]

    def of_group(self, group: str) -> Sequence[tuple[Example, Prediction]]:
        """Inputs and answers of one group, in the order of the test split."""
        return self.rows[group]


def _dice(subject: Subject, name: str, example: Example) -> Any:
    return dice(subject.seed, name, example.id)


def _versions(examples: Sequence[Example], make: Any) -> dict[str, Versions]:
    """Example id -> versions, where there are some and they differ."""
    made = {e.id: make(e) for e in examples}
    return {i: v for i, v in made.items() if v and len({*v.groups.values()}) == len(v.groups)}


def _some(versions: dict[str, Versions], limit: int | None, seed: int) -> dict[str, Versions]:
    ids = list(versions)
    return {ids[i]: versions[ids[i]] for i in drawn(len(ids), limit, seed)}


def _apart(one: float | None, other: float | None) -> bool:
    """Whether the marks say that only one of the two is a good answer."""
    return one is not None and other is not None and abs(one - other) >= 0.5


def _notes(subject: Subject, asked: Sequence[_Asked], lines: Sequence[Line]) -> tuple[str, ...]:
    every = len(subject.task.examples("test"))
    notes = []
    for each in asked:
        given = len(each.rows.get(_CONTROL, ())) - each.swapped
        told = f", {given:,} were given a sentence" if given else ""
        notes.append(
            f"{each.name}: {each.reaches:,} of {every:,} inputs hold something to swap; "
            f"{each.swapped:,} of them were asked{told}."
        )
    real = [x for x in lines if x.p_value is not None and x.p_value < 0.05]
    tests = sum(x.p_value is not None for x in lines)
    if real:
        notes.append(f"Shown (p < 0.05, Holm for {tests}): {'; '.join(map(_said, real))}.")
    else:
        notes.append(
            f"None of {tests} comparisons is significant (p < 0.05, Holm): that no bias is shown "
            "does not prove that there is none; the intervals say how large it may be."
        )
    return (
        *notes,
        "A changed answer is not always unfair: only a person can tell whether age or illness "
        "matters to what was asked.",
    )


def _said(line: Line) -> str:
    change = line.change
    assert isinstance(change, Comparison)  # lines with a p-value have one
    return f"{line.name} ({100 * change.difference:+.1f} points)"


AUDIT = Counterfactual
