"""What of the test split stands elsewhere: near copies, quoted answers, documents in common.

Equal inputs and groups in two splits are proved by the benchmark's own check (`task/check.py`), and
are not said again here. Remedies drop rows of other parts, never of test.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Annotated

from pydantic import Field

from tailorbird.data.doctor._near import Sketches, shown, sketches, unavailable
from tailorbird.data.doctor._shingles import similarity
from tailorbird.data.doctor.base import SHOWN, Finding, Level, Part, Patient, Remedy, Sample
from tailorbird.data.overlap import Overlap, Protected
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Split
from tailorbird.words import counted

NAME = "leakage"
LEARNED: tuple[Split, ...] = ("train", "dev")
INFLATED = "the share of test items that this concerns: if each is right only because of it"


@dataclass(frozen=True)
class Leakage:
    """What stands on both sides. Effect: the share of test items concerned."""

    threshold: Annotated[float, Field(gt=0.3, le=1)] = 0.7
    """Similarity from which two inputs are near copies: shared runs of three words over all."""
    quoted: Annotated[int, Field(ge=5)] = 10
    """Words in a row of a test answer that count as a quotation."""

    def missing(self, patient: Patient) -> str | None:
        """It needs a task with test items, and rensa."""
        if patient.task is None:
            return "a file by itself has no splits"
        return unavailable() if patient.rows.get("test") else "there are no test items"

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        assert patient.task is not None
        return _Examination(self, patient.task, sketches(patient))


CHECK = Leakage


@dataclass(frozen=True)
class _Examination:
    check: Leakage
    task: Task
    seen: Sketches

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        self.seen.look(part, rows)

    def findings(self) -> Iterator[Finding]:
        test = self.seen.rows("test")
        for kind in KINDS:
            rows = self.seen.rows(*kind.parts, made_up=kind.made_up)
            pairs = list(self.seen.matches(rows, test, self.check.threshold))
            if pairs:
                yield _near(self.seen, kind, pairs, len(test))
        yield from _quoted(self.task, self.check.quoted)
        yield from _documents(self.task)


@dataclass(frozen=True)
class Kind:
    """Rows whose likeness to test items means the same."""

    parts: tuple[Part, ...]
    made_up: bool | None
    where: str
    meaning: str
    level: Level = "warning"


KINDS = (
    Kind(
        LEARNED, False, "train or dev",
        "what is remembered there passes for skill here; where the two come from one case, give "
        "them one group and cut with splits.by: group",
    ),
    Kind(
        LEARNED, True, "rows that were made up",
        "the generator was shown test items, or rows like them",
    ),
    Kind(
        ("unlabelled",), None, "the inputs without answers",
        "self-training and distillation then learn from test inputs", "note",
    ),
)  # fmt: skip


def _near(seen: Sketches, kind: Kind, pairs: list[tuple[int, int]], items: int) -> Finding:
    like, leaked = dict(reversed(pairs)), {item for _, item in pairs}  # the first item of each
    rows = {seen.record(row).id: seen.record(like[row]).id for row in sorted(like)}
    share = len(leaked) / items
    reason = "a near copy of a test item"
    return Finding(
        check=NAME,
        level=kind.level,
        text=f"{len(leaked):,} of {items:,} test items have a near copy in {kind.where} "
        f"({counted(len(rows), 'row')}): {kind.meaning}",
        affected=len(rows),
        effect=share,
        why=INFLATED,
        samples=tuple(_sample(seen, *pair) for pair in _one_for_each(pairs)),
        remedy=Remedy(
            "drop", dict.fromkeys(rows), reason,
            notes={row: f"like the test item {item}" for row, item in rows.items()},
        ),
        details={"test_items": len(leaked), "rows": len(rows)},
    )  # fmt: skip


def _one_for_each(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The first row of each of the first test items."""
    first: dict[int, int] = {}
    for row, item in pairs:
        first.setdefault(item, row)
    return islice(((row, item) for item, row in first.items()), SHOWN)


def _sample(seen: Sketches, row: int, item: int) -> Sample:
    mine, tested = seen.record(row), seen.record(item)
    alike = 100 * similarity(mine.input, tested.input)
    return seen.sample(row, f"{alike:.0f} % like the test item {tested.id}: {tested.shown}")


def _quoted(task: Task, words: int) -> Iterator[Finding]:
    """Test answers that stand word for word in what is learned from."""
    if task.spec.kind != "answer":
        return
    protected = _own_runs(task, words)
    if not protected.runs:
        return
    inputs = [(s, e) for s in LEARNED for e in task.splits.get(s, ())]
    held: dict[str, list[Overlap]] = {}
    for _, example in inputs:
        if found := list(protected.found_in(example.text)):
            held[example.id] = found
    if held:
        yield _quotations(task, inputs, held)
    if in_texts := protected.found_in_all(task.texts):
        yield Finding(
            check=NAME,
            level="warning",
            text=f"{len(in_texts):,} test answers are quoted in the raw texts, {words} words in a "
            "row that no document and no training answer has: take these texts out",
            affected=len(in_texts),
            effect=len(in_texts) / len(task.examples("test")),
            why=INFLATED,
            samples=tuple(Sample(o.name, "test", o.run, "in a raw text") for o in in_texts[:SHOWN]),
        )


def _own_runs(task: Task, words: int) -> Protected:
    """The runs of test answers that are not the documents', nor what every answer says."""
    answers = {e.id: str(e.target) for e in task.examples("test")}
    protected = Protected(answers, words, shortest=words)
    common = (e.target or "" for s in LEARNED for e in task.splits.get(s, ()))
    for text in chain(common, (f"{d.title}\n{d.text}" for d in task.documents)):
        for overlap in list(protected.found_in(text)):
            protected.runs.pop(tuple(overlap.run.split()), None)
    return protected


def _quotations(
    task: Task, inputs: Iterable[tuple[Split, Example]], held: Mapping[str, Sequence[Overlap]]
) -> Finding:
    items = len(task.examples("test"))
    quoted = {o.name for found in held.values() for o in found}
    samples = (
        Sample(e.id, split, held[e.id][0].run, f"from the answer to {held[e.id][0].name}")
        for split, e in inputs
        if e.id in held
    )
    return Finding(
        check=NAME,
        level="warning",
        text=f"{len(quoted):,} of {items:,} test answers are quoted in "
        f"{counted(len(held), 'input')} of train or dev, as where a conversation is cut into "
        "several rows: give its rows one group and cut with splits.by: group",
        affected=len(held),
        effect=len(quoted) / items,
        why=INFLATED,
        samples=tuple(islice(samples, SHOWN)),
        remedy=Remedy(
            "drop",
            dict.fromkeys(held),
            "quotes the answer to a test item",
            notes={row: f"from the answer to {found[0].name}" for row, found in held.items()},
        ),
    )


def _documents(task: Task) -> Iterator[Finding]:
    """Test items that rest on the documents that training answers rest on."""
    test = [e for e in task.examples("test") if e.sources]
    learned = {s for e in task.splits.get("train", ()) for s in e.sources}
    known = [e for e in test if learned.intersection(e.sources)]
    if not known:
        return
    used = {s for e in test for s in e.sources}
    yield Finding(
        check=NAME,
        level="note",
        text=f"{len(known):,} of {len(test):,} test items with sources rest on a document that "
        f"training answers rest on, too ({len(used & learned):,} of {len(used):,} documents): "
        "marks say how questions on known documents are answered, not on new ones",
        affected=len(known),
        why="nothing where the documents stay the same; unknown where new ones will come",
        samples=tuple(
            Sample(e.id, "test", shown(e.text), ", ".join(sorted(learned & {*e.sources})))
            for e in known[:SHOWN]
        ),
        details={"documents_of_test": len(used), "also_of_train": len(used & learned)},
    )
