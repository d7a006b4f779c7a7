"""Do what the doctor advises: as recorded steps of a study, or in a copy of a file.

Nothing is done that was not proposed first: `propose` says which rows would change and how,
`record` and `write_mended` do it.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from tailorbird.checking import Checked, Source
from tailorbird.data.doctor.base import Finding, Part, Remedy
from tailorbird.data.formats.base import Unusable
from tailorbird.data.interchange import form, recognised
from tailorbird.data.jsonable import jsonable
from tailorbird.data.lookup import MISSING, lookup
from tailorbird.data.read import rows_as_held, stream_file
from tailorbird.data.remedies import Change, History, changed, row_digest
from tailorbird.data.rows import read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.store import digest, said
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Column, Columns
from tailorbird.task.types import SPLITS, Example

_UNNAMED = Columns(facts="facts", group="group")
"""Where a row holds what is read without named columns; most formats have keys of their own."""


@dataclass(frozen=True)
class Proposal:
    """One remedy, for the rows that it may change."""

    finding: Finding
    remedy: Remedy
    rows: Mapping[str, tuple[Part, Example]]
    """What it would change, by id, as it is now."""
    spared: int = 0
    """Rows that it leaves alone: those of test, or all of them where it `moves` rows."""
    moves: bool = False
    """Whether new groups would move rows between the splits that are cut from one pool."""

    @property
    def tests(self) -> bool:
        """Whether it would change test rows, and so the benchmark."""
        return any(part == "test" for part, _ in self.rows.values())

    def after(self, row: str) -> Example | None:
        """The row as it would be; None: dropped."""
        if self.remedy.action == "drop":
            return None
        return changed(self.rows[row][1], self.remedy.action, self.remedy.changes[row])


def propose(
    checked: Checked,
    rows: Mapping[str, tuple[Part, Example]],
    only: Collection[str] = (),
    also_test: bool = False,
    pool: bool = False,
) -> list[Proposal]:
    """The remedies of what was found, each row in the first one that would drop it.

    Args:
        checked: what was found.
        rows: every row that a remedy names, with its part.
        only: rows to change; none named: all. Raises `DataError` for one that no remedy names.
        also_test: whether test rows may change, and so the benchmark.
        pool: whether the splits are cut from one pool, so that a new group may move rows.
    """
    remedies = [(f, f.remedy) for f in checked.diagnosis.findings if f.remedy is not None]
    known = {row for _, remedy in remedies for row in remedy.changes}
    for row in only:
        if row not in known:
            raise DataError(f'nothing is proposed for a row "{row}"{nearest(row, known)}')
    gone: set[str] = set()
    proposals = []
    for finding, remedy in remedies:
        asked = [r for r in remedy.changes if r in rows and (not only or r in only)]
        asked = [r for r in asked if r not in gone]
        moves = pool and remedy.action == "regroup"
        kept = [r for r in asked if also_test or not (moves or rows[r][0] == "test")]
        if remedy.action == "drop":
            gone.update(kept)
        if asked:
            chosen = {r: rows[r] for r in kept}
            proposals.append(Proposal(finding, remedy, chosen, len(asked) - len(kept), moves))
    return proposals


def rows_of_task(task: Task, named: Collection[str]) -> dict[str, tuple[Part, Example]]:
    """The named rows of a task, each with its part."""
    found: dict[str, tuple[Part, Example]] = {}
    for split in SPLITS:
        found |= {e.id: (split, e) for e in task.splits.get(split, ()) if e.id in named}
    return found | {e.id: ("unlabelled", e) for e in task.unlabelled if e.id in named}


def rows_of_file(source: Source, named: Collection[str]) -> dict[str, tuple[Part, Example]]:
    """The named rows of a file that belongs to no task."""
    _, examples = stream_file(source.path, source.format, source.columns, source.key)
    return {e.id: ("rows", e) for e in examples if e.id in named}


# ---- a study -----------------------------------------------------------------------------------


def record(task: Task, history: History, proposals: Sequence[Proposal]) -> History:
    """Append each proposal as a step.

    Raises `DataError`, and appends nothing, where they would leave a split empty, give a label that
    the task lacks, or change a test split that is frozen.
    """
    _check_possible(task, proposals)
    named = {row for proposal in proposals for row in proposal.rows}
    every = rows_as_held(task.spec.data, task.folder, task.data_folder)
    digests = {e.id: row_digest(e) for e in every if e.id in named}
    with history.alone():  # the last steps are then those of the proposals
        for proposal in proposals:
            remedy = proposal.remedy
            rows = {
                row: Change(digest=digests[row], part=part, value=remedy.changes[row])
                for row, (part, _) in proposal.rows.items()
            }
            history = history.add(proposal.finding.check, remedy.action, remedy.reason, rows)
    return history


def _check_possible(task: Task, proposals: Sequence[Proposal]) -> None:
    lost = Counter(
        part for p in proposals if p.remedy.action == "drop" for part, _ in p.rows.values()
    )
    for split in ("train", "test"):
        if lost[split] and lost[split] == len(task.splits.get(split, ())):
            raise DataError(f"that would leave nothing of the {split} split")
    if task.spec.data.frozen and any(p.moves or p.tests for p in proposals):
        raise DataError(
            "the test split would change, and data.frozen keeps it as it is",
            hint="leave out --also-test; or remove data.frozen, and compare with no earlier result",
        )
    for proposal in proposals:
        for row, (_, before) in proposal.rows.items():
            after = proposal.after(row)
            label = after.target if after else None
            if task.labels and label not in (None, before.target, *task.labels):
                near = nearest(str(label), task.labels)
                raise DataError(f'row {row}: the task has no label "{label}"{near}')


# ---- a file ------------------------------------------------------------------------------------


def write_mended(source: Source, proposals: Sequence[Proposal], out: Path) -> int:
    """Write the rows of a file as the proposals leave them, as JSON lines; returns how many.

    A row keeps its shape and all its keys; NaN becomes null, and a date text. The file is read
    again before it takes its name, and must give the wanted rows. Raises `DataError` where it does
    not, or where a row holds what JSON cannot, such as bytes.
    """
    check_free(out)
    wanted: list[str] = []
    with said("write", out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            new = Path(folder) / out.name
            with new.open("w", encoding="utf-8") as file:
                for raw, example in _mended_rows(source, proposals):
                    file.write(json.dumps(raw, ensure_ascii=False, allow_nan=False) + "\n")
                    wanted.append(_whole_digest(example))
            _verify(new, source, wanted)
            new.rename(out)
    return len(wanted)


def check_free(out: Path) -> None:
    """Raise `DataError` where `out` is no name for a new file of JSON lines."""
    if out.suffix.lower() != ".jsonl":
        raise DataError(f"{out} should end in .jsonl", hint="--out CLEAN.jsonl")
    if out.exists():
        raise DataError(
            f"{out} exists already",
            hint="name another file by --out; or go on from that one: tailorbird check shows how",
        )


def _mended_rows(source: Source, proposals: Sequence[Proposal]) -> Iterator[tuple[Any, Example]]:
    """Each row as the new file holds it, and as it should be read. Unreadable rows are left out."""
    _, examples = stream_file(source.path, source.format, source.columns, source.key)
    rows = read_rows(source.path.name, source.key, source.path.parent, None)
    for example in examples:
        number = example.provenance.row if example.provenance else 0
        raw = next(row.value for row in rows if row.number == number)
        after = _after(example, proposals)
        if after is not None:
            new = raw if after == example else _edited(raw, example, after, source)
            yield _as_json(new, number), after


def _as_json(raw: Any, number: int) -> Any:
    try:
        return jsonable(raw, set())
    except Unusable as error:
        raise DataError(
            f"row {number:,}: {error.reason}",
            hint="leave that column out of the file; or make it a study (tailorbird new), whose "
            "steps change no file",
        ) from error


def _after(example: Example, proposals: Sequence[Proposal]) -> Example | None:
    for proposal in proposals:
        if example.id in proposal.rows:
            remedy = proposal.remedy
            if remedy.action == "drop":
                return None
            example = changed(example, remedy.action, remedy.changes[example.id])
    return example


def _edited(raw: Any, before: Example, after: Example, source: Source) -> Any:
    """The row with what differs put where it was read from, and all else as it was."""
    columns = source.columns or _UNNAMED
    turns = {
        b.content.strip(): a.content
        for b, a in zip(before.turns, after.turns)
        if a.content != b.content
    }
    target: dict[str, str] = {}
    if before.target is not None and after.target not in (None, before.target):
        target[before.target] = str(after.target)
    keys = _keys(raw, source.format) if source.columns is None else ()
    places: list[tuple[Column | None, Mapping[str, str]]]
    places = [(key, {**turns, **target}) for key in keys]
    for place, texts in places or [(columns.input, turns), (columns.target, target)]:
        if place is not None and lookup(raw, place) is not MISSING:
            raw = _put(raw, place, partial(_replaced, texts=texts))
    if columns.facts is not None and after.facts != before.facts:
        raw = _put(raw, columns.facts, partial(_listed, texts=after.facts))
    for column in columns.fields:
        text = after.fields.get(str(column))
        if text != before.fields.get(str(column)):
            raw = _put(raw, column, partial(_instead, new=text))
    if after.group != before.group:
        raw = _put(raw, columns.group or "group", partial(_instead, new=after.group))
    return raw


def _keys(raw: Any, format: str) -> tuple[str, ...]:
    """Where the format of the row holds its turns; none where each has a column of its own."""
    known = recognised(raw) if format == "auto" else [format]
    name = next((n for n in known if form(n).EXAMPLES or format != "auto"), "columns")
    return () if name == "columns" else tuple(k for k in form(name).KEYS if k != "tools")


def _put(row: Any, column: Column, change: Callable[[Any], Any]) -> Any:
    """The row with the value changed that `lookup` finds at a column; one it lacks is added."""
    if isinstance(row, Mapping) and column in row:
        return {**row, column: change(row[column])}
    name, _, rest = str(column).partition(".")
    inner = partial(_put, column=rest, change=change) if rest else change
    if isinstance(row, Mapping):
        return {**row, name: inner(row.get(name))}
    if isinstance(row, list):
        return [inner(value) if name == str(n) else value for n, value in enumerate(row)]
    return row


def _instead(value: Any, new: str | None) -> Any:
    return new


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    """The value with its old texts replaced by the new ones, wherever it holds them."""
    if isinstance(value, str):
        return texts.get(value.strip(), value)
    if isinstance(value, Mapping):
        return {k: _replaced(v, texts) for k, v in value.items()}
    return [_replaced(v, texts) for v in value] if isinstance(value, (list, tuple)) else value


def _listed(value: Any, texts: Sequence[str]) -> Any:
    """Texts as `value` holds its own: in one string, or in a list."""
    return "; ".join(texts) if isinstance(value, str) else list(texts)


def _verify(written: Path, source: Source, wanted: Sequence[str]) -> None:
    _, examples = stream_file(written, source.format, source.columns)
    found = [(_whole_digest(e), e.provenance) for e in examples]
    for number, whole in enumerate(wanted):
        if number >= len(found) or found[number][0] != whole:
            raise DataError(
                f"row {number + 1} of the new file would not be as it should: rows of this shape "
                "cannot be changed in place",
                hint="make it a study (tailorbird new), whose steps change no file",
            )


def _whole_digest(example: Example) -> str:
    """Of all that was read; a row may have moved, so that its name counts for nothing."""
    read = replace(example, id="", provenance=None)
    return digest([getattr(read, f.name) for f in fields(read)])
