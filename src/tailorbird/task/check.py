"""The benchmark proves itself before it judges anyone.

Gold answers score best, empty answers score worst, nothing stands in two splits, and the smallest
difference that this many test items can show is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from tailorbird.data.overlap import Protected
from tailorbird.data.split import nested_subset
from tailorbird.errors import plain
from tailorbird.evaluate.statistics import (
    level_of_opening,
    minimal_detectable_difference,
    n_needed,
    power_of,
)
from tailorbird.registry import module, names
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.facts import unsupported
from tailorbird.task.types import SPLITS, Example, Prediction, Split
from tailorbird.words import counted

ALPHA, POWER = 0.05, 0.8
"""Of what is said of the test set: as `decide` claims."""
DRAWN = 100
"""Gold answers that are marked where the marks are for information only."""
_ASSUMED = (
    "assumed: rungs that are right half of the time and err independently; a climb measures how "
    "often they differ, and says it anew"
)
MINIMUM_TEST = 30
"""Fewer test items than this cannot tell a good rung from a bad one."""


Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    level: Level
    text: str
    """What was found, and for warnings and errors what to do."""


def check_benchmark(task: Task) -> list[Finding]:
    """Every finding, errors first. With an error the benchmark must not judge."""
    checks = (_size, _frozen, _gold, _empty, _overlap, _preferences, _texts, _labels, _support)
    found = [Finding(f.level, plain(f.text)) for check in checks for f in check(task)]
    order = {"error": 0, "warning": 1, "ok": 2}
    return sorted(found, key=lambda f: order[f.level])


def _scorers(task: Task) -> list[str]:
    return [c.metric for c in task.spec.bar.criteria if c.metric in names("task.scorers")]


def _size(task: Task) -> Iterator[Finding]:
    n, said = _independent(task), what_can_be_shown(task)
    if n < MINIMUM_TEST:
        yield Finding("error", f"{said}; at least {MINIMUM_TEST} independent items are needed")
    else:
        yield Finding("ok", said)


def _frozen(task: Task) -> Iterator[Finding]:
    kept = "and data.frozen keeps it so" if task.spec.data.frozen else "data.frozen can keep it so"
    yield Finding("ok", f"the test split is {task.test_digest[:12]}; {kept}")


def what_can_be_shown(task: Task) -> str:
    """What the test items can tell of a difference between two rungs, before any is run.

    At worst: rungs that are right half of the time and err independently; any two rungs of the
    ladder, at the first opening; with a chance of 80 %.
    """
    n, margin, rungs = _independent(task), task.spec.bar.margin, len(task.spec.rungs)
    alpha = level_of_opening(1, ALPHA) / max(1, rungs * (rungs - 1) // 2)
    difference = minimal_detectable_difference(n, 0.5, POWER, alpha)
    between = f" between two of {rungs} rungs" if rungs > 1 else ""
    said = (
        f"{len(task.examples('test')):,} test items ({n:,} independent): the smallest difference "
        f"in {task.spec.bar.primary.metric} that they can show{between} is about "
        f"{100 * difference:.0f} points"
    )
    if difference <= margin:
        return f"{said} ({_ASSUMED})"
    chance, needed = power_of(n, margin, 0.5, alpha), n_needed(margin, 0.5, POWER, alpha)
    return (
        f"{said}; {100 * margin:.3g}, the margin of the bar, they show with a chance of "
        f"{100 * chance:.2g} %, and {float(f'{needed:.2g}'):,.0f} items with one of "
        f"{100 * POWER:.0f} % ({_ASSUMED})"
    )


def _independent(task: Task) -> int:
    return len({e.group if e.group is not None else e.id for e in task.examples("test")})


def _gold(task: Task) -> Iterator[Finding]:
    for metric in _scorers(task):
        if not getattr(module("task.scorers", metric), "GOLD_IS_BEST", True):
            yield _gold_earns(task, metric)
            continue
        best = 1.0 if higher_is_better(metric) else 0.0
        test = task.examples("test")
        gold = _gold_answers(test)
        wrong = [
            f"{example.id} ({mark.reason or mark.value})"
            for example, mark in zip(test, task.score_all(metric, test, gold), strict=True)
            if mark.value is not None and mark.value != best
        ]
        if wrong:
            yield Finding(
                "error",
                f"{metric}: the gold answer itself is marked wrong on "
                f"{counted(len(wrong), 'test item')}, first {wrong[0]}; mend the target or "
                "the facts of these rows",
            )
        else:
            yield Finding("ok", f"{metric}: gold answers score {best:g}")


def _gold_answers(examples: Iterable[Example]) -> list[Prediction]:
    """A gold answer cites what supports it."""
    return [Prediction(str(e.target), citations=e.sources) for e in examples]


def _gold_earns(task: Task, metric: str) -> Finding:
    """What the gold answers earn, for a scorer that does not look at them."""
    some = nested_subset(task.examples("test"), DRAWN, task.spec.seed)
    scored = task.score_all(metric, some, _gold_answers(some))
    marks = [s.value for s in scored if s.value is not None]
    mean = sum(marks) / len(marks) if marks else 0.0
    of = f" (of {DRAWN} drawn)" if len(task.examples("test")) > DRAWN else ""
    said = f"{metric}: gold answers score {mean:.2f}{of}; more is not asked of anybody"
    return Finding("ok", said)


def _empty(task: Task) -> Iterator[Finding]:
    metric = task.spec.bar.primary.metric
    worst = 0.0 if higher_is_better(metric) else 1.0
    test = task.examples("test")
    marks = task.score_all(metric, test, [Prediction("")] * len(test))
    passed = [e.id for e, m in zip(test, marks) if m.value is not None and m.value != worst]
    if passed:
        yield Finding(
            "error",
            f"{metric}: an empty answer passes on {counted(len(passed), 'test item')}, first "
            f"{passed[0]}; name required facts, or mark these rows as unanswerable and set "
            "outputs.abstain",
        )
    else:
        yield Finding("ok", f"{metric}: empty answers score {worst:g}")


def _overlap(task: Task) -> Iterator[Finding]:
    texts = ((e.asked, split, e.id) for split, e in _all(task))
    yield _shared("input", texts, "error", "remove one of each, or set data.drop_leaks: true")
    groups = ((e.group, split, e.id) for split, e in _all(task) if e.group is not None)
    by_time = task.spec.data.splits is not None and task.spec.data.splits.by == "time"
    # A customer who stays is in the past and in the future: what is to be predicted, too.
    level: Level = "warning" if by_time else "error"
    yield _shared(
        "group", groups, level, "move each group to one side, or cut with splits.by: group"
    )


def _all(task: Task) -> Iterator[tuple[Split, Example]]:
    return ((split, e) for split in SPLITS for e in task.splits.get(split, ()))


def _shared(
    what: str, entries: Iterable[tuple[str, Split, str]], level: Level, remedy: str
) -> Finding:
    """Whether the same key stands in several splits; one that is in test weighs as `level`."""
    index: dict[str, dict[Split, str]] = defaultdict(dict)
    for key, split, example in entries:
        index[key].setdefault(split, example)
    shared = [sides for sides in index.values() if len(sides) > 1]
    leaks = [sides for sides in shared if "test" in sides]
    if leaks:
        where = ", ".join(f"{s} {i!r}" for s, i in leaks[0].items())
        return Finding(
            level,
            f"the same {what} stands in test and in another split {counted(len(leaks), 'time')}, "
            f"first {where}; {remedy}",
        )
    if shared:
        times = counted(len(shared), "time")
        return Finding("warning", f"{times} the same {what} in train and dev")
    return Finding("ok", f"no {what} stands in two splits")


def _preferences(task: Task) -> Iterator[Finding]:
    """Whoever learns which answer to a test question is better has been told the answer."""
    if not task.comparisons:
        return
    test = task.examples("test")
    asked = {e.asked: e.id for e in test}
    groups = {e.group: e.id for e in test if e.group is not None}
    inputs = [(c.id, asked.get(Example("", c.input).asked)) for c in task.comparisons]
    shared = [(c.id, groups.get(c.group)) for c in task.comparisons if c.group is not None]
    yield _told("input", inputs, "remove them, or set data.drop_leaks: true")
    yield _told("group", shared, "remove them")


def _told(what: str, pairs: Iterable[tuple[str, str | None]], remedy: str) -> Finding:
    """`pairs`: each preference, with the test item that it shares something with, or None."""
    leaks = [(mine, item) for mine, item in pairs if item is not None]
    if not leaks:
        return Finding("ok", f"no preference has the {what} of a test item")
    mine, item = leaks[0]
    return Finding(
        "error",
        f"{counted(len(leaks), 'preference has', 'preferences have')} the {what} of a test item, "
        f"first {mine!r} that of {item!r}; {remedy}",
    )


def _texts(task: Task) -> Iterator[Finding]:
    """Raw texts may quote a test question, and then perhaps answer it."""
    if not task.texts:
        return
    protected = Protected({e.id: e.text for e in task.examples("test")})
    found = protected.found_in_all(task.texts)
    if found:
        yield Finding(
            "warning",
            f"the raw texts share ten words in a row (or the whole of a short input) with "
            f"{counted(len(found), 'test item')}, first {found[0].name!r}: {found[0].run!r}; take "
            "out the texts that were made from test items",
        )
    else:
        yield Finding("ok", "no raw text shares ten words in a row with a test item")


def _labels(task: Task) -> Iterator[Finding]:
    if task.spec.kind != "label":
        return
    seen = {e.target for e in task.examples("train")}
    for split in ("dev", "test"):
        unseen = sorted({str(e.target) for e in task.splits.get(split, ())} - set(map(str, seen)))
        if unseen:
            yield Finding(
                "warning",
                f"{len(unseen)} labels of {split} never occur in train, first {unseen[0]!r}: "
                "no trained rung can choose them",
            )
    lonely = sorted(set(task.labels) - {str(t) for t in seen})
    if lonely:
        labels = counted(len(lonely), "label has", "labels have")
        yield Finding("warning", f"{labels} no training example: {lonely[:3]}")


def _support(task: Task) -> Iterator[Finding]:
    """Facts of the gold answers must stand in the documents that are said to support them."""
    documents = task.document_by_id
    for split in SPLITS:
        odd = []
        for example in task.splits.get(split, ()):
            texts = [f"{documents[s].title}\n{documents[s].text}" for s in example.sources]
            invented = unsupported(str(example.target), [*texts, example.text])
            if texts and invented:
                odd.append(f"{example.id} ({', '.join(invented)})")
        if odd:
            yield Finding(
                "warning",
                f"{len(odd)} gold answers of {split} state a fact that their documents do not, "
                f"first {odd[0]}: a model trained on them learns to invent",
            )
