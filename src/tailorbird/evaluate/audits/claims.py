"""What answers say that their sources do not, and whether they abstain where they should.

Answers are read claim by claim (`evaluate/hallucination`) and held against the documents that were
shown to the model and against those that the example names. How far a detector can be trusted here
is measured, too: on gold answers of this task, as they are and with one thing made false.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from tailorbird.evaluate.audits.base import Audited, Line, Sample, Subject
from tailorbird.evaluate.hallucination._corruptions import KINDS, Material, corrupt, names_of
from tailorbird.evaluate.hallucination._sentences import sentences
from tailorbird.evaluate.hallucination.base import Case, Claim, Detector, make_detector
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.progress import progress
from tailorbird.store import append_jsonl, digest, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.facts import normalise
from tailorbird.task.scorers.facts import abstains
from tailorbird.task.types import Example, Prediction

_TOGETHER = 64
"""Answers examined and saved together: what a kill can lose."""
_SAMPLES = 5
"""Shown per line."""

Cases = Sequence[Case | None]
"""One per answer; None where there is nothing to hold it against."""


@dataclass(frozen=True)
class Claims:
    """Unsupported claims, and abstention."""

    detectors: tuple[str | dict[str, dict[str, Any]], ...] = ("facts", "combined")
    """Names, or names with settings; see docs/hallucination.md."""
    at_most: Annotated[float | None, Field(ge=0, le=1)] = None
    """Limit of the share of answers with an unsupported claim, by every detector: by the sources
    shown, or by the gold ones where the rung shows none. The whole interval must be within it
    where `bar.proof` is `interval`."""
    proof: Annotated[int, Field(ge=0)] = 100
    """Gold answers on which each detector is tried, as they are and made false; 0: none."""

    def missing(self, subject: Subject) -> str | None:
        """Labels claim nothing, and without documents there is nothing to hold against."""
        if subject.task.spec.kind == "label":
            return "a label claims nothing"
        return None if subject.task.documents else "the task names no documents"

    def examine(self, subject: Subject) -> Audited:
        """Every detector on every view of the sources; then abstention."""
        examples = subject.task.examples("test")
        shown = [_shown(subject.task, e, p) for e, p in zip(examples, subject.predictions)]
        gold = [_gold(subject.task, e, p) for e, p in zip(examples, subject.predictions)]
        views = {"shown": shown, "gold": gold}
        limited = "shown" if any(shown) else "gold"
        lines: list[Line] = []
        samples: list[Sample] = []
        for given in self.detectors:
            detector = make_detector(given)
            name = given if isinstance(given, str) else next(iter(given))
            for view, cases in views.items():
                key = f"{name}-{view}-{digest(given)[:8]}"
                found = _examined(subject, detector, cases, key)
                limit = self.at_most if view == limited else None
                lines += _lines(subject, f"{name}, {view} sources", found, detector, limit)
                samples += _samples(lines[-2].name, cases, found, detector)
            lines += self._proof(subject, detector, name, f"{name}-proof-{digest(given)[:8]}")
        abstention, wrong = _abstention(subject)
        return Audited(
            "claims", "Unsupported claims and abstention", "answers", True, False,
            (*lines, *abstention), _notes(subject), (*samples, *wrong),
        )  # fmt: skip

    def _proof(self, subject: Subject, detector: Detector, name: str, key: str) -> list[Line]:
        """What the detector says of gold answers, and of those with one thing made false."""
        true, false = _proofs(subject, self.proof)
        if not true:
            return []
        groups = [e.group for e, _ in (*true, *false)]
        found = _examined(subject, detector, [case for _, case in (*true, *false)], key)
        marks = [_mark(claims, detector) for claims in found]
        alarms = estimate_mean(marks[: len(true)], groups[: len(true)], subject.seed)
        caught = estimate_mean(marks[len(true) :], groups[len(true) :], subject.seed)
        said = "how often it is wrong here"
        return [
            Line(f"{name}: gold answers called unsupported", alarms, note=said),
            Line(f"{name}: gold answers made false, caught", caught, note="how much it sees here"),
        ]


# ---- what an answer is held against ----------------------------------------------------------


def _shown(task: Task, example: Example, prediction: Prediction) -> Case | None:
    if not prediction.citations or prediction.error is not None:
        return None
    return Case(
        _said(task, prediction.text), _texts(task, prediction.citations), example.text
    )  # fmt: skip


def _gold(task: Task, example: Example, prediction: Prediction) -> Case | None:
    """Nothing supports an answer to what the documents do not tell."""
    if prediction.error is not None or (example.answerable and not example.sources):
        return None
    sources = (*_texts(task, example.sources), example.target or "")
    return Case(_said(task, prediction.text), sources, example.text)


def _texts(task: Task, ids: Sequence[str]) -> tuple[str, ...]:
    found = (task.document_by_id[i] for i in ids if i in task.document_by_id)
    return tuple(f"{d.title}\n{d.text}" for d in found)


def _said(task: Task, text: str) -> str:
    """`text` without the sentences that abstain: they claim nothing of the documents' matter."""
    phrase = normalise(task.spec.outputs.abstain or "").rstrip(".")
    if not phrase or phrase not in normalise(text):
        return text
    kept = (s for s in sentences(text) if not _overlap(normalise(s).rstrip("."), phrase))
    return "\n".join(kept)


def _overlap(sentence: str, phrase: str) -> bool:
    return phrase in sentence or sentence in phrase


# ---- examining -------------------------------------------------------------------------------


def _examined(
    subject: Subject, detector: Detector, cases: Cases, key: str
) -> list[tuple[Claim, ...] | None]:
    """The claims of each answer; goes on with what a killed run had found."""
    file = subject.folder / f"{key}.jsonl"
    given = [c for c in cases if c is not None]
    done = [tuple(Claim(*claim) for claim in row) for row in read_jsonl(file)]
    with progress(f"claims: {key.rpartition('-')[0]}", len(given), subject.quiet) as tick:
        tick(len(done))
        while len(done) < len(given):
            batch = given[len(done) : len(done) + _TOGETHER]
            found = detector.examine(batch, subject.cache, tick)
            append_jsonl(file, ([[c.text, c.support, c.reason] for c in row] for row in found))
            done += found
    claims = iter(done)
    return [None if c is None else next(claims) for c in cases]


def _unsupported(claims: Sequence[Claim], detector: Detector) -> list[Claim]:
    return [c for c in claims if c.support is not None and c.support < detector.threshold]


def _mark(claims: Sequence[Claim] | None, detector: Detector) -> float | None:
    """1 for an answer with an unsupported claim; None where that could not be judged."""
    if claims is None:
        return None
    if _unsupported(claims, detector):
        return 1.0
    return None if any(c.support is None for c in claims) else 0.0


def _lines(
    subject: Subject,
    name: str,
    found: Sequence[tuple[Claim, ...] | None],
    detector: Detector,
    limit: float | None,
) -> list[Line]:
    groups = [e.group for e in subject.task.examples("test")]
    marks = [_mark(claims, detector) for claims in found]
    counts = [
        None if m is None else float(len(_unsupported(claims or (), detector)))
        for m, claims in zip(marks, found)
    ]
    share = estimate_mean(marks, groups, subject.seed)
    each = estimate_mean(counts, groups, subject.seed, bounded=False)
    holds = None if share is None else subject.at_most(share, limit)
    note = "" if share else "no source was shown, or nothing could be judged"
    return [
        Line(f"{name}: with an unsupported claim", share, holds=holds, note=note),
        Line(f"{name}: unsupported claims per 100", each, note=note),
    ]


def _samples(
    line: str,
    cases: Cases,
    found: Sequence[tuple[Claim, ...] | None],
    detector: Detector,
) -> Iterator[Sample]:
    shown = 0
    for case, claims in zip(cases, found):
        wrong = _unsupported(claims or (), detector)
        if case is None or not wrong or shown == _SAMPLES:
            continue
        shown += 1
        said = "; ".join(f"{c.text}{f' ({c.reason})' if c.reason else ''}" for c in wrong)
        yield Sample(line, f"{case.question}\n\n{case.answer}", f"unsupported: {said}")


# ---- how far the detector can be trusted -----------------------------------------------------

Proofs = list[tuple[Example, Case]]


def _proofs(subject: Subject, count: int) -> tuple[Proofs, Proofs]:
    """Up to `count` gold answers, and the same with one thing made false where that can be done."""
    rng, task = random.Random(subject.seed), subject.task
    fit = [e for e in task.examples("test") if e.answerable and e.sources and e.target]
    drawn = rng.sample(fit, min(count, len(fit)))
    names = {d.id: names_of(d.text) for d in task.documents}
    true, false = [], []
    for example in drawn:
        sources, target = _texts(task, example.sources), str(example.target)
        true.append((example, Case(target, sources, example.text)))
        others = sorted({n for i, held in names.items() if i not in example.sources for n in held})
        made = _made_false(target, Material((*sources, example.text), others), rng)
        if made is not None:
            false.append((example, Case(made, sources, example.text)))
    return true, false


def _made_false(target: str, material: Material, rng: random.Random) -> str | None:
    kinds = rng.sample(list(KINDS), len(KINDS))
    return next((m for k in kinds if (m := corrupt(k, target, material, rng)) is not None), None)


# ---- abstention ------------------------------------------------------------------------------


def _abstention(subject: Subject) -> tuple[list[Line], list[Sample]]:
    task = subject.task
    if task.spec.outputs.abstain is None:
        return [Line("abstention", None, note="outputs.abstain is not set")], []
    pairs = [
        (e, p, abstains(p.text, task))
        for e, p in zip(task.examples("test"), subject.predictions)
        if p.error is None
    ]

    def line(name: str, of: bool, counts: Callable[[bool], bool], what: str) -> Line:
        kept = [(float(counts(a)), e.group) for e, _, a in pairs if e.answerable is of]
        found: Estimate | None = estimate_mean(
            [mark for mark, _ in kept], [group for _, group in kept], subject.seed
        )
        number = sum(mark for mark, _ in kept)
        return Line(name, found, note=f"{number:.0f} of {len(kept)} {what}")

    unanswerable, answerable = "that cannot be answered", "that can be answered"
    lines = [
        line("right abstentions", False, lambda a: a, unanswerable),
        line("missed abstentions", False, lambda a: not a, unanswerable),
        line("wrong abstentions", True, lambda a: a, answerable),
    ]
    missed = [(e, p) for e, p, a in pairs if not e.answerable and not a]
    wrong = [(e, p) for e, p, a in pairs if e.answerable and a]
    samples = [
        Sample(name, e.text, f"{p.text}\n\nright: {e.target}")
        for name, rows in (("missed abstentions", missed), ("wrong abstentions", wrong))
        for e, p in rows[:_SAMPLES]
    ]
    return lines, samples


def _notes(subject: Subject) -> tuple[str, ...]:
    errors = sum(p.error is not None for p in subject.predictions)
    notes = [
        "An answer is held against the whole documents of which passages were shown, and against "
        "the question. Sentences that abstain claim nothing.",
        "A detector sees some falsehoods and not others: read each rate beside what the same "
        "detector says of gold answers, as they are and made false.",
    ]
    if errors:
        notes.append(f"{errors} answers are errors, and are left out.")
    return tuple(notes)


AUDIT = Claims
