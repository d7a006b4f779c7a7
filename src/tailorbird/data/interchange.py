"""Rows of one format to rows of another: what cannot be held is refused by name, never lost.

row --read--> Record --without, suited--> Record --write--> row
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, Final

from tailorbird.data.formats.base import (
    CAPABILITIES,
    Call,
    Record,
    Turn,
    Turns,
    Unusable,
    needs,
)
from tailorbird.errors import TaskError, nearest
from tailorbird.registry import module, names

FORMATS: Final = "data.formats"
UNKNOWN: Final = "of no known format"


@dataclass(frozen=True)
class Target:
    """A format to write, in one of its dialects."""

    format: str
    dialect: str | None = None
    """None: the one that the row was read in, where the format is the same; else the first."""

    @classmethod
    def parse(cls, text: str) -> "Target":
        """`sharegpt` or `sharegpt:user`. Raises `TaskError` where there is no such thing."""
        name, colon, dialect = text.partition(":")
        held = form(name).HOLDS
        if colon and dialect not in held:
            raise TaskError(f'{name} has no dialect "{dialect}"{nearest(dialect, held)}')
        return cls(name, dialect if colon else None)

    def __str__(self) -> str:
        return f"{self.format}:{self.dialect}" if self.dialect else self.format


@cache
def form(name: str) -> ModuleType:
    """The module of a format. Raises `TaskError` with the nearest name."""
    return module(FORMATS, name)


def recognised(row: Any) -> list[str]:
    """The formats whose shape the row has."""
    return [name for name in names(FORMATS) if form(name).recognise(row)]


def recognise(row: Any) -> str:
    """The format of the row. Raises `Unusable` where it is none, or could be several."""
    found = recognised(row)
    if len(found) == 1:
        return found[0]
    raise Unusable(f"could be {' or '.join(found)}" if found else UNKNOWN)


def read(row: Any, name: str) -> Record:
    """What the row says. Raises `Unusable`."""
    if not isinstance(row, Mapping):
        raise Unusable(f"a row is of type {type(row).__name__}, not an object")
    record: Record = form(name).read(row)
    return record


def write(record: Record, target: Target) -> dict[str, Any]:
    """The row of a record. Raises `Unusable` that names what the format cannot hold.

    Give records of another format through `suited`, which drops that format's spelling.
    """
    held: Mapping[str, Collection[str]] = form(target.format).HOLDS
    dialect = _dialect(record, target)
    name = str(Target(target.format, dialect)) if dialect != next(iter(held)) else target.format
    lost = [words for need, words in needs(record).items() if need not in held[dialect]]
    if lost:
        raise Unusable(f"{name} cannot hold {' and '.join(lost)}")
    for key in record.further:
        if key in form(target.format).KEYS:
            raise Unusable(f'{name}: a further column is called "{key}", as one of the format')
    try:
        row: dict[str, Any] = form(target.format).write(record, dialect)
    except Unusable as error:
        raise Unusable(f"{name}: {error.reason}") from None
    found = recognised(row)
    if found != [target.format]:
        raise Unusable(f"{name} would be read as {' or '.join(found) or 'no format'}")
    return row


def _dialect(record: Record, target: Target) -> str:
    first: str = next(iter(form(target.format).HOLDS))
    return target.dialect or record.spelling.get("dialect") or first


# ---- on the way from one to the other ----------------------------------------------------------


def suited(record: Record, target: Target) -> Record:
    """A record of another format, with what the target needs and nobody has to be asked for.

    An answer becomes the reference where a format holds only that; calls of tools get ids where the
    format has room for them. `notes` say so.
    """
    held = frozenset[str]().union(*form(target.format).HOLDS.values())
    record = replace(record, spelling={})
    if "reference" in held and "answer" not in held and record.reference is None:
        record = _answer_as_reference(record)
    if "call_ids" in held and any(c.id is None for t in record.turns for c in t.calls):
        record = _numbered(record)
    return record


def _answer_as_reference(record: Record) -> Record:
    plain = len(record.answers) == 1 and record.good is None and len(record.answers[0]) == 1
    if not plain or record.answers[0][0] != Turn("assistant", record.answers[0][0].content):
        return record
    (answer,) = record.answers[0]
    notes = (*record.notes, "the answer is kept as the reference")
    return replace(record, answers=(), reference=answer.text, notes=notes)


def _numbered(record: Record) -> Record:
    """Every call has an id, and every result the id of the call that it answers, in their order."""
    waiting: list[str | None] = []
    prompt = tuple(_number(turn, waiting) for turn in record.prompt)
    answers = []
    for answer in record.answers:
        left = list(waiting)
        answers.append(tuple(_number(turn, left) for turn in answer))
    notes = (*record.notes, "tool calls numbered")
    return replace(record, prompt=prompt, answers=tuple(answers), notes=notes)


def _number(turn: Turn, waiting: list[str | None]) -> Turn:
    """`waiting`: an entry per call so far; None once it is answered."""
    calls = []
    for call in turn.calls:
        calls.append(replace(call, id=call.id or f"call_{len(waiting) + 1}"))
        waiting.append(calls[-1].id)
    if turn.role != "tool":
        return replace(turn, calls=tuple(calls))
    open_ones = [name for name in waiting if name is not None]
    if turn.call_id is None and not open_ones:
        raise Unusable("a tool result without a call")
    name = turn.call_id or open_ones[0]
    if name in waiting:
        waiting[waiting.index(name)] = None
    return replace(turn, call_id=name)


# ---- what may be left out ----------------------------------------------------------------------


def without(record: Record, what: Collection[str]) -> Record:
    """The record without capabilities (as in `LEFT_OUT`) or further columns of these names.

    `notes` say what was left out. Raises `Unusable` where a row is worthless without it.
    """
    for name in what:
        left = LEFT_OUT[name](record) if name in LEFT_OUT else _column(record, name)
        if left != record:
            record = replace(left, notes=(*record.notes, left_out(name)))
    return record


def left_out(name: str) -> str:
    """The note of a record that is without `name`."""
    return f"{_NAMED.get(name, name)} left out"


def _column(record: Record, name: str) -> Record:
    return replace(record, further={k: v for k, v in record.further.items() if k != name})


def _each(change: Callable[[Turn], Turn]) -> Callable[[Record], Record]:
    """The same change to every turn."""

    def changed(turns: Turns) -> Turns:
        return tuple(change(turn) for turn in turns)

    return lambda r: replace(r, prompt=changed(r.prompt), answers=tuple(map(changed, r.answers)))


def _anonymous(call: Call) -> Call:
    return replace(call, id=None)


def _best(record: Record) -> Record:
    if record.good is False:
        raise Unusable("the only answer is marked bad")
    return replace(record, answers=record.answers[:1], good=None)


LEFT_OUT: Final[Mapping[str, Callable[[Record], Record]]] = {
    "ranking": _best,
    "judgement": _best,
    "answer": lambda r: replace(r, answers=(), good=None),
    "reference": lambda r: replace(r, reference=None),
    "developer": _each(lambda t: replace(t, role="system") if t.role == "developer" else t),
    "system": lambda r: replace(r, prompt=tuple(t for t in r.prompt if t.role != "system")),
    "call_ids": _each(
        lambda t: replace(t, call_id=None, calls=tuple(_anonymous(c) for c in t.calls))
    ),
    "tools": lambda r: replace(r, tools=()),
    "parts": _each(lambda t: replace(t, content=t.text) if isinstance(t.content, tuple) else t),
    "names": _each(lambda t: replace(t, name=None)),
    "weights": _each(lambda t: replace(t, weight=None)),
    "thoughts": _each(lambda t: replace(t, thought=None)),
    "turn_keys": _each(lambda t: replace(t, further={})),
    "further": lambda r: replace(r, further={}),
}
"""What can be left out and leave a row that is worth something; of a ranking the best stays.

In an order in which all can be left out: what one makes of a row, a later one may take away."""

_NAMED = {
    **{name: CAPABILITIES[name] for name in LEFT_OUT},
    "answer": "answers",
    "ranking": "all answers but the best",
    "judgement": "the judgement",
    "developer": "the developer role (system instead)",
    "parts": "borders between texts of a turn",
}


def remedies(record: Record, target: Target) -> Iterator[str]:
    """What may be left out of what the format cannot hold: arguments of `without`.

    Whether it holds the rest is another question: a ranking without the others is an answer.
    """
    module = form(target.format)
    held = module.HOLDS[_dialect(record, target)]
    lost = {name for name in needs(record) if name not in held}
    yield from (name for name in LEFT_OUT if name in lost)
    yield from (key for key in record.further if key in module.KEYS and "further" not in lost)
