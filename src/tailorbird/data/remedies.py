"""Steps that mend the data, in `remedies.jsonl` beside the task file; data files stay as they are.

One line is one step: what was found, what is to be done, and each row with the digest of what the
file held when the step was made. Steps are applied whenever rows are read. A row that has changed
since is left alone, and said. A step that is taken back stays, and a further line takes it back.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tailorbird.data.accounts import FileAccount
from tailorbird.errors import DataError, TaskError
from tailorbird.store import append_jsonl, digest, read_jsonl, said
from tailorbird.task.strict import Strict, parse
from tailorbird.task.types import Example, Message
from tailorbird.words import counted

FILE = "remedies.jsonl"
Action = Literal["drop", "relabel", "rewrite", "regroup"]
DONE: Mapping[Action, str] = {
    "drop": "dropped",
    "relabel": "relabelled",
    "rewrite": "rewritten",
    "regroup": "regrouped",
}
"""What was done to a row, in a word."""
_COPY = "take the file from your last copy"


class Change(Strict):
    """What a step does to one row."""

    digest: str
    """`row_digest` of the row as its file held it."""
    part: str
    """The split that it stood in, or `unlabelled`."""
    value: str | None = None
    """As in `doctor.base.Remedy.changes`."""


class Step(Strict):
    """One remedy, as it was applied."""

    step: int = Field(ge=1)
    check: str
    """The check that found it."""
    action: Action
    reason: str
    when: datetime
    rows: dict[str, Change]
    """By row id."""

    @property
    def said(self) -> str:
        """What the account of a row that it changes says."""
        return f"{self.reason} (step {self.step} of {FILE})"


class Undo(Strict):
    """A step that takes an earlier one back; it can be taken back as well."""

    step: int = Field(ge=1)
    undo: int = Field(ge=1)
    when: datetime


@dataclass(frozen=True)
class History:
    """Every step that was made, in order. The n-th is step n, and line n of the file."""

    file: Path
    steps: tuple[Step | Undo, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> "History":
        """The steps of a study; none without a file. Raises `DataError` for a broken one."""
        file = folder / FILE
        steps = tuple(_step(row, f"{file}, line {n}") for n, row in _lines(file))
        for number, step in enumerate(steps, start=1):
            if step.step != number or (isinstance(step, Undo) and step.undo >= number):
                raise DataError(
                    f"{file}, line {number}: step {step.step} stands where step {number} should",
                    hint="the file is only ever added to: take it from your last copy",
                )
        return cls(file, steps)

    @property
    def undone(self) -> frozenset[int]:
        """Numbers of the steps that were taken back."""
        back: set[int] = set()
        for step in reversed(self.steps):
            if isinstance(step, Undo) and step.step not in back:
                back.add(step.undo)
        return frozenset(back)

    @property
    def live(self) -> tuple[Step, ...]:
        """The steps that count."""
        undone = self.undone
        return tuple(s for s in self.steps if isinstance(s, Step) and s.step not in undone)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other writer add a step meanwhile; may be entered again within."""
        from filelock import FileLock

        lock = FileLock(self.file.with_name(f".{FILE}.lock"), is_singleton=True)
        with said("write", self.file):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def add(self, check: str, action: Action, reason: str, rows: Mapping[str, Change]) -> "History":
        """Append a step, behind those of other writers; what was appended survives a kill.

        Raises `DataError` where a step that was made since this was read names one of the rows.
        """
        with self.alone():
            held = History.read(self.file.parent)
            for other in held.steps[len(self.steps) :]:
                if isinstance(other, Step) and not other.rows.keys().isdisjoint(rows):
                    raise DataError(
                        f"step {other.step} was made meanwhile, and names some of the same rows",
                        hint="check again, and mend what is still found",
                    )
            step = Step(
                step=len(held.steps) + 1, check=check, action=action, reason=reason, when=_now(),
                rows=dict(rows),
            )  # fmt: skip
            return held._append(step)

    def undo(self, number: int) -> "History":
        """Take a step back. Raises `DataError` where there is none, or a later one rests on it."""
        with self.alone():
            held = History.read(self.file.parent)
            return held._append(held._undoing(number))

    def _undoing(self, number: int) -> Undo:
        if not 1 <= number <= len(self.steps):
            raise DataError(f"{self.file} has no step {number}", hint=f"it has {len(self.steps)}")
        if number in self.undone:
            raise DataError(f"step {number} was taken back before")
        undo = Undo(step=len(self.steps) + 1, undo=number, when=_now())
        after = replace(self, steps=(*self.steps, undo))
        # A step that comes back changes what later ones rest on as much as one that goes.
        moved = {s.step for s in self.live} ^ {s.step for s in after.live}
        for step in (s for s in self.steps if isinstance(s, Step) and s.step in moved):
            for later in after.live:
                if later.step > step.step and _builds_on(later, step):
                    raise DataError(
                        f"step {later.step} came after step {step.step} and rewrote the same rows",
                        hint=f"take step {later.step} back first",
                    )
        return undo

    def lines(self) -> list[str]:
        """Every step in words, one line each."""
        undone = self.undone
        return [
            f"step {s.step}, {s.when:%Y-%m-%d %H:%M}: {_in_words(s)}"
            + (" (taken back)" if s.step in undone else "")
            for s in self.steps
        ]

    def _append(self, step: Step | Undo) -> "History":
        append_jsonl(self.file, [step.model_dump(mode="json", exclude_none=True)])
        return replace(self, steps=(*self.steps, step))


def row_digest(example: Example) -> str:
    """What tells a row that was changed since: the first 16 digits of SHA-256 of input and target.

    Of the row as its file holds it, before any step: steps do not depend on one another.
    """
    turns = [(t.role, t.content) for t in example.turns]
    return digest([turns, example.target])[:16]


def rewriting(example: Example) -> str:
    """Input, target, facts and fields of `example` as the value of a `rewrite`."""
    turns = [{"role": t.role, "content": t.content} for t in example.turns]
    given: Any = example.input if isinstance(example.input, str) else turns
    value: dict[str, Any] = {"input": given, "target": example.target}
    if example.facts:
        value["facts"] = example.facts
    if example.fields:
        value["fields"] = dict(example.fields)
    return json.dumps(value, ensure_ascii=False)


def changed(example: Example, action: Action, value: str | None) -> Example:
    """The row after an action other than `drop`. Raises `DataError` for a value that fits none."""
    if value is None:
        raise DataError(f"row {example.id}: {action} needs a value")
    if action == "relabel":
        return replace(example, target=value)
    return replace(example, group=value) if action == "regroup" else _rewritten(example, value)


class Mending:
    """The live steps while rows are read: `meet` each row as it comes, `finish` it in its split.

    A new group must be known before rows are cut into splits, and everything else must not matter
    there: a relabelled row stays on its side.
    """

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self.account = FileAccount(FILE, unit="change")
        """What became of each change that is asked for."""
        self._asked: dict[str, list[tuple[Step, Change]]] = {}
        for step in steps:
            for row, change in step.rows.items():
                self._asked.setdefault(row, []).append((step, change))
        self._rest: dict[str, list[tuple[Step, Change]]] = {}

    def meet(self, example: Example, account: FileAccount, number: int) -> Example:
        """A row as its file holds it -> the same with its new group, where it is given one."""
        asked = self._asked.pop(example.id, None)
        if asked is None:
            return example
        found, left = row_digest(example), []
        for step, change in asked:
            if change.digest != found:
                reason = f"the row is not as it was at step {step.step}"
                self.account.drop(reason, example.id)
                continue
            if step.action == "regroup":
                self.account.keep()
                account.change(step.said, number)
                example = changed(example, "regroup", change.value)
            else:
                left.append((step, change))
        if left:
            self._rest[example.id] = left
        return example

    def finish(self, example: Example, account: FileAccount) -> Example | None:
        """The row relabelled and rewritten; None where it is dropped."""
        number = example.provenance.row if example.provenance else 0
        asked = self._rest.pop(example.id, [])
        for n, (step, change) in enumerate(asked, start=1):
            self.account.keep()
            if step.action == "drop":
                for later, _ in asked[n:]:
                    reason = f"step {step.step} drops the row before step {later.step}"
                    self.account.drop(reason, example.id)
                account.withdraw(step.said, number)
                return None
            account.change(step.said, number)
            example = changed(example, step.action, change.value)
        return example

    def close(self) -> list[FileAccount]:
        """The account of the steps, once all rows are read; none where there are no steps."""
        for row, asked in self._asked.items():
            for step, _ in asked:
                self.account.drop(f"no row has the id that step {step.step} names", row)
        for row, asked in self._rest.items():
            for step, _ in asked:
                self.account.drop(f"no split has the row that step {step.step} names", row)
        return [self.account] if self.account.read else []


def _lines(file: Path) -> Any:
    try:
        return enumerate(read_jsonl(file), start=1)
    except OSError as error:
        raise DataError(str(error), hint=_COPY) from error


def _step(row: Any, where: str) -> Step | Undo:
    if not isinstance(row, Mapping):
        raise DataError(f"{where} is no step", hint=_COPY)
    try:
        return parse(Undo, row, where) if "undo" in row else parse(Step, row, where)
    except TaskError as error:
        raise DataError(str(error), hint=_COPY) from error


def _in_words(step: Step | Undo) -> str:
    if isinstance(step, Undo):
        return f"step {step.undo} taken back"
    return f"{step.check}: {counted(len(step.rows), 'row')} {DONE[step.action]}, {step.reason}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _builds_on(later: Step, step: Step) -> bool:
    """A rewritten row holds input and target as the earlier step had left them."""
    rewritten = later.action == "rewrite" and step.action in ("relabel", "rewrite")
    return rewritten and not later.rows.keys().isdisjoint(step.rows)


def _rewritten(example: Example, value: str) -> Example:
    try:
        new = json.loads(value)
        given, target = new["input"], new["target"]
        if not isinstance(given, str):
            given = tuple(Message(t["role"], t["content"]) for t in given)
        # A target that must state a value is marked by facts that name it: they change together.
        facts, fields = tuple(new.get("facts", example.facts)), new.get("fields", example.fields)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"row {example.id}: {value[:80]!r} rewrites nothing") from error
    return replace(example, input=given, target=target, facts=facts, fields=fields)
