"""Balance and coverage: what there is too little of to learn or to measure.

Labels with few rows, labels of one split only, labels that are distributed otherwise in test,
fields that say nothing, the share of unanswerable questions, and documents that nobody asks about.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field
from scipy import stats

from tailorbird.data.doctor.base import Finding, Level, Part, Patient
from tailorbird.task.types import SPLITS, Example
from tailorbird.words import counted

NAME = "balance"
LABELS = 1000
"""More different targets than this, of a file by itself, are no labels."""
LISTED = 1000
"""Labels and documents that the details list."""


@dataclass(frozen=True)
class Balance:
    """How many rows there are of each kind.

    Effect: the share of the test rows that no rung can have learned (labels without training rows,
    unanswerable questions that train has none of); for labels that are distributed otherwise, the
    total variation distance: a mark moves at most by that, whatever the marks of the labels are.
    """

    learn: Annotated[int, Field(ge=1)] = 10
    """Training rows that a label should have."""
    half_width: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """How exactly the recall of each label should be known: half of its 95 % interval."""
    ratio: Annotated[float, Field(gt=1)] = 10.0
    """From how many times as many rows as the rarest label the commonest makes an imbalance."""
    shift: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """The total variation distance between the labels of train and of test that is worth saying."""

    def missing(self, patient: Patient) -> str | None:
        """It can be looked for in whatever has rows."""
        return None if sum(patient.rows.values()) else "there are no rows"

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        return _Examination(self, patient)


CHECK = Balance


@dataclass
class _Examination:
    check: Balance
    patient: Patient
    labels: dict[Part, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    groups: dict[Part, set[int]] = field(default_factory=lambda: defaultdict(set))
    alone: Counter[Part] = field(default_factory=Counter)
    """Rows without a group."""
    rows: Counter[Part] = field(default_factory=Counter)
    unanswerable: Counter[Part] = field(default_factory=Counter)
    sources: dict[Part, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    filled: Counter[str] = field(default_factory=Counter)
    """In how many rows each field says something."""
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What each field says: two values of it at most."""
    overflow: bool = False
    """Whether there are too many different targets to be labels."""

    def __post_init__(self) -> None:
        task = self.patient.task
        self.kind = task.spec.kind if task else None

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        for example in rows:
            self._fields(example)
            if part == "unlabelled":
                continue
            self.rows[part] += 1
            self.unanswerable[part] += not example.answerable
            self.sources[part].update(example.sources)
            if example.group is None:
                self.alone[part] += 1
            else:
                self.groups[part].add(hash(example.group))
            if self.kind != "answer" and not self.overflow and example.target is not None:
                self._label(part, example.target)

    def _label(self, part: Part, label: str) -> None:
        self.labels[part][label] += 1
        if self.kind is None and len(self.labels[part]) > LABELS:
            self.overflow = True
            self.labels.clear()

    def _fields(self, example: Example) -> None:
        for name, value in example.fields.items():
            self.filled[name] += bool(value.strip())
            if value.strip() and len(self.values[name]) < 2:
                self.values[name].add(value)

    def findings(self) -> Iterator[Finding]:
        if self._labelled():
            yield from _too_few_to_learn(self)
            yield from _too_few_to_measure(self)
            yield from _imbalance(self)
            yield from _one_side(self)
            yield from _shift(self)
        if self.kind == "answer":
            yield from _answerability(self)
            yield from _coverage(self)
        yield from _fields(self)

    def _labelled(self) -> bool:
        if self.kind is not None:
            return self.kind == "label"
        different, total = len(self.labels["rows"]), self.labels["rows"].total()
        return not self.overflow and 0 < 5 * different <= total

    @property
    def learned(self) -> Part:
        """Where labels are learned."""
        return "rows" if self.kind is None else "train"

    @property
    def every(self) -> list[str]:
        """All labels: those of the task, or those that were seen."""
        task = self.patient.task
        seen = {label for counts in self.labels.values() for label in counts}
        return sorted(seen | set(task.labels if task else ()))

    def units(self, part: Part) -> int:
        """Independent rows: a group counts once."""
        return self.alone[part] + len(self.groups[part])


def _too_few_to_learn(seen: _Examination) -> Iterator[Finding]:
    counts, part = seen.labels[seen.learned], seen.learned
    few = {label: counts[label] for label in seen.every if 0 < counts[label] < seen.check.learn}
    if not few:
        return
    tested = sum(seen.labels["test"][label] for label in few)
    share = tested / max(1, seen.rows["test"])
    said = f", {100 * share:.2g} % of test" if tested else ""
    yield _finding(
        "warning",
        f"{counted(len(few), 'label')} of {len(seen.every):,} {_have(few)} fewer than "
        f"{seen.check.learn} rows in {part} to learn from{said}: {_some(few)}",
        sum(few.values()),
        share,
        "the share of test rows with such a label, as if none were recognised",
        few,
    )


def _too_few_to_measure(seen: _Examination) -> Iterator[Finding]:
    counts = seen.labels["test"]
    needed = rows_needed(seen.check.half_width)
    few = {label: n for label, n in counts.items() if half_width(n) > seen.check.half_width}
    if not few:
        return
    label, n = min(few.items(), key=lambda entry: (entry[1], entry[0]))
    yield _finding(
        "note",
        f"test has too few rows of {counted(len(few), 'label')} to know each one's recall to "
        f"{_points(seen.check.half_width)}, which takes {needed} rows; {n:,} of {label!r} tell it "
        f"to {_points(half_width(n))}",
        sum(few.values()),
        details=few,
    )


def half_width(n: int) -> float:
    """Half of Wilson's 95 % interval of a share of one half, the widest, from n rows."""
    z = float(stats.norm.isf(0.025))
    return z / (2 * math.sqrt(n + z * z))


def rows_needed(half: float) -> int:
    """The fewest rows whose `half_width` is at most `half`."""
    z = float(stats.norm.isf(0.025))
    return max(1, math.ceil((z / (2 * half)) ** 2 - z * z - 1e-9))


def _imbalance(seen: _Examination) -> Iterator[Finding]:
    counts = +seen.labels[seen.learned]
    if len(counts) < 2:
        return
    (common, most), (rare, least) = counts.most_common()[0], counts.most_common()[-1]
    if most < seen.check.ratio * least:
        return
    total = counts.total()
    even = math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))
    yield _finding(
        "note",
        f"in {seen.learned}, {common!r} has {most:,} rows and {rare!r} {least:,}: spread like "
        f"{even:.3g} labels of equal size instead of {len(counts):,}; always answering {common!r} "
        f"is right in {100 * most / total:.2g} %, so look at every label's recall",
        most,
        details=counts,
    )


def _one_side(seen: _Examination) -> Iterator[Finding]:
    """Labels of test that train lacks, and the reverse."""
    if seen.kind is None:
        return
    train, test = seen.labels["train"], seen.labels["test"]
    unlearned = {label: n for label, n in test.items() if not train[label]}
    if unlearned:
        rows = sum(unlearned.values())
        yield _finding(
            "warning",
            f"{counted(len(unlearned), 'label')} of test {_have(unlearned)} no training row: "
            f"{_some(unlearned)}",
            rows,
            rows / seen.rows["test"],
            "no trained rung can choose them",
            unlearned,
        )
    untested = {label: n for label, n in train.items() if not test[label]}
    if untested:
        yield _finding(
            "note",
            f"{counted(len(untested), 'label')} of train {_have(untested)} no test row: no mark "
            f"says how well they are recognised: {_some(untested)}",
            sum(untested.values()),
            details=untested,
        )


def _shift(seen: _Examination) -> Iterator[Finding]:
    """Whether test has other shares of labels than train, by more than chance."""
    if seen.kind is None or not (seen.labels["train"] and seen.labels["test"]):
        return
    train, test = seen.labels["train"], seen.labels["test"]
    shares = {
        label: (train[label] / train.total(), test[label] / test.total()) for label in seen.every
    }
    distance = sum(abs(a - b) for a, b in shares.values()) / 2
    p = _by_chance(seen)
    if distance < seen.check.shift or p > 0.01:
        return
    label = max(shares, key=lambda one: (abs(shares[one][0] - shares[one][1]), one))
    before, after = shares[label]
    yield _finding(
        "warning",
        f"labels are distributed otherwise in test than in train (total variation "
        f"{100 * distance:.2g} %, p = {p:.1g}): {label!r} is {100 * before:.2g} % of train and "
        f"{100 * after:.2g} % of test",
        round(distance * test.total()),
        distance,
        "a mark moves at most by the total variation distance",
        {one: [round(a, 6), round(b, 6)] for one, (a, b) in shares.items()},
    )


def _by_chance(seen: _Examination) -> float:
    """Pearson's chi-squared test of train against test; rare labels are counted together.

    Rows of a group are not independent: counts are divided by the mean size of a group.
    """
    parts: tuple[Part, Part] = ("train", "test")
    weights = [seen.units(part) / seen.rows[part] for part in parts]
    pairs = [[seen.labels[part][label] for part in parts] for label in seen.every]
    scaled = [[n * w for n, w in zip(pair, weights)] for pair in pairs]
    totals = [sum(column) for column in zip(*scaled)]
    least = 5 * sum(totals) / min(totals)
    table = [pair for pair in scaled if sum(pair) >= least]
    rest = [sum(column) for column in zip(*(p for p in scaled if sum(p) < least))]
    table += [rest] if rest and sum(rest) else []
    return float(stats.chi2_contingency(table).pvalue) if len(table) > 1 else 1.0


def _answerability(seen: _Examination) -> Iterator[Finding]:
    """How many questions the documents do not answer."""
    rows, odd = seen.rows, seen.unanswerable
    shares: dict[str, float] = {p: odd[p] / rows[p] for p in SPLITS if rows[p]}
    tested, learned = shares.get("test", 0.0), shares.get("train", 0.0)
    if tested and not learned:
        yield _finding(
            "warning",
            f"{100 * tested:.2g} % of the test questions are unanswerable, and none of train: no "
            "rung is shown how to abstain",
            seen.unanswerable["test"],
            tested,
            "the share of unanswerable test questions",
            shares,
        )
    elif not tested:
        yield _finding(
            "note",
            "no test question is unanswerable: whether a rung invents answers is not measured",
            0,
            details=shares,
        )


def _coverage(seen: _Examination) -> Iterator[Finding]:
    """Documents that no test question rests on."""
    documents = [d.id for d in seen.patient.task.documents] if seen.patient.task else []
    asked = seen.sources["test"]
    if not documents or not asked:
        return
    silent = [d for d in documents if not asked[d]]
    if not silent:
        return
    elsewhere = sum(1 for d in silent if any(seen.sources[p][d] for p in ("train", "dev")))
    yield _finding(
        "note",
        f"{len(silent):,} of {counted(len(documents), 'document')} support no test answer "
        f"({elsewhere:,} of them one of train or dev): no mark says how well they are read: "
        f"{_some(silent)}",
        0,
        details={d: sum(seen.sources[p][d] for p in ("train", "dev")) for d in silent},
    )


def _fields(seen: _Examination) -> Iterator[Finding]:
    """Fields that are mostly empty, or say the same of every row."""
    total = sum(seen.patient.rows.values())
    for name, filled in sorted(seen.filled.items()):
        if total - filled >= total / 2:
            text = f"the field {name!r} is empty in {total - filled:,} of {total:,} rows"
            yield _finding("note", text, total - filled)
        elif filled == total > 1 and len(seen.values[name]) == 1:
            [value] = seen.values[name]
            yield _finding("note", f"the field {name!r} is {value[:80]!r} in every row", total)


def _finding(
    level: Level, text: str, affected: int, effect: float = 0.0, why: str = "",
    details: Mapping[str, object] | None = None,
) -> Finding:  # fmt: skip
    listed = dict(list((details or {}).items())[:LISTED])
    return Finding(NAME, level, text, affected, effect, why, details={"counts": listed})


def _have(counts: Mapping[str, int]) -> str:
    return "has" if len(counts) == 1 else "have"


def _some(names: Sequence[str] | Mapping[str, int]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(map(repr, shown)) + (" and others" if len(names) > 3 else "")


def _points(share: float) -> str:
    return f"±{100 * share:.2g} points"
