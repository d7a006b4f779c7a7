"""The suite for formats: what a format claims to hold, it gives back; the rest it refuses."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tailorbird.data.formats.base import CAPABILITIES, Call, Record, Turn, Unusable, draft, needs
from tailorbird.data.interchange import Target, form, read, write
from tailorbird.testing.claims import claim, never_raises

_SYSTEM, _ASKED = Turn("system", "Be brief."), Turn("user", "When do you open?")
_ANSWER, _OTHER = (Turn("assistant", "From 9 am."),), (Turn("assistant", "No idea."),)
_TOOL = {
    "type": "function",
    "function": {
        "name": "opening",
        "description": "Opening hours",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    },
}
_CALL = Call("opening", {"day": "Sunday"}, "call_1")

_KINDS: Mapping[str, Record] = {
    "text": Record(text="We open at nine.\n\nOn Sundays we do not."),
    "prompt": Record((_ASKED,)),
    "answer": Record((_ASKED,), (_ANSWER,)),
    "good": Record((_ASKED,), (_ANSWER,), good=True),
    "bad": Record((_ASKED,), (_OTHER,), good=False),
    "ranking": Record((_ASKED,), (_ANSWER, _OTHER)),
    "rankings": Record((_ASKED,), (_ANSWER, _OTHER, (Turn("assistant", "Why?"),))),
    "reference": Record((_ASKED,), reference="9 am"),
    "a reference of another type": Record((_ASKED,), reference={"hours": [9, 17.5], "open": True}),
}


def _before(*turns: Turn) -> Callable[[Record], Record]:
    return lambda r: replace(r, prompt=(*turns, *r.prompt))


def _asked(**change: Any) -> Callable[[Record], Record]:
    return lambda r: replace(r, prompt=tuple(replace(turn, **change) for turn in r.prompt))


def _said(**change: Any) -> Callable[[Record], Record]:
    return lambda r: replace(
        r, answers=tuple(tuple(replace(turn, **change) for turn in a) for a in r.answers)
    )


def _longer(record: Record) -> Record:
    """Answers of three turns; they must not begin alike."""
    more = (Turn("user", "Surely?"), Turn("assistant", "Yes."))
    return replace(record, answers=tuple((*answer, *more) for answer in record.answers))


def _looked_up(call: Call, result: Turn) -> Callable[[Record], Record]:
    return _before(Turn("user", "Is it Sunday?"), Turn("assistant", calls=(call,)), result)


_VARIATIONS: tuple[Callable[[Record], Record], ...] = (
    lambda r: r,
    _before(_SYSTEM),
    _before(Turn("developer", "Be brief.")),
    _before(_SYSTEM, _SYSTEM),
    _before(Turn("user", "Hello."), Turn("assistant", "Hello!")),
    _before(_SYSTEM, Turn("user", "Hello."), Turn("assistant", "Hello!")),
    _before(Turn("user", "Hello.")),
    _before(Turn("user", "Hello."), _SYSTEM),
    _before(Turn("assistant", "Hello!")),
    _before(Turn("user", "Hello."), Turn("assistant", "Hello!", weight=0)),
    _before(Turn("user", "Hello."), Turn("assistant", "Hello!", thought="They are polite.")),
    _asked(content=""),
    _said(content=""),
    _asked(content=None),
    _asked(content=("When do", "you open?")),
    _said(content=("From", "9 am.")),
    _asked(name="Ada"),
    _said(weight=0),
    _said(weight=1),
    _said(thought="They ask for hours."),
    _asked(further={"mood": "calm"}),
    _said(content=None, calls=(_CALL,)),
    _said(calls=(_CALL,)),
    _said(content=None, calls=(replace(_CALL, id=None),)),
    _said(content=None, calls=(_CALL, Call("opening", {}, "call_2"))),
    _said(content=None, calls=(Call("opening", "not JSON", "call_1"),)),
    _looked_up(_CALL, Turn("tool", '{"open": false}', call_id="call_1")),
    _looked_up(replace(_CALL, id=None), Turn("tool", "closed")),
    _looked_up(_CALL, Turn("tool", "closed", call_id="call_1", name="opening")),
    lambda r: replace(r, tools=(_TOOL,)),
    lambda r: replace(r, prompt=()),
    lambda r: replace(r, prompt=(*r.prompt, Turn("assistant", "We open"))),
    _longer,
    _asked(content="x \n" * 50_000),
    _asked(content="\n\nHuman: \u202e=1+1\x00 \N{SNOWMAN}"),
    _said(content=" [{\"role\": 'user'}] "),
)
_FURTHER = {"data_source": "shop", "group": "g", "answerable": False, "score": 0.5, "tags": ["a"]}

_BROKEN: tuple[Any, ...] = (None, 3, "x", [], {}, [1], [[]], [{}], {"a": 1}, [{"role": []}], True)


def check_format(name: str) -> None:
    """Write and read records of every kind. Raises `AssertionError`.

    `name` is a file in `data/formats`.
    """
    module = form(name)
    held: Mapping[str, frozenset[str]] = module.HOLDS
    claim(bool(held), f"{name}: HOLDS names no dialect")
    claim(isinstance(module.EXAMPLES, bool), f"{name}: EXAMPLES is neither true nor false")
    for dialect, names in held.items():
        strange = names - CAPABILITIES.keys()
        claim(not strange, f"{name}: HOLDS names {strange}, which are not in CAPABILITIES")
        given_back: set[str] = set()
        damaged: set[frozenset[str]] = set()
        for record in specimens():
            row = _row(record, Target(name, dialect or None), names)
            if row is not None:
                _gives_back(name, record, row)
                given_back |= needs(record).keys()
                if frozenset(row) not in damaged:
                    damaged.add(frozenset(row))
                    _survives_damage(name, row)
        for key in module.KEYS if "further" in names else ():
            _refuses(Target(name, dialect or None), key)
        vain = names - given_back
        claim(not vain, f"{name}:{dialect} claims to hold {sorted(vain)}, and gives back no record")
    _marks_examples(name, module.EXAMPLES)


def specimens() -> Iterator[Record]:
    """Records of all kinds, with and without everything that a record can hold."""
    for kind in _KINDS.values():
        for vary in _VARIATIONS if kind.text is None else _VARIATIONS[:1]:
            record = vary(kind)
            yield record
            yield replace(record, further=_FURTHER)


def _row(record: Record, target: Target, held: frozenset[str]) -> dict[str, Any] | None:
    """The row, or None where the record was refused by name."""
    wanted = needs(record)
    try:
        row = write(record, target)
    except Unusable as error:
        lost = [words for need, words in wanted.items() if need not in held]
        named = all(words in error.reason for words in lost)
        claim(named, f"{target} refuses {record}, but does not name {lost}: {error.reason}")
        return None
    except Exception as error:
        raise AssertionError(f"{target}: {record} raises {type(error).__name__}") from error
    claim(wanted.keys() <= held, f"{target} writes what it does not claim to hold: {record}")
    return row


def _gives_back(name: str, record: Record, row: dict[str, Any]) -> None:
    through = json.loads(json.dumps(row, allow_nan=False))
    claim(through == row, f"{name}: a row is not JSON: {row}")
    with never_raises(f"{name} should read what it wrote"):
        again = read(through, name)
    claim(again == record, f"{name} was given {record} and gives back {again}")
    claim(json.dumps(write(again, Target(name))) == json.dumps(row),
          f"{name}: a row that was read is not written as it was: {row}")  # fmt: skip


def _survives_damage(name: str, row: Mapping[str, Any]) -> None:
    module = form(name)
    damaged: list[Any] = [{**row, key: value} for key in row for value in _BROKEN]
    damaged += [{k: v for k, v in row.items() if k != key} for key in row]
    for broken in (*damaged, *_BROKEN):
        with never_raises(f"{name}: recognise should take {broken!r:.200}"):
            claim(module.recognise(broken) in (True, False), "recognise is true or false")
        try:
            read(broken, name)
        except Unusable:
            continue
        except Exception as error:
            raise AssertionError(
                f"{name}: {broken!r:.200} raises {type(error).__name__}, not Unusable"
            ) from error


def _refuses(target: Target, key: str) -> None:
    """A further column that has the name of one of the format would be taken for it."""
    for kind in _KINDS.values():
        try:
            row = write(replace(kind, further={**_FURTHER, key: "x"}), target)
        except Unusable:
            continue
        raise AssertionError(f'{target}: a further column "{key}" would be lost: {row}')


def _marks_examples(name: str, examples: bool) -> None:
    """Formats of examples give one; those of preferences never do."""
    made = 0
    for kind in _KINDS.values():
        try:
            row = write(replace(kind, further=_FURTHER), Target(name))
        except Unusable:
            try:
                row = write(kind, Target(name))
            except Unusable:
                continue
        try:
            made += draft(read(row, name)).target is not None
        except Unusable:
            continue
    claim(made > 0 or not examples, f"{name}: EXAMPLES, but no row gives an example")
