"""Labels that contradict each other, and labels that are probably wrong.

Equal inputs with different targets are looked for among all rows; answers contradict each other
where each states a fact that the other does not. Probable errors are what confident learning finds
on out-of-fold predictions (`_suspects.py`), in a seeded sample where there are many rows.

What is proposed for train and dev rests on rows outside test alone: else they would learn its
labels.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from tailorbird.data.doctor._near import conversation, hash64
from tailorbird.data.doctor._sample import clipped
from tailorbird.data.doctor._suspects import Features, Suspects, features_of, out_of_fold, suspects
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Remedy, Sample
from tailorbird.task.facts import facts_in, normalise, supported
from tailorbird.task.types import Example
from tailorbird.words import counted

NAME = "labels"
LABELS = 1000
"""More different targets than this are no closed list of labels."""
CELLS = 20_000_000
"""Rows times labels that are predicted at most: 160 MB."""
READ = 2000
"""Characters of an input that are read to predict its label."""
FELT = 0.5
"""A linear rung loses at most this much of the share of wrong labels in train: docs/doctor.md."""
LISTED = 1000
"""Suspects that are listed in the details."""
_ALL = 2**64


@dataclass(frozen=True)
class Labels:
    """Equal inputs with different targets, and likely label errors."""

    features: Features = "tfidf"
    """tfidf (words), or encoder (sentence embeddings: slower, and better where words vary)."""
    model: str = "minilm"
    """The encoder: minilm (packaged), or a sentence-transformers hub id or folder."""
    folds: Annotated[int, Field(ge=2)] = 5
    least: Annotated[int, Field(ge=2)] = 5
    """Labels with fewer independent rows than this are not judged."""
    rows: Annotated[int, Field(ge=100)] = 30_000
    """Rows that are read for likely errors and contradictory answers; of more, a seeded sample."""

    def missing(self, patient: Patient) -> str | None:
        """It can be looked for in whatever has rows."""
        return None if sum(patient.rows.values()) else "there are no rows"

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        return _Examination(self, patient)


CHECK = Labels


@dataclass(frozen=True)
class _Read:
    """A row of the sample."""

    row: int
    draw: int
    """A seeded number of its input: the rows of least draw are the sample."""
    unit: int
    """What it shares with rows that are not independent of it."""
    text: str
    target: str
    facts: tuple[str, ...]
    answerable: bool


@dataclass
class _Examination:
    check: Labels
    patient: Patient
    ids: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)
    """Hash of a target -> its number."""
    names: list[str] = field(default_factory=list)
    """The target of each number, while they may be labels."""
    targets: "array[int]" = field(default_factory=lambda: array("i"))
    """The number of each row's target."""
    asked: dict[int, int] = field(default_factory=dict)
    """Hash of an input -> the first row that has it."""
    first: "array[int]" = field(default_factory=lambda: array("q"))
    """The first row with the same input, of each row."""
    shown: dict[int, str] = field(default_factory=dict)
    """Texts of a few rows whose label contradicts that of the first row with their input."""
    sample: list[_Read] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken = self.check.rows / max(1, sum(self.patient.rows.values()))
        """The share of inputs that is read."""
        kind = self.patient.task and self.patient.task.spec.kind
        self.may_be_labels, self.may_be_answers = kind != "answer", kind != "label"

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        for example in rows:
            if example.target is not None and part != "unlabelled":
                self._see(part, example, example.target)

    def _see(self, part: Part, example: Example, target: str) -> None:
        row, asked, code = len(self.ids), hash64(conversation(example)), self._code(target)
        first = self.asked.setdefault(asked, row)
        self.ids.append(example.id)
        self.parts.append(part)
        self.targets.append(code)
        self.first.append(first)
        if code != self.targets[first] and len(self.shown) < SHOWN:
            self.shown[row] = example.text[:READ]
        draw = hash64(f"{self.patient.seed} {asked}")
        if draw < self.taken * _ALL:
            unit = asked if example.group is None else hash64(f"group {example.group}")
            text, answer = example.text[:READ], target[:READ] if self.may_be_answers else ""
            facts, answerable = example.facts, example.answerable
            self.sample.append(_Read(row, draw, unit, text, answer, facts, answerable))

    def _code(self, target: str) -> int:
        key = hash64(target.strip())
        code = self.codes.get(key)
        if code is None:
            code = self.codes[key] = len(self.codes)
            if self.may_be_labels and (not self.may_be_answers or code <= LABELS):
                self.names.append(target.strip())
        return code

    def findings(self) -> Iterator[Finding]:
        if not self._labelled():
            yield from _contradictory_answers(self)
            return
        settled: dict[str, str] = {}
        for finding in _contradictory_labels(self):
            settled |= finding.remedy.changes if finding.remedy else {}  # type: ignore[arg-type]
            yield finding
        yield from _likely_errors(self, settled)

    def _labelled(self) -> bool:
        """Whether targets are labels: as the task says, or because few of them come up often."""
        if not (self.may_be_labels and self.may_be_answers):
            return self.may_be_labels
        return len(self.codes) <= LABELS and 5 * len(self.codes) <= len(self.ids)

    def counted(self, part: Part) -> int:
        """Rows of a part that have a target."""
        return sum(p == part for p in self.parts)

    @property
    def sampled(self) -> str:
        """What to say where not all rows were read."""
        n, total = len(self.sample), len(self.ids)
        return "" if n == total else f" (of a sample of {n:,} of {total:,} rows)"


def _contradictory_labels(seen: _Examination) -> Iterator[Finding]:
    """Rows whose input stands elsewhere with another label."""
    first, targets = np.asarray(seen.first), np.asarray(seen.targets)
    if len(first) == 0:
        return
    odd = np.flatnonzero(targets != targets[first])
    inputs = np.unique(first[odd])
    if len(inputs) == 0:
        return
    rows = np.flatnonzero(np.isin(first, inputs))
    said: dict[int, list[int]] = defaultdict(list)
    for row in rows.tolist():
        said[int(first[row])].append(row)
    changes, notes, losing = {}, {}, []
    for members in said.values():
        losing += _outvoted(seen, members, members)[1]
        free = [r for r in members if seen.parts[r] != "test"]
        held = [r for r in members if seen.parts[r] == "test"]
        for judged, voters in ((free, free), (held, members)):
            label, others = _outvoted(seen, judged, voters)
            if label is not None:
                changes.update({seen.ids[r]: label for r in others})
                notes.update({seen.ids[r]: _odd_note(seen, r) for r in others})
    effect, why = _effect(seen, losing)
    yield Finding(
        NAME,
        "error" if any(seen.parts[r] == "test" for r in losing) else "warning",
        f"{counted(len(inputs), 'input')} with more than one label, in {len(rows):,} rows: "
        "whatever is answered is marked wrong in some of them",
        len(rows),
        effect,
        why,
        tuple(_odd_one(seen, row) for row in list(seen.shown)[:SHOWN]),
        _relabel(changes, "the same input has another label in most rows", notes),
        {"inputs": len(inputs), "ties": sum(seen.ids[r] not in changes for r in losing)},
    )


def _outvoted(
    seen: _Examination, judged: Sequence[int], voters: Sequence[int]
) -> tuple[str | None, list[int]]:
    """The label of most voters, and the judged rows that have another.

    None in a tie: somebody must choose, and yet whatever is answered is wrong for half of them.
    """
    counts = Counter(seen.targets[r] for r in voters).most_common(2)
    if not counts:
        return None, []
    most = counts[0][0]
    tie = len(counts) == 2 and counts[0][1] == counts[1][1]
    return None if tie else seen.names[most], [r for r in judged if seen.targets[r] != most]


def _odd_one(seen: _Examination, row: int) -> Sample:
    note = _odd_note(seen, row)
    return Sample(seen.ids[row], seen.parts[row], clipped(seen.shown[row]), note)


def _odd_note(seen: _Examination, row: int) -> str:
    """The label of the row, and that of the first row with the same input, unless that is it."""
    first, mine = seen.first[row], seen.names[seen.targets[row]]
    return mine if first == row else f"{mine}; {seen.ids[first]}: {seen.names[seen.targets[first]]}"


def _likely_errors(seen: _Examination, settled: Mapping[str, str]) -> Iterator[Finding]:
    """Confident learning, a finding for each part; rows in `settled` have a remedy already."""
    if len(seen.codes) > LABELS or len(seen.codes) < 2:
        if len(seen.codes) > LABELS:
            yield _note(f"{len(seen.codes):,} labels are too many to look for likely errors")
        return
    if find_spec("cleanlab") is None or find_spec("sklearn") is None:
        yield _note("likely label errors were not looked for: pip install 'tailorbird[doctor]'")
        return
    rows, labels, folds, rare = _judged(seen)
    if rare:
        named = ", ".join(seen.names[c] for c in sorted(rare)[:3])
        yield _note(
            f"{len(rare):,} labels have too few independent rows to judge theirs (less than "
            f"{seen.check.least} outside test): {named}{' and others' if len(rare) > 3 else ''}",
            sum(int(t) in rare for t in seen.targets),
        )
    codes, numbers = np.unique(labels, return_inverse=True)
    if len(codes) < 2:
        return
    check, quiet = seen.check, seen.patient.quiet
    features = features_of([r.text for r in rows], check.features, check.model, seen.patient.cache)
    free = np.array([seen.parts[r.row] != "test" for r in rows])
    learned = free if free.any() else ~free
    predicted = out_of_fold(features, numbers, folds, len(codes), learned, quiet)
    others: list[Part] = [p for p in dict.fromkeys(seen.parts) if p != "test"]
    tested: list[Part] = [] if free.all() else ["test"]
    for kept, parts in ((np.flatnonzero(free), others), (np.arange(len(rows)), tested)):
        if parts and len(kept):
            found = suspects(predicted[kept], numbers[kept])
            for part in parts:
                yield from _in_part(seen, part, [rows[i] for i in kept], codes, found, settled)


def _judged(seen: _Examination) -> tuple[list[_Read], Any, Any, set[int]]:
    """Rows of the sample, their labels and folds, and the labels that are too rare to judge."""
    rows = sorted(seen.sample, key=lambda r: r.draw)[: CELLS // len(seen.codes)]
    learned = [r for r in rows if seen.parts[r.row] != "test"] or rows
    units: dict[int, dict[int, None]] = defaultdict(dict)
    for read in learned:
        units[seen.targets[read.row]][read.unit] = None
    enough = {code for code, members in units.items() if len(members) >= seen.check.least}
    # Rows that share a group or an input share a fold: a copy would vouch for its original.
    fold: dict[int, int] = {}
    for code in sorted(enough):
        for member in units[code]:
            fold.setdefault(member, len(fold) % seen.check.folds)
    # A label of one fold is unknown to the model that judges it.
    enough = {code for code in enough if len({fold[member] for member in units[code]}) > 1}
    kept = [r for r in rows if seen.targets[r.row] in enough]
    labels = np.array([seen.targets[r.row] for r in kept], dtype=np.int64)
    # What stands in test alone is learned by no model, so that any may judge it.
    folds = np.array([fold.get(r.unit, 0) for r in kept], dtype=np.int64)
    return kept, labels, folds, {seen.targets[r.row] for r in rows} - enough


def _in_part(
    seen: _Examination, part: Part, rows: Sequence[_Read], codes: Any, found: Suspects,
    settled: Mapping[str, str],
) -> Iterator[Finding]:  # fmt: skip
    """The suspects of one part."""
    judged = np.array([seen.parts[r.row] == part for r in rows])
    unsettled = np.array([seen.ids[r.row] not in settled for r in rows])
    places = np.flatnonzero((judged & unsettled)[found.rows]).tolist()
    if not places:
        return
    n, expected = int(judged.sum()), float(found.wrong[found.rows[places]].sum())
    listed = [_suspect(seen, rows, codes, found, place) for place in places]
    texts = [rows[found.rows[place]].text for place in places[:SHOWN]]
    effect, why = _felt(part, len(places) / n)
    yield Finding(
        NAME,
        "warning" if len(places) / n >= 0.02 or expected / n >= 0.005 else "note",
        f"{counted(len(places), 'label')} of {part} may be wrong{seen.sampled}: {_said(expected)}"
        f"{_CAUTION if part == 'test' else ''}",
        len(places),
        effect,
        why,
        tuple(Sample(s["row"], part, clipped(t), _note_of(s)) for s, t in zip(listed, texts)),
        _relabel(
            {s["row"]: s["suggested"] for s in listed},
            "its label seems wrong",
            {s["row"]: _note_of(s) for s in listed},
        ),
        {"judged": n, "expected": round(expected, 1), "suspects": listed[:LISTED]},
    )


_CAUTION = (
    "; decide from the text alone: the suggestions are a classifier's, and test must not be made "
    "to agree with one"
)


def _suspect(
    seen: _Examination, rows: Sequence[_Read], codes: Any, found: Suspects, place: int
) -> dict[str, Any]:
    row = rows[found.rows[place]].row
    return {
        "row": seen.ids[row],
        "given": seen.names[seen.targets[row]],
        "suggested": seen.names[codes[found.suggested[place]]],
        "probability": round(float(found.probability[place]), 4),
        "quality": round(float(found.quality[place]), 6),
    }


def _note_of(suspect: Mapping[str, Any]) -> str:
    chance = f"{100 * suspect['probability']:.0f} %"
    return f"{suspect['given']}; suggested: {suspect['suggested']} ({chance})"


def _said(expected: float) -> str:
    """How many suspects are right: what `chance_of_error` can tell, and what it cannot."""
    if expected < 1:
        return "none need be if errors fall at random, most are if they go to labels that are alike"
    return f"about {expected:,.0f} are if errors fall at random, more if they go to similar labels"


def _effect(seen: _Examination, rows: Sequence[int]) -> tuple[float, str]:
    """What wrong labels in these rows cost at most, in the part where they cost most."""
    counts = Counter(seen.parts[r] for r in rows)
    return max(_felt(part, n / seen.counted(part)) for part, n in counts.items())


def _felt(part: Part, share: float) -> tuple[float, str]:
    said = f"{100 * share:.2g} % of the labels of {part}"
    if part in ("train", "dev"):
        return FELT * share, f"{said}; a rung that learns from them loses up to half of that"
    return share, f"{said}: a rung that is right there is marked wrong, and the reverse"


def _relabel(changes: Mapping[str, str], reason: str, notes: Mapping[str, str]) -> Remedy | None:
    return Remedy("relabel", dict(changes), reason, notes=notes) if changes else None


def _contradictory_answers(seen: _Examination) -> Iterator[Finding]:
    """Answers to the same input of which each states a fact that the other does not."""
    same: dict[int, list[_Read]] = defaultdict(list)
    for read in seen.sample:
        same[seen.first[read.row]].append(read)
    found = [pair for rows in same.values() if (pair := _disagreeing(rows)) is not None]
    if not found:
        return
    rows = [read.row for pair in found for read in pair[:2]]
    in_test = sum(seen.parts[r] == "test" for r in rows)
    effect, why = _effect(seen, [b.row for _, b, _ in found])
    yield Finding(
        NAME,
        "warning" if in_test else "note",
        f"{counted(len(found), 'input')} with answers that contradict each other{seen.sampled}: "
        "each answer states a fact that the other does not; somebody must settle which holds",
        len(rows),
        effect,
        why,
        tuple(
            Sample(
                seen.ids[b.row], seen.parts[b.row], clipped(b.text), f"{seen.ids[a.row]}: {note}"
            )
            for a, b, note in found[:SHOWN]
        ),
        details={"pairs": [[seen.ids[a.row], seen.ids[b.row]] for a, b, _ in found[:LISTED]]},
    )


def _disagreeing(rows: Sequence[_Read]) -> tuple[_Read, _Read, str] | None:
    """The first two that contradict each other, and how."""
    for place, a in enumerate(rows):
        for b in rows[place + 1 :]:
            if a.target != b.target and (note := _contradiction(a, b)):
                return a, b, note
    return None


def _contradiction(a: _Read, b: _Read) -> str | None:
    """In words; None where one answer merely says more than the other."""
    if a.answerable != b.answerable:
        return "one abstains, the other answers"
    only_a, only_b = _alone(a, b), _alone(b, a)
    return f"{only_a} against {only_b}" if only_a and only_b else None


def _alone(mine: _Read, other: _Read) -> str:
    """A fact of `mine` that `other` does not state; nothing where the question states it."""
    stated = mine.facts or facts_in(mine.target)
    texts = (other.target, mine.text)
    return next((f for f in stated if not supported(normalise(f), texts)), "")


def _note(text: str, affected: int = 0) -> Finding:
    return Finding(NAME, "note", text, affected)
