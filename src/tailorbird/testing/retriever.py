"""The suite for retrievers: search over a fixed list of texts."""

import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from tailorbird.registry import module
from tailorbird.retrieve.base import Hit, Retriever
from tailorbird.testing.claims import NOISE, STRANGE, claim, never_raises, no_pickle

_TEXTS = (
    "Parcels are delivered within three working days.",
    "A refund is paid to the card that was charged.",
    "The guarantee on lamps lasts two years.",
    "A refund is paid to the card that was charged.",
    "Our shop opens at nine in the morning.",
    "Spare part TX-204 fits the kettle.",
)
_CASES = (
    ("When will my parcel come?", 0),
    ("I sent it back. When do I see my money?", 1),
    ("My lamp broke after a year.", 2),
    ("Are you there at ten?", 4),
)
"""Past queries, for the kinds that learn from them."""


def check_retriever(kind: str | ModuleType) -> None:
    """Index six texts, with some past queries, and search.

    `kind` is a name in `retrieve`, or a module with RETRIEVER. Raises `AssertionError`.
    """
    cls: Any = (module("retrieve", kind) if isinstance(kind, str) else kind).RETRIEVER
    retriever: Retriever = cls.build(_TEXTS, cases=_CASES)
    _finds_what_is_there(retriever)
    _ranks(retriever)
    _ignores_neighbours(retriever)
    _survives_the_strange(retriever)
    with tempfile.TemporaryDirectory() as folder:
        _saves_and_loads(retriever, Path(folder))


def _finds_what_is_there(retriever: Retriever) -> None:
    for number, row in enumerate(retriever.search(_TEXTS, 1)):
        claim(len(row) == 1, f"one text was asked for, and {len(row)} were found")
        claim(
            _TEXTS[row[0].index] == _TEXTS[number],
            f"{_TEXTS[number]!r} stands in the index, but {_TEXTS[row[0].index]!r} is found first",
        )


def _ranks(retriever: Retriever) -> None:
    for k in (0, 1, 3, len(_TEXTS), 100):
        (row,) = retriever.search(["refund to my card"], k)
        found, scores = [h.index for h in row], [h.score for h in row]
        claim(
            len(row) == min(k, len(_TEXTS)), f"{k} of {len(_TEXTS)} texts asked, {len(row)} found"
        )
        claim(len(set(found)) == len(found), f"a text is found twice: {found}")
        claim(set(found) <= set(range(len(_TEXTS))), f"{found} are not positions of texts")
        claim(scores == sorted(scores, reverse=True), f"hits are not best first: {scores}")
        if k > 1:
            claim(
                found.index(1) < found.index(3),
                "of two equal texts the later comes first: ties go by the order of the texts",
            )


def _ignores_neighbours(retriever: Retriever) -> None:
    with never_raises("search should take no queries"):
        claim(retriever.search([], 2) == [], "no queries should get an empty list")
    together = retriever.search(_TEXTS, 3)
    for query, row in zip(_TEXTS, together):
        (alone,) = retriever.search([query], 3)
        claim(_equal(row, alone), f"what {query!r} finds depends on the other queries")


def _survives_the_strange(retriever: Retriever) -> None:
    queries = [text for text in STRANGE if isinstance(text, str)]
    with never_raises("strange queries should find something"):
        rows = retriever.search(queries, 2)
    claim(all(len(row) == 2 for row in rows), "a strange query finds fewer texts than asked for")
    with never_raises("strange texts should be indexed"):
        type(retriever).build(queries, cases=[(queries[0], 0)]).search(queries, 1)


def _saves_and_loads(retriever: Retriever, folder: Path) -> None:
    saved, moved = folder / "saved", folder / "moved"
    saved.mkdir()
    with never_raises("an index should save"):
        retriever.save(saved)
    no_pickle(saved)
    shutil.move(saved, moved)
    with never_raises("an index should load from another folder than it was saved in"):
        found = type(retriever).load(moved).search(_TEXTS, 3)
    equal = all(_equal(a, b) for a, b in zip(found, retriever.search(_TEXTS, 3)))
    claim(equal, "an index that was saved and loaded finds something else")


def _equal(one: list[Hit], other: list[Hit]) -> bool:
    return [h.index for h in one] == [h.index for h in other] and all(
        abs(a.score - b.score) <= NOISE for a, b in zip(one, other)
    )
