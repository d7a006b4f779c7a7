"""What every format reads and writes: a `Record`, which holds whatever a row says.

A format is a file beside this one:

    HOLDS                            dialect -> what its rows can hold, names in `CAPABILITIES`; the
                                     first dialect is written unless another one is asked for
    KEYS                             the columns that it gives a meaning to; a further column of
                                     such a name would be taken for one of the format
    EXAMPLES                         whether the answer in a row is known to be right: only then are
                                     rows examples without the user's naming the format
    recognise(row) -> bool           cheap, and true of rows of this shape alone
    read(row) -> Record              raises `Unusable` with the reason
    write(record, dialect) -> dict   the row of a record that needs nothing beyond `HOLDS`; raises
                                     `Unusable` where the order of turns or a peer's rule forbids it

`data/interchange.py` is how others call them: it checks `HOLDS` before it writes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from tailorbird.task.types import Message, Prompt, Role


class Unusable(Exception):
    """A row that cannot be what is wanted. Caught where rows are counted; never leaves `data`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# ---- records -----------------------------------------------------------------------------------

Speaker = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    name: str
    arguments: Any
    """A JSON object; or the text that stands in its place, where that is no JSON object."""
    id: str | None = None
    text: str | None = field(default=None, compare=False)
    """The arguments as the row spelt them, where it holds them as text."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation, with all that any format says of it."""

    role: Speaker
    content: str | tuple[str, ...] | None = None
    """A text, two or more texts, or nothing."""
    calls: tuple[Call, ...] = ()
    call_id: str | None = None
    """The call that a tool's turn answers."""
    name: str | None = None
    weight: float | None = None
    """How much of this turn is learned: 0 or 1."""
    thought: str | None = None
    """Reasoning that comes before the content."""
    further: Mapping[str, Any] = field(default_factory=dict)
    spelling: str = field(default="", compare=False)
    """How the format that read the turn spelt it, for that format alone."""

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, tuple):
            return "\n".join(self.content)
        return self.content or ""


Turns = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Whatever a row says, in no format's words. Null and an absent key are the same."""

    prompt: Turns = ()
    answers: tuple[Turns, ...] = ()
    """None: a prompt alone. One: the answer. More: ranked, best first."""
    good: bool | None = None
    """Whether a single answer is wanted, where people judged it."""
    text: str | None = None
    """Raw text, in place of a conversation."""
    reference: Any = None
    """What an answer is compared with in reinforcement: any JSON value."""
    tools: tuple[Any, ...] = ()
    """Definitions, as OpenAI writes them: `{"type": "function", "function": {...}}`."""
    further: Mapping[str, Any] = field(default_factory=dict)
    """Columns that the format gives no meaning to: `id`, `group`, `sources` and so on."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What of the row was changed to read it."""
    spelling: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """How the format that read the row spelt it, for that format alone; its `dialect`."""

    @property
    def turns(self) -> Iterator[Turn]:
        """All turns, of the prompt and of every answer."""
        yield from self.prompt
        for answer in self.answers:
            yield from answer


CAPABILITIES: Final[Mapping[str, str]] = {
    "text": "raw text",
    "prompt": "a prompt alone",
    "prefill": "a prompt that ends with an assistant turn",
    "answer": "an answer",
    "judgement": "an answer marked good or bad",
    "ranking": "two ranked answers",
    "rankings": "more than two ranked answers",
    "reference": "a reference answer",
    "unprompted": "an answer to nothing",
    "long_answers": "an answer other than one assistant turn",
    "system": "a system prompt",
    "developer": "a developer turn",
    "history": "a conversation other than one question",
    "calls": "tool calls and results",
    "call_ids": "ids of tool calls",
    "tools": "tool definitions",
    "silence": "a turn without content",
    "parts": "a turn of several texts",
    "names": "names of speakers",
    "weights": "weights of turns",
    "thoughts": "reasoning",
    "turn_keys": "further keys of turns",
    "further": "further columns",
}
"""What a record may ask of a format, in the words of a refusal."""

CHAT: Final = frozenset(
    {"system", "developer", "history", "calls", "call_ids", "tools", "silence", "parts", "names",
     "weights", "thoughts", "turn_keys", "further"}
)  # fmt: skip
"""What a list of messages can hold beside its answer."""


def needs(record: Record) -> dict[str, str]:
    """What a format must hold to hold `record`: capability -> words, in the order of the above."""
    found = {kind_of(record), *_shape(record)}
    for turn in record.turns:
        found |= _aspects(turn)
    words = {name: CAPABILITIES[name] for name in CAPABILITIES if name in found}
    if "further" in words:
        words["further"] = ", ".join(f'"{key}"' for key in record.further)
    return words


def kind_of(record: Record) -> str:
    """What a record is, in a name of `CAPABILITIES`: an answer, a ranking, a prompt alone ..."""
    if record.text is not None:
        return "text"
    if record.good is not None:
        return "judgement"
    if len(record.answers) > 1:
        return "ranking" if len(record.answers) == 2 else "rankings"
    if record.answers:
        return "answer"
    return "prompt" if record.reference is None else "reference"


def _shape(record: Record) -> Iterator[str]:
    if record.reference is not None:
        yield "reference"
    if any([t.role for t in answer] != ["assistant"] for answer in record.answers):
        yield "long_answers"
    if not record.prompt and record.text is None:
        yield "unprompted"
    asked = [t.role for t in record.prompt if t.role not in ("system", "developer")]
    if record.prompt and asked != ["user"]:
        yield "history"
    if not record.answers and asked[-1:] == ["assistant"]:
        yield "prefill"
    if record.tools:
        yield "tools"
    if record.further:
        yield "further"


def _aspects(turn: Turn) -> set[str]:
    asked = {
        "system": turn.role == "system",
        "developer": turn.role == "developer",
        "calls": bool(turn.calls) or turn.role == "tool",
        "call_ids": turn.call_id is not None or any(c.id is not None for c in turn.calls),
        "silence": turn.content is None and not turn.calls,
        "parts": isinstance(turn.content, tuple),
        "names": turn.name is not None,
        "weights": turn.weight is not None,
        "thoughts": turn.thought is not None,
        "turn_keys": bool(turn.further),
    }
    return {name for name, yes in asked.items() if yes}


def others(row: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """The columns that a format does not know, without those that are null."""
    return {key: v for key, v in row.items() if key not in known and v is not None}


# ---- examples ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row says, before ids are made unique and lengths are cut. Fields as in `Example`."""

    input: str | Prompt
    target: str | None
    id: str | None = None
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    answerable: bool = True
    group: str | None = None
    time: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What of the row was left out or changed."""


def draft(record: Record) -> Draft:
    """An example: all before the last assistant turn, and that turn (or the reference) as target.

    Raises `Unusable` for what examples cannot hold: tool turns, rankings, prompts alone.
    """
    if record.good is not None or len(record.answers) > 1:
        raise Unusable("a preference, not an answer known to be right")
    if record.text is not None:
        raise Unusable("raw text, not a question with its answer")
    turns = [*record.prompt, *(record.answers[0] if record.answers else ())]
    said = [message(turn) for turn in turns]
    if record.reference is not None and not record.answers:
        made = Draft(prompt_of(said), text_of(record.reference, "the reference answer"))
    elif not record.answers or [m.role for m in said[-1:]] != ["assistant"]:
        raise Unusable("ends without an assistant turn")
    elif turns[-1].weight == 0:
        raise Unusable("the last assistant turn has weight 0")
    else:
        made = Draft(prompt_of(said[:-1]), said[-1].content)
    notes = ("tool definitions left out",) if record.tools else ()
    return annotate(replace(made, notes=(*record.notes, *notes)), record.further)


def message(turn: Turn) -> Message:
    """The turn as examples hold it. Raises `Unusable` for tool calls and results."""
    if turn.calls:
        raise Unusable("tool calls are not supported")
    if turn.role == "tool":
        raise Unusable('role "tool" is not supported')
    role: Role = "system" if turn.role == "developer" else turn.role
    return Message(role, turn.text)


def prompt_of(turns: Sequence[Message]) -> str | Prompt:
    """Turns as an input; a single user turn is its text, so equal inputs compare equal."""
    return turns[0].content if [t.role for t in turns] == ["user"] else tuple(turns)


def annotate(draft: Draft, row: Any) -> Draft:
    """The draft with the row's own `id`, `group`, `sources`, `facts` and `answerable`, if any.

    For formats that name only the conversation. Raises `Unusable` when one is malformed.
    """
    if not isinstance(row, Mapping):
        return draft
    return replace(
        draft,
        id=text_of(row.get("id"), "id"),
        group=text_of(row.get("group"), "group"),
        sources=texts_of(row.get("sources"), "sources"),
        facts=texts_of(row.get("facts"), "facts"),
        answerable=truth_of(row.get("answerable"), "answerable"),
    )


# ---- values ------------------------------------------------------------------------------------


def text_of(value: Any, what: str) -> str | None:
    """A scalar as text; None for what is absent. Raises `Unusable` for lists, objects, bytes."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None  # data frames write NaN where a text is absent
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple, set, bytes)):
        raise Unusable(f"{what} is of type {type(value).__name__}, not text")
    return str(value)


def texts_of(value: Any, what: str) -> tuple[str, ...]:
    """Strings from a list, or from one string separated by `;`. Raises `Unusable` for objects."""
    if value is None:
        return ()
    parts = value if isinstance(value, (list, tuple)) else (text_of(value, what) or "").split(";")
    texts = (text_of(part, f"an entry of {what}") for part in parts)
    return tuple(text.strip() for text in texts if text and text.strip())


def truth_of(value: Any, what: str) -> bool:
    """A yes or no; absent means yes. Raises `Unusable` for anything else."""
    word = (text_of(value, what) or "true").strip().lower()
    if word in ("", "true", "1", "1.0", "yes"):
        return True
    if word in ("false", "0", "0.0", "no"):
        return False
    raise Unusable(f"{what} is neither true nor false")
