"""What becomes of an item of the queue, by what annotators say of it.

open ───── enough say the same ──────► agreed ────┐
 ▲ │                                              │
 │ ├────── enough cannot tell ───────► unclear ───┤ a person decides, and says why
 │ │                                              ├─────────────────────────────► decided
 │ └────── they differ ──────────────► disputed ──┘
 │
 └─ reopened, from any other state: what was said stays in the history and counts no more

withdrawn: nobody is asked, nothing is taken; from any state, and back by reopening.
control:   gold items stay open to everybody; their answers measure annotators.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

State = Literal["open", "agreed", "unclear", "disputed", "decided", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
SETTLED: tuple[State, ...] = ("agreed", "decided")
"""States with a label that may be taken."""
ANSWERABLE: tuple[State, ...] = ("open", "agreed", "unclear", "disputed")
"""States in which an answer is taken: an opinion that comes late still counts."""


def outcome(answers: Sequence[str | None], wanted: int, needed: int) -> tuple[State, str | None]:
    """The state of an item and, where it is agreed, its label.

    Args:
        answers: one per annotator; None is "cannot tell".
        wanted: annotators that are asked.
        needed: equal answers that settle it.

    It is settled once one answer has `needed` voices, and more than any other; and disputed once
    nobody who is still to be asked could bring that about.
    """
    ranked = Counter(answers).most_common(2)
    most = ranked[0][1] if ranked else 0
    second = ranked[1][1] if len(ranked) > 1 else 0
    if most >= needed and most > second:
        label = ranked[0][0]
        return ("unclear", None) if label is None else ("agreed", label)
    outstanding = max(wanted - len(answers), 0)
    return ("open" if outstanding and most + outstanding >= needed else "disputed"), None
