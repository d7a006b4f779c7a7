"""Files of ranked or judged answers -> Comparisons, with every row accounted for.

A row is recognised by its columns. Most shapes are whole conversations, which must share all but
their last turn: that turn is the answer.

    prompt, chosen, rejected                          TRL; strings or lists of messages
    chosen, rejected                                  TRL, lists of messages that begin alike
    chosen, rejected                                  hh-rlhf, transcripts of Human and Assistant
    input, preferred_output, non_preferred_output     OpenAI
    prompt, answers                                   a ranking, best first
    prompt, completion, label                         TRL (KTO); one answer, wanted or not
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.formats.base import (
    Unusable,
    conversation,
    text_of,
    truth_of,
    turn,
)
from tailorbird.data.lookup import names_in
from tailorbird.data.provenance import made_up_by
from tailorbird.data.rows import Row, read_rows, stem
from tailorbird.errors import DataError
from tailorbird.task.task import File
from tailorbird.task.types import Comparison, Example, Message, Prompt, Provenance, Role

Turns = list[Message]


@dataclass(frozen=True)
class Preferences:
    """Comparisons, and what happened to every row of every file."""

    comparisons: tuple[Comparison, ...]
    accounts: tuple[FileAccount, ...]


def load_preferences(
    files: Sequence[File], folder: Path, data_folder: Path | None, closed: Collection[str] = ()
) -> Preferences:
    """Read files of preferences, relative to `folder`; inputs in `closed` (folded) are left out.

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

    def read(self, file: File) -> list[Comparison]:
        account = FileAccount(file.path if file.key is None else f"{file.path}#{file.key}")
        self.accounts.append(account)
        found, first = [], None
        for row in read_rows(file.path, file.key, self.folder, self.data_folder):
            first = first or row
            for note in row.notes:
                account.change(note, row.number)
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
        conversations, good = _conversations(row.value)
        given, answers = _shared(conversations)
        if Example("", given).folded in self.closed:
            raise Unusable("the same input stands in test")
        name = (text_of(row.value.get("id"), "id") or "").strip()
        return Comparison(
            id=self._unique(name or f"{stem(account.file)}-{row.number:06d}", row.number, account),
            input=given,
            answers=answers,
            good=good,
            group=text_of(row.value.get("group"), "group"),
            provenance=Provenance(account.file, row.number, made_up_by(row.value)),
        )

    def _unique(self, wanted: str, row: int, account: FileAccount) -> str:
        name, copies = wanted, 1
        while name in self.taken:
            copies += 1
            name = f"{wanted}#{copies}"
        if name != wanted:
            account.change("duplicate id made unique", row)
        self.taken.add(name)
        return name


def _nothing(account: FileAccount, first: Row | None) -> DataError:
    """Why a file gave no comparison."""
    if first is None:
        return DataError(f"{account.file} is empty")
    reasons = "; ".join(f"{n:,} {reason}" for reason, n in account.dropped.most_common(3))
    columns = ", ".join(names_in(first.value)) or "no columns"
    return DataError(
        f"{account.file}: none of {account.read:,} rows can be used as a preference: {reasons}",
        hint=f"the first row has: {columns}; expected prompt, chosen and rejected, for instance",
    )


# ---- rows -> conversations ---------------------------------------------------------------------


def _conversations(row: Any) -> tuple[list[Turns], bool | None]:
    """Each up to and with an answer, best first; and whether a single answer is wanted."""
    if not isinstance(row, Mapping):
        raise Unusable(f"a row is of type {type(row).__name__}, not an object")
    if {"preferred_output", "non_preferred_output"} <= row.keys():
        return _from_openai(row), None
    if {"chosen", "rejected"} <= row.keys():
        return [_whole(row, name) for name in ("chosen", "rejected")], None
    if {"prompt", "answers"} <= row.keys():
        return _from_ranking(row), None
    if {"prompt", "completion"} <= row.keys() and ("label" in row or "kto_tag" in row):
        return [_behind(_prompt(row), row["completion"], "completion")], _wanted(row)
    raise Unusable("not of the shape of a preference")


def _prompt(row: Mapping[str, Any]) -> Turns:
    return _turns(row["prompt"], "prompt", "user")


def _turns(value: Any, what: str, role: Role) -> Turns:
    if isinstance(value, list):
        return [turn(message) for message in value]
    text = text_of(value, what)
    if text is None:
        raise Unusable(f"no {what}")
    return [Message(role, text)]


def _behind(prompt: Turns, answer: Any, what: str) -> Turns:
    """The prompt with an answer; an answer that begins with the prompt is the whole already."""
    turns = _turns(answer, what, "assistant")
    return turns if turns[: len(prompt)] == prompt else [*prompt, *turns]


def _whole(row: Mapping[str, Any], name: str) -> Turns:
    if row.get("prompt") is not None:
        return _behind(_prompt(row), row[name], name)
    if isinstance(row[name], str):
        return _transcript(row[name])
    return _turns(row[name], name, "assistant")


def _from_openai(row: Mapping[str, Any]) -> list[Turns]:
    given = row.get("input")
    messages = given.get("messages") if isinstance(given, Mapping) else None
    if not isinstance(messages, list):
        raise Unusable("input holds no messages")
    prompt = _turns(messages, "input", "user")
    names = ("preferred_output", "non_preferred_output")
    return [_behind(prompt, row[name], name) for name in names]


def _from_ranking(row: Mapping[str, Any]) -> list[Turns]:
    if not isinstance(row["answers"], list) or len(row["answers"]) < 2:
        raise Unusable("answers is not a list of two or more")
    prompt = _prompt(row)
    return [_behind(prompt, answer, "answer") for answer in row["answers"]]


def _wanted(row: Mapping[str, Any]) -> bool:
    label = row["label"] if "label" in row else row["kto_tag"]
    if not (text_of(label, "label") or "").strip():
        raise Unusable("no label")
    return truth_of(label, "label")


_SPEAKER = re.compile(r"\n\n(Human|Assistant):")
_ROLES: Mapping[str, Role] = {"Human": "user", "Assistant": "assistant"}


def _transcript(text: str) -> Turns:
    before, *parts = _SPEAKER.split(text)
    if before.strip() or not parts:
        raise Unusable("a transcript should begin with a blank line and Human:")
    return [Message(_ROLES[who], said.strip()) for who, said in zip(parts[::2], parts[1::2])]


# ---- conversations -> one input with its answers -----------------------------------------------


def _shared(conversations: Sequence[Turns]) -> tuple[str | Prompt, tuple[str, ...]]:
    drafts = [conversation(turns) for turns in conversations]
    if any(draft.input != drafts[0].input for draft in drafts):
        raise Unusable("the answers do not follow the same prompt")
    if not Example("", drafts[0].input).text.strip():
        raise Unusable("empty prompt")
    answers = tuple((draft.target or "").strip() for draft in drafts)
    if not all(answers):
        raise Unusable("an answer is empty")
    if len(set(answers)) < len(answers):
        raise Unusable("two answers are equal")
    return drafts[0].input, answers
