"""The review queue: what waits for a label, who says what, what is agreed, and who decided.

Any database of SQLAlchemy; a file of SQLite by default. Every change is one transaction that holds
the task's queue, so that two processes never give the same place away, and every change leaves a
line in a history that is only added to. The rules stand in `states.py`, the tables in `_tables.py`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from tailorbird.errors import BenchmarkError, DataError, StoreError, nearest
from tailorbird.learn._changes import SAID, Change
from tailorbird.learn._tables import HISTORY, ITEMS, PLACES, QUEUES, VERSION, engine_of, prepare
from tailorbird.learn.records import Answer, Entry, Event, Item, Purpose, entry_of
from tailorbird.learn.states import ANSWERABLE, STATES, State
from tailorbird.task.benchmark import Task

LEASE = 15.0
"""Minutes for which an item is kept for whoever was given it."""
_FEW = 500
"""Ids that are asked for by name."""


@dataclass(frozen=True)
class Queue:
    """The queue of one task."""

    task: Task
    """With its test closed."""
    labels: tuple[str, ...]
    """The closed list; none where answers are written."""
    engine: sa.Engine
    clock: Callable[[], datetime]

    @classmethod
    def open(
        cls, where: str | Path, task: Task, clock: Callable[[], datetime] | None = None
    ) -> Self:
        """`where`: a file of SQLite, made if need be, or the URL of a database.

        Raises `StoreError` where it cannot be opened, or is of another version.
        """
        url = str(where)
        if "://" not in url:
            Path(url).parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{url}"
        try:
            engine = engine_of(url)
        except (sa.exc.ArgumentError, ImportError) as error:
            raise StoreError(
                f"no queue can be kept at {_plain(url)}: {error}",
                hint="name a file, or a URL such as postgresql+psycopg://host/database",
            ) from error
        with _reached(engine):
            version = prepare(engine, task.spec.name)
        if version != VERSION:
            raise StoreError(
                f"{_plain(url)} holds a queue of version {version}, and this is version {VERSION}",
                hint="use the version of tailorbird that made it",
            )
        return cls(task.without_test(), task.labels, engine, clock or (lambda: datetime.now(UTC)))

    # ---- what goes in ----------------------------------------------------------------------

    def put(
        self, entries: Sequence[Entry], who: str, annotators: int = 1, needed: int | None = None
    ) -> list[Item]:
        """Queue entries whose input is not there yet for this purpose; the new items.

        Args:
            entries: what should be labelled.
            who: puts them there.
            annotators: people who are asked about each.
            needed: equal answers that settle an item; default: all of them.

        Raises `BenchmarkError` for an input of the test split, and `DataError` for a gold label
        that the task has not; nothing is queued then.
        """
        needed = annotators if needed is None else needed
        if not 1 <= needed <= annotators:
            raise DataError(
                f"{needed} equal answers of {annotators} annotators",
                hint="ask at least one annotator, and need at most as many as are asked",
            )
        who = _person(who)
        for entry in entries:
            self._check_entry(entry)
        with self._changing() as change:
            new = [change.queue(e, who, annotators, needed) for e in entries]
        return self.items(ids=[i for i in new if i is not None])

    def _check_entry(self, entry: Entry) -> None:
        if self.task.in_test(entry.example):
            raise BenchmarkError(
                f"row {entry.example.id} is a test item, and cannot be queued",
                hint="what is learned from may not stand in test",
            )
        if entry.purpose == "control" and entry.gold is None:
            raise DataError(f"control item {entry.example.id} has no gold label")
        if entry.gold is not None:
            self._check_label(entry.gold)

    def assign(
        self, items: Sequence[Item], annotators: Sequence[str], who: str, days: float | None = None
    ) -> None:
        """Keep places for annotators in turn: `wanted` of them for each item.

        `days`: how long; None: for good. Raises `DataError` where there are too few annotators.
        """
        people = [_person(a) for a in dict.fromkeys(annotators)]
        most = max((i.wanted for i in items), default=0)
        if len(people) < most:
            raise DataError(
                f"{most} annotators are asked about each item, and {len(people)} are named",
                hint="name more of them, or ask fewer",
            )
        with self._changing() as change:
            turn = 0
            for item in items:
                for _ in range(item.wanted):
                    change.assign(item.id, people[turn % len(people)], _person(who), days)
                    turn += 1

    # ---- what annotators do ----------------------------------------------------------------

    def claim(self, annotator: str, n: int = 1, minutes: float = LEASE) -> list[Item]:
        """The `n` items that this annotator should label next, kept for them so long.

        Those kept for them first, then the largest priority; never one that they have answered or
        skipped in its present round, nor one whose places others hold.
        """
        annotator = _person(annotator)
        with self._changing() as change:
            chosen = change.free_for(annotator, n)
            for item in chosen:
                change.lease(item, annotator, minutes)
        found = {i.id: i for i in self.items(ids=chosen)}
        return [found[i] for i in chosen]

    def answer(
        self,
        item: int,
        annotator: str,
        label: str | None,
        interface: str,
        seconds: float | None = None,
        note: str = "",
        round: int | None = None,
    ) -> State:
        """Record what an annotator says (None: cannot tell); the item's new state.

        A later answer of the same person takes the place of the earlier one; an equal one changes
        nothing. `round`: in which they were asked; None: the present one. Raises `DataError` for an
        unknown item or label, and `StoreError` where the item takes no answers any more, or none of
        that round.
        """
        annotator = _person(annotator)
        if label is not None:
            label = label.strip()
            self._check_label(label)
        with self._changing() as change:
            row = change.item(item)
            if row["state"] not in ANSWERABLE:
                raise StoreError(
                    f"item {item} is {row['state']}, and takes no answers", hint="reopen it first"
                )
            if round not in (None, row["round"]):
                raise StoreError(
                    f"item {item} was reopened: this answers round {round}, and round "
                    f"{row['round']} is asked",
                    hint="ask again: export it anew",
                )
            status = "cannot_tell" if label is None else "answered"
            before = change.place(item, annotator)
            if before is None or (before["status"], before["label"]) != (status, label):
                change.fill(item, annotator, status, label, seconds)
                change.note(row, annotator, status, label, note, seconds, interface)
            return change.settle(row)

    def skip(self, item: int, annotator: str, interface: str) -> None:
        """Do not show it to this annotator again in this round; one who has answered, has."""
        annotator = _person(annotator)
        with self._changing() as change:
            row, before = change.item(item), change.place(item, annotator)
            if before is None or before["status"] == "assigned":
                change.fill(item, annotator, "skipped", None, None)
                change.note(row, annotator, "skipped", interface=interface)

    # ---- what a person decides -------------------------------------------------------------

    def decide(self, item: int, who: str, label: str, why: str, interface: str = "command") -> None:
        """Adjudicate: this is the label, whatever was said.

        Raises `DataError` as `answer` does, and without a reason; `StoreError` where there is
        nothing to decide.
        """
        who = _person(who)
        self._check_label(label)
        if not why.strip():
            raise DataError(f"item {item}: a decision needs its reason")
        with self._changing() as change:
            row = change.item(item)
            if row["purpose"] == "control" or row["state"] == "withdrawn":
                what = "a control item" if row["purpose"] == "control" else "withdrawn"
                raise StoreError(f"item {item} is {what}, and nothing is decided there")
            change.set(item, state="decided", label=label)
            change.note(row, who, "decided", label, why, interface=interface)

    def reopen(self, item: int, who: str, why: str = "", interface: str = "command") -> None:
        """Ask everybody again: a new round, in which what was said before does not count."""
        with self._changing() as change:
            row = change.item(item)
            change.set(item, state="open", label=None, round=row["round"] + 1)
            change.clear(item)
            change.note(
                row | {"round": row["round"] + 1}, _person(who), "reopened", note=why,
                interface=interface,
            )  # fmt: skip

    def withdraw(self, item: int, who: str, why: str = "", interface: str = "command") -> None:
        """Ask nobody, and take nothing."""
        with self._changing() as change:
            row = change.item(item)
            change.set(item, state="withdrawn", label=None)
            change.note(row, _person(who), "withdrawn", note=why, interface=interface)

    def mark_taken(self, items: Sequence[Item], who: str, note: str = "") -> None:
        """Note that the labels of these items have become rows; once for each round and label."""
        with self._changing() as change:
            for item in items:
                row = change.item(item.id)
                if not change.was_taken(row, item.label):
                    change.note(row, _person(who), "taken", item.label, note, interface="command")

    # ---- what comes out --------------------------------------------------------------------

    def items(
        self,
        states: Collection[State] = STATES,
        purposes: Collection[Purpose] = ("train", "second_look", "control"),
        ids: Collection[int] | None = None,
    ) -> list[Item]:
        """Items in the order of their ids, with the answers of their present round."""
        with self._reading() as connection:
            where = [
                ITEMS.c.task == self.task.spec.name,
                ITEMS.c.state.in_(states),
                ITEMS.c.purpose.in_(purposes),
            ]
            if ids is not None and len(ids) <= _FEW:
                where.append(ITEMS.c.id.in_(ids))
            rows = connection.execute(sa.select(ITEMS).where(*where).order_by(ITEMS.c.id))
            wanted = None if ids is None else set(ids)
            found = [dict(r) for r in rows.mappings() if wanted is None or r["id"] in wanted]
            said = sa.select(PLACES).join(ITEMS).where(*where, PLACES.c.status.in_(SAID))
            answers: dict[int, list[Answer]] = {}
            for place in connection.execute(said.order_by(PLACES.c.annotator)).mappings():
                answer = Answer(place["annotator"], place["label"], place["seconds"])
                answers.setdefault(place["item"], []).append(answer)
        return [_item(row, answers.get(row["id"], ())) for row in found]

    def item(self, item: int) -> Item:
        """One item. Raises `DataError` where there is none."""
        found = self.items(ids=[item])
        if not found:
            raise DataError(f"the queue of {self.task.spec.name} has no item {item}")
        return found[0]

    def history(self, item: int | None = None) -> list[Event]:
        """What happened to an item, or to all of them, in order."""
        columns = [c for c in HISTORY.c if c.name != "id"]
        asked = sa.select(*columns).join(ITEMS).where(ITEMS.c.task == self.task.spec.name)
        if item is not None:
            asked = asked.where(HISTORY.c.item == item)
        with self._reading() as connection:
            rows = connection.execute(asked.order_by(HISTORY.c.id)).mappings().all()
        return [Event(**row) for row in rows]

    def keys(self) -> frozenset[str]:
        """`key_of` every input that stands in the queue to be learned from."""
        asked = sa.select(ITEMS.c.key).where(
            ITEMS.c.task == self.task.spec.name, ITEMS.c.purpose == "train"
        )
        with self._reading() as connection:
            return frozenset(connection.execute(asked).scalars())

    # ---- transactions ----------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        """A transaction that nobody else's change can come into."""
        with _reached(self.engine), self.engine.begin() as connection:
            mine = sa.select(QUEUES).where(QUEUES.c.task == self.task.spec.name)
            connection.execute(mine.with_for_update())
            moment = self.clock().astimezone(UTC)
            yield Change(connection, self.task.spec.name, moment)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _reached(self.engine), self.engine.begin() as connection:
            yield connection

    def _check_label(self, label: str) -> None:
        known = self.labels
        if not label.strip():
            raise DataError("an empty label", hint="say that you cannot tell")
        if known and label not in known:
            raise DataError(
                f'the task has no label "{label}"{nearest(label, known)}',
                hint="a new one must first stand in outputs.labels",
            )


def _item(row: Mapping[str, Any], answers: Sequence[Answer]) -> Item:
    return Item(
        row["id"], entry_of(row), row["wanted"], row["needed"], row["round"], row["state"],
        row["label"], tuple(answers),
    )  # fmt: skip


def _person(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise DataError(f"{name[:40]!r} is no name of a person", hint="say who it is: --as NAME")
    return name


def _plain(url: str) -> str:
    """Without a password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "that address"


@contextmanager
def _reached(engine: sa.Engine) -> Iterator[None]:
    """Turn what databases raise into one clear message."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"the queue at {where} cannot be used: {reason}",
            hint="what was recorded before is kept; see that the database can be reached",
        ) from error
