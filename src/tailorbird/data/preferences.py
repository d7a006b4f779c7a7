"""Files of ranked or judged answers -> Comparisons, with every row accounted for.

A row is of one of the formats that hold a ranking or a judgement, and is recognised by its columns.
Conversations must share all but their last turn: that turn is the answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.files import stem
from tailorbird.data.formats.base import Record, Unusable, draft, text_of
from tailorbird.data.ids import Repeats
from tailorbird.data.interchange import FORMATS, form, read
from tailorbird.data.lookup import names_in
from tailorbird.data.provenance import made_up_by
from tailorbird.data.rows import Row, read_rows
from tailorbird.errors import DataError
from tailorbird.registry import names
from tailorbird.task.task import File
from tailorbird.task.types import Comparison, Example, Prompt, Provenance
from tailorbird.words import counted


@dataclass(frozen=True)
class Preferences:
    """Comparisons, and what happened to every row of every file."""

    comparisons: tuple[Comparison, ...]
    accounts: tuple[FileAccount, ...]


def load_preferences(
    files: Sequence[File], folder: Path, data_folder: Path | None, closed: Collection[str] = ()
) -> Preferences:
    """Read files of preferences, relative to `folder`; what asks one of `closed` is left out.

    Raises `DataError` when a file is missing, or no row of it can be used.
    """
    intake = _Intake(folder, data_folder, frozenset(closed))
    found = [comparison for file in files for comparison in intake.read(file)]
    for account in intake.accounts:
        account.verify()
    return Preferences(tuple(found), tuple(intake.accounts))


@dataclass
class _Intake:
    """Reads files one after the other; ids are unique over all of them."""

    folder: Path
    data_folder: Path | None
    closed: frozenset[str]
    accounts: list[FileAccount] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    repeats: Repeats = field(default_factory=Repeats)

    def read(self, file: File) -> list[Comparison]:
        account = FileAccount(file.path if file.key is None else f"{file.path}#{file.key}")
        self.accounts.append(account)
        found, first = [], None
        for row in read_rows(file.path, file.key, self.folder, self.data_folder):
            first = first or row
            for note in row.notes:
                account.change(note, row.number)
            for mark in row.seen:
                account.note(mark, row.number)
            try:
                found.append(self._comparison(row, account))
            except Unusable as error:
                account.drop(error.reason, row.number)
            else:
                account.keep()
        if not found:
            raise _nothing(account, first)
        return found

    def _comparison(self, row: Row, account: FileAccount) -> Comparison:
        if row.problem is not None:
            raise Unusable(row.problem)
        record = _read(row.value)
        given, answers = _shared(record)
        if Example("", given).asked in self.closed:
            raise Unusable("the same input stands in test")
        name = (text_of(row.value.get("id"), "id") or "").strip()
        group = text_of(row.value.get("group"), "group")
        for note in record.notes:  # from here on, the row is kept
            account.change(note, row.number)
        return Comparison(
            id=self._unique(name or f"{stem(account.file)}-{row.number:06d}", row.number, account),
            input=given,
            answers=answers,
            good=record.good,
            group=group,
            provenance=Provenance(account.file, row.number, made_up_by(row.value)),
        )

    def _unique(self, wanted: str, row: int, account: FileAccount) -> str:
        name = self.repeats.unique(wanted, self.taken, row, account)
        self.taken.add(name)
        return name


def _nothing(account: FileAccount, first: Row | None) -> DataError:
    """Why a file gave no comparison."""
    if first is None:
        return DataError(f"{account.file} is empty")
    reasons = "; ".join(f"{n:,} {reason}" for reason, n in account.dropped.most_common(3))
    columns = ", ".join(names_in(first.value)) or "no columns"
    return DataError(
        f"{account.file}: none of {counted(account.read, 'row')} can be used as a preference: "
        f"{reasons}",
        hint=f"the first row has: {columns}; expected prompt, chosen and rejected, for instance",
    )


# ---- rows -> records -> one input with its answers ----------------------------------------------


def _read(row: Any) -> Record:
    """What the row says. Raises `Unusable` where it ranks or judges nothing."""
    if not isinstance(row, Mapping):
        raise Unusable(f"a row is of type {type(row).__name__}, not an object")
    if {"prompt", "completion"} <= row.keys() and ("label" in row or "kto_tag" in row):
        return read(row, "kto")  # its label may be a number or a word here
    for name in _formats():
        if form(name).recognise(row):
            return read(row, name)
    raise Unusable("not of the shape of a preference")


@cache
def _formats() -> tuple[str, ...]:
    """Those that hold a ranking or a judgement."""
    wanted = {"ranking", "judgement"}
    return tuple(n for n in names(FORMATS) if any(wanted & held for held in form(n).HOLDS.values()))


def _shared(record: Record) -> tuple[str | Prompt, tuple[str, ...]]:
    """The input that all answers follow, and the answers."""
    if record.good is None and len(record.answers) < 2:
        raise Unusable("not of the shape of a preference")
    drafts = [draft(Record(record.prompt, (answer,))) for answer in record.answers]
    if any(each.input != drafts[0].input for each in drafts):
        raise Unusable("the answers do not follow the same prompt")
    if not Example("", drafts[0].input).text.strip():
        raise Unusable("empty prompt")
    answers = tuple((each.target or "").strip() for each in drafts)
    if not all(answers):
        raise Unusable("an answer is empty")
    if len(set(answers)) < len(answers):
        raise Unusable("two answers are equal")
    return drafts[0].input, answers
