"""Answers that people judged, from JSON lines: what a judge is measured on.

    {"input": "...", "answer": "...", "grade": "good"}
    {"input": "...", "answers": ["...", "..."], "better": "first"}

`grade` is one of the rubric's; `better` is first, second or tie. Optional: `reference` (a right
answer), `sources` (a text or a list), `group` (what rows share when they are not independent),
`author` or `authors` (which model wrote the answer, for the probe of self-preference).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.errors import DataError, nearest
from tailorbird.evaluate.judges.base import Item
from tailorbird.evaluate.judges.pairwise import PREFERENCES
from tailorbird.store import said

_KEYS = {
    "input", "answer", "answers", "grade", "better", "reference", "sources", "group", "author",
    "authors",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer with people's grade, or two with their preference."""

    item: Item
    answers: tuple[str, ...]
    grade: int
    """Place in the grades, worst to best; for two answers in `PREFERENCES`."""
    group: str | None
    authors: tuple[str, ...]
    """Per answer; empty where it is not known."""


def read_labelled(path: Path, grades: Sequence[str]) -> list[Labelled]:
    """Every row of `path`. Raises `DataError` with the line of the first row that is wrong."""
    with said("read", path):
        lines = path.read_text(encoding="utf-8").splitlines()
    rows = [
        _row(line, f"{path}, line {number}", grades)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not rows:
        raise DataError(f"{path} holds no row", hint="a row is an answer that people judged")
    if len({len(r.answers) for r in rows}) > 1:
        raise DataError(
            f"{path} holds single answers and pairs", hint="keep them in a file of each"
        )
    return rows


def _row(line: str, where: str, grades: Sequence[str]) -> Labelled:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} should hold keys and values, found {type(row).__name__}")
    for key in row:
        if key not in _KEYS:
            raise DataError(f'{where}: unknown key "{key}"{nearest(key, _KEYS)}')
    pair = "answers" in row
    answers = _answers(row, pair, where)
    key, known = ("better", PREFERENCES) if pair else ("grade", tuple(grades))
    authors = row.get("authors") if pair or "author" not in row else [row["author"]]
    return Labelled(
        Item(_text(row, "input", where), row.get("reference") or "", _sources(row, where)),
        answers, _place(row, key, known, where),
        None if row.get("group") is None else str(row["group"]), _authors(authors, answers, where),
    )  # fmt: skip


def _answers(row: Mapping[str, Any], pair: bool, where: str) -> tuple[str, ...]:
    given = row.get("answers") if pair else [row.get("answer")]
    texts = [a for a in given if isinstance(a, str)] if isinstance(given, list) else []
    if not isinstance(given, list) or len(texts) != len(given) or len(texts) != 1 + pair:
        raise DataError(f"{where}: expected `answer`, a text, or `answers`, a list of two texts")
    return tuple(texts)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    if not isinstance(row.get(key), str):
        raise DataError(f"{where}: `{key}` should be a text, found {row.get(key)!r}")
    return str(row[key])


def _sources(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    sources = row.get("sources") or []
    sources = [sources] if isinstance(sources, str) else sources
    if not all(isinstance(s, str) for s in sources):
        raise DataError(f"{where}: `sources` should be a text or a list of texts")
    return tuple(sources)


def _place(row: Mapping[str, Any], key: str, known: Sequence[str], where: str) -> int:
    grade = str(row.get(key))
    if grade not in known:
        raise DataError(
            f'{where}: `{key}` is "{grade}"{nearest(grade, known)}',
            hint="name the grades of the file from worst to best: --grades bad,good",
        )
    return list(known).index(grade)


def _authors(authors: Any, answers: Sequence[str], where: str) -> tuple[str, ...]:
    if authors is None:
        return ()
    if not isinstance(authors, list) or len(authors) != len(answers):
        raise DataError(f"{where}: `authors` names the author of each answer")
    return tuple(str(a) for a in authors)
