"""The steps that changes of the review queue consist of, inside one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tailorbird.errors import DataError
from tailorbird.learn._tables import HISTORY, ITEMS, PLACES
from tailorbird.learn.records import EXAMPLE, Entry, key_of
from tailorbird.learn.states import State, outcome

SAID = ("answered", "cannot_tell")
"""What a place says of an annotator who has labelled."""


@dataclass(frozen=True)
class Change:
    """One transaction."""

    connection: sa.Connection
    task: str
    moment: datetime

    def queue(self, entry: Entry, who: str, wanted: int, needed: int) -> int | None:
        """The id of a new item; None where the input is there already."""
        key = key_of(entry.example)
        same = sa.select(ITEMS.c.id).where(
            ITEMS.c.task == self.task, ITEMS.c.key == key, ITEMS.c.purpose == entry.purpose
        )
        if self.connection.execute(same).scalar() is not None:
            return None
        values = {
            "task": self.task, "key": key, "purpose": entry.purpose,
            "row": EXAMPLE.dump_json(entry.example).decode(), "suggestion": entry.suggestion,
            "why": entry.why, "strategy": entry.strategy, "priority": entry.priority,
            "gold": entry.gold, "wanted": wanted, "needed": needed, "round": 1, "state": "open",
        }  # fmt: skip
        inserted = self.connection.execute(ITEMS.insert().values(values))
        assert inserted.inserted_primary_key is not None
        item = int(inserted.inserted_primary_key[0])
        self.note({"id": item, "round": 1}, who, "queued", note=entry.why, interface="command")
        return item

    def free_for(self, annotator: str, n: int) -> list[int]:
        """Items that the annotator may be given, best first."""
        mine = PLACES.alias("mine")
        others = (
            sa.select(sa.func.count())
            .where(PLACES.c.item == ITEMS.c.id, PLACES.c.annotator != annotator, self._held())
            .scalar_subquery()
        )
        kept = sa.and_(mine.c.status == "assigned", self._runs(mine))
        free = sa.or_(ITEMS.c.purpose == "control", kept, others < ITEMS.c.wanted)
        chosen = (
            sa.select(ITEMS.c.id)
            .outerjoin(mine, sa.and_(mine.c.item == ITEMS.c.id, mine.c.annotator == annotator))
            .where(ITEMS.c.task == self.task, ITEMS.c.state == "open")
            .where(sa.or_(mine.c.status.is_(None), mine.c.status == "assigned"), free)
            .order_by(sa.case((kept, 0), else_=1), ITEMS.c.priority.desc(), ITEMS.c.id)
            .limit(n)
        )
        return list(self.connection.execute(chosen).scalars())

    def _held(self) -> sa.ColumnElement[bool]:
        running = sa.and_(PLACES.c.status == "assigned", self._runs(PLACES))
        return sa.or_(PLACES.c.status.in_(SAID), running)

    def _runs(self, places: Any) -> sa.ColumnElement[bool]:
        return sa.or_(places.c.until.is_(None), places.c.until > _stamp(self.moment))

    def lease(self, item: int, annotator: str, minutes: float) -> None:
        """Keep it for a while; one that is kept for longer stays so."""
        before, until = self.place(item, annotator), self.moment + timedelta(minutes=minutes)
        if before is None:
            self.fill(item, annotator, "assigned", None, None, _stamp(until))
        elif before["until"] is not None and before["until"] < _stamp(until):
            self._update(item, annotator, until=_stamp(until))

    def assign(self, item: int, annotator: str, who: str, days: float | None) -> None:
        """Keep a place by name."""
        if self.place(item, annotator) is None:
            until = None if days is None else _stamp(self.moment + timedelta(days=days))
            self.fill(item, annotator, "assigned", None, None, until)
            self.note(self.item(item), who, "assigned", note=annotator, interface="command")

    def item(self, item: int) -> dict[str, Any]:
        """Its row. Raises `DataError` where there is none."""
        asked = sa.select(ITEMS).where(ITEMS.c.id == item, ITEMS.c.task == self.task)
        row = self.connection.execute(asked).mappings().first()
        if row is None:
            raise DataError(f"the queue of {self.task} has no item {item}")
        return dict(row)

    def place(self, item: int, annotator: str) -> Mapping[str, Any] | None:
        """What the annotator has to do with it."""
        asked = sa.select(PLACES).where(PLACES.c.item == item, PLACES.c.annotator == annotator)
        row = self.connection.execute(asked).mappings().first()
        return None if row is None else dict(row)

    def fill(
        self, item: int, annotator: str, status: str, label: str | None, seconds: float | None,
        until: str | None = None,
    ) -> None:  # fmt: skip
        """Set the annotator's place."""
        values = {"status": status, "label": label, "seconds": seconds, "until": until}
        if not self._update(item, annotator, **values):
            values |= {"item": item, "annotator": annotator}
            self.connection.execute(PLACES.insert().values(values))

    def _update(self, item: int, annotator: str, **values: Any) -> bool:
        changed = (
            PLACES.update()
            .where(PLACES.c.item == item, PLACES.c.annotator == annotator)
            .values(values)
        )
        return self.connection.execute(changed).rowcount > 0

    def clear(self, item: int) -> None:
        """A new round: all places are free."""
        self.connection.execute(PLACES.delete().where(PLACES.c.item == item))

    def settle(self, row: Mapping[str, Any]) -> State:
        """The state that the answers make; a control item stays open."""
        if row["purpose"] == "control":
            return "open"
        said = sa.select(PLACES.c.label).where(
            PLACES.c.item == row["id"], PLACES.c.status.in_(SAID)
        )
        answers = list(self.connection.execute(said).scalars())
        state, label = outcome(answers, row["wanted"], row["needed"])
        self.set(row["id"], state=state, label=label)
        return state

    def set(self, item: int, **values: Any) -> None:
        """Change where an item stands."""
        self.connection.execute(ITEMS.update().where(ITEMS.c.id == item).values(values))

    def was_taken(self, row: Mapping[str, Any], label: str | None) -> bool:
        """Whether this label of this round has become a row before."""
        asked = sa.select(HISTORY.c.id).where(
            HISTORY.c.item == row["id"], HISTORY.c.what == "taken",
            HISTORY.c.round == row["round"], HISTORY.c.label == label,
        )  # fmt: skip
        return self.connection.execute(asked).first() is not None

    def note(
        self, row: Mapping[str, Any], who: str, what: str, label: str | None = None,
        note: str = "", seconds: float | None = None, interface: str = "",
    ) -> None:  # fmt: skip
        """Add a line to the history."""
        values = {
            "item": row["id"], "time": _stamp(self.moment), "who": who, "what": what,
            "round": row["round"], "label": label, "note": note, "seconds": seconds,
            "interface": interface,
        }  # fmt: skip
        self.connection.execute(HISTORY.insert().values(values))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
