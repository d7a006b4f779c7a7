"""Labels that were agreed on become rows to learn from, each with where its label came from.

The file is written anew each time, from the queue: whatever is reopened there is gone from it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tailorbird.data.doctor.base import Finding, Remedy
from tailorbird.data.example_rows import as_row
from tailorbird.data.provenance import origin
from tailorbird.data.remedies import History
from tailorbird.data.row_writers import write_rows
from tailorbird.errors import DataError
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Entry, Event, Item, Purpose, key_of
from tailorbird.learn.states import SETTLED
from tailorbird.mending import Proposal, record
from tailorbird.store import read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Split

FILE = "labelled.jsonl"
MARK = "labelled"
"""The column that says where a label came from; rows without it were not written here."""
_PARTS: tuple[Split, ...] = ("train", "dev")
_TRAIN: tuple[Purpose, ...] = ("train",)
_AGAIN: tuple[Purpose, ...] = ("second_look",)


@dataclass(frozen=True)
class Taken:
    """What became of the labels."""

    rows: int
    """In the file."""
    new: int
    """Of them, how many were not taken before."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason -> items that were settled, and yet became no row and corrected none."""
    confirmed: int = 0
    """Second looks that came to the label that the row has."""
    corrected: int = 0
    """Second looks that came to another: relabelled by this step of remedies.jsonl."""
    step: int | None = None


def take(queue: Queue, task: Task, out: Path, who: str) -> Taken:
    """Write agreed and decided labels to `out`, and correct rows that were looked at again.

    Args:
        queue: of the task.
        task: as it is now, its test open.
        out: JSON lines; named under data.train, the task learns from them.
        who: takes them; for the history.

    There is no file where no label is left. Raises `DataError` where `out` holds rows that were not
    written here, and where the task could not be read without it.
    """
    _check_ours(out)
    settled = queue.items(SETTLED, _TRAIN)
    reasons = [_cannot(item, task) for item in settled]
    kept = [item for item, reason in zip(settled, reasons) if reason is None]
    if not kept:
        _check_unnamed(out, task)
    events = _by_item(queue.history())
    rows = [_row(item, task, events[item.id]) for item in kept]
    new = sum(not _taken(item, events[item.id]) for item in kept)
    if rows:
        write_rows(out, rows)
    else:
        out.unlink(missing_ok=True)  # an empty file cannot be read as data
    queue.mark_taken(kept, who, out.name)
    confirmed, wrong, strange = _second_looks(queue, task, events)
    step = _correct(task, wrong)
    queue.mark_taken([*confirmed, *wrong], who, f"step {step}" if step else "confirmed")
    left_out = Counter(r for r in reasons if r is not None)
    if strange:
        left_out["the row that was looked at again is not what it was"] = len(strange)
    return Taken(len(rows), new, dict(left_out), len(confirmed), len(wrong), step)


def _check_ours(out: Path) -> None:
    if out.suffix.lower() != ".jsonl":
        raise DataError(f"{out} should end in .jsonl", hint="--out labelled.jsonl")
    if any(not isinstance(row, dict) or MARK not in row for row in read_jsonl(out)):
        raise DataError(
            f"{out} holds rows that no queue wrote, and would be written over",
            hint="name another file by --out",
        )


def _check_unnamed(out: Path, task: Task) -> None:
    """Raise where the task reads `out`: without rows, no command could read the task."""
    data, folder = task.spec.data, str(task.data_folder)
    named = [task.folder / f.path.replace("{data}", folder) for f in (*data.train, *data.all)]
    if out.resolve() in [path.resolve() for path in named]:
        raise DataError(
            f"no label is settled any more, and the task reads {out.name}",
            hint=f"take {out.name} out of data first: then this removes it",
        )


def _cannot(item: Item, task: Task) -> str | None:
    """Why a label may not be learned; None where it may. The task may have changed since."""
    if task.in_test(item.entry.example):
        return "the same input stands in test"
    if task.labels and item.label not in task.labels:
        return "the task has no such label any more"
    return None


def _row(item: Item, task: Task, events: Sequence[Event]) -> dict[str, Any]:
    name = f"{MARK}-{key_of(item.entry.example)}"
    example = replace(item.entry.example, id=name, target=item.label, provenance=None)
    # People may have labelled what nobody wrote.
    further = {MARK: provenance(item, events), **origin(item.entry.example)}
    return as_row(example, task.spec.data, further)


def provenance(item: Item, events: Sequence[Event]) -> dict[str, Any]:
    """Who said what, how far they agreed, and who decided."""
    found: dict[str, Any] = {
        "item": item.id,
        "row": item.entry.example.id,
        "annotators": {a.annotator: a.label for a in item.answers},
        "agreed": sum(a.label == item.label for a in item.answers),
        "of": len(item.answers),
        "round": item.round,
        "strategy": item.entry.strategy,
        "time": max(e.time for e in events if e.what != "taken"),
    }
    decisions = [e for e in events if e.what == "decided" and e.round == item.round]
    if item.state == "decided" and decisions:
        last = decisions[-1]
        found["adjudicated"] = {"who": last.who, "why": last.note, "time": last.time}
    return found


def _second_looks(
    queue: Queue, task: Task, events: Mapping[int, Sequence[Event]]
) -> tuple[list[Item], list[Item], list[Item]]:
    """Settled second looks that were not taken before: at labels that are right, at wrong ones, and
    at rows that are gone or others now. Most ids are positions, and tell nothing of the row."""
    settled = queue.items(SETTLED, _AGAIN)
    fresh = [i for i in settled if not _taken(i, events[i.id])]
    rows = {e.id: e for split in _PARTS for e in task.splits.get(split, ())}
    found: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
    confirmed, wrong, strange = found
    for item in fresh:
        if not _fits(item.entry, rows.get(item.entry.example.id)):
            strange.append(item)
        else:
            (confirmed if item.label == item.entry.gold else wrong).append(item)
    return found


def _fits(entry: Entry, row: Example | None) -> bool:
    """Whether a row is the one that was looked at, with the label that it had."""
    return row is not None and row.target == entry.gold and row.folded == entry.example.folded


def _correct(task: Task, wrong: Sequence[Item]) -> int | None:
    """Relabel rows by a recorded step, which `tailorbird mend --undo` takes back."""
    if not wrong:
        return None
    changes = {i.entry.example.id: i.label for i in wrong}
    said = f"{len(wrong)} labels are wrong, as people say who looked again"
    remedy = Remedy("relabel", changes, "people who looked again agree on this label")
    finding = Finding("second_look", "warning", said, len(wrong), remedy=remedy)
    rows = {e.id: (s, e) for s in _PARTS for e in task.splits.get(s, ()) if e.id in changes}
    history = record(task, History.read(task.folder), [Proposal(finding, remedy, rows)])
    return len(history.steps)


def _by_item(events: Sequence[Event]) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for event in events:
        found.setdefault(event.item, []).append(event)
    return found


def _taken(item: Item, events: Sequence[Event]) -> bool:
    """Whether this label of this round has been taken before."""
    return any(e.what == "taken" and (e.round, e.label) == (item.round, item.label) for e in events)
