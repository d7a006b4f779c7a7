"""The tables of the review queue, on any database that SQLAlchemy speaks to.

What was said is only ever added to `history`; the database itself refuses to change it. `items` and
`places` hold where things stand, so that nobody need read all of it.
"""

import sqlalchemy as sa

VERSION = 1
METADATA = sa.MetaData()
_MOMENT, _NAME = sa.String(27), sa.String(200)
"""UTC in ISO 8601 with microseconds, which sorts as text; of tasks and people."""

QUEUES = sa.Table(
    "queues", METADATA,
    sa.Column("task", _NAME, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)  # fmt: skip
"""One row for each task; whoever changes the queue holds it."""

ITEMS = sa.Table(
    "items", METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("task", _NAME, sa.ForeignKey("queues.task"), nullable=False),
    sa.Column("key", sa.String(16), nullable=False),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("suggestion", sa.Text),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("strategy", sa.String(40), nullable=False),
    sa.Column("priority", sa.Float, nullable=False),
    sa.Column("gold", sa.Text),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("needed", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("label", sa.Text),
    sa.UniqueConstraint("task", "key", "purpose"),
    sa.Index("by_priority", "task", "state", "priority"),
)  # fmt: skip
"""`key`: digest of the input. `row`: the example as JSON. `gold`: of a control item, its label; of
a second look, the label that is doubted."""

PLACES = sa.Table(
    "places", METADATA,
    sa.Column("item", sa.Integer, sa.ForeignKey("items.id"), primary_key=True),
    sa.Column("annotator", _NAME, primary_key=True),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("until", _MOMENT),
    sa.Column("label", sa.Text),
    sa.Column("seconds", sa.Float),
)  # fmt: skip
"""Who has to do with an item in its present round: assigned (until then; null: for good), answered,
cannot_tell, skipped."""

HISTORY = sa.Table(
    "history", METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("item", sa.Integer, sa.ForeignKey("items.id"), nullable=False, index=True),
    sa.Column("time", _MOMENT, nullable=False),
    sa.Column("who", _NAME, nullable=False),
    sa.Column("what", sa.String(12), nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("interface", sa.String(20), nullable=False),
)  # fmt: skip

_GUARDS = (
    ("sqlite", "CREATE TRIGGER history_stays BEFORE UPDATE ON history "
     "BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END"),
    ("sqlite", "CREATE TRIGGER history_is_kept BEFORE DELETE ON history "
     "BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END"),
    ("postgresql", "CREATE FUNCTION history_is_added_to() RETURNS trigger LANGUAGE plpgsql AS "
     "$$ BEGIN RAISE EXCEPTION 'the history is only added to'; END $$"),
    ("postgresql", "CREATE TRIGGER history_stays BEFORE UPDATE OR DELETE ON history "
     "FOR EACH ROW EXECUTE FUNCTION history_is_added_to()"),
)  # fmt: skip
for _dialect, _statement in _GUARDS:
    _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]
    sa.event.listen(HISTORY, "after_create", _ddl.execute_if(dialect=_dialect))


def engine_of(url: str) -> sa.Engine:
    """An engine whose transactions are whole: on SQLite each holds the file from its beginning."""
    made = sa.make_url(url)
    if made.get_backend_name() != "sqlite":
        return sa.create_engine(made, pool_pre_ping=True)
    engine = sa.create_engine(made, connect_args={"timeout": 60})
    # The driver would begin a transaction at the first write only, after what was read for it.
    sa.event.listen(engine, "connect", _no_transactions_of_the_driver)
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _no_transactions_of_the_driver(connection: object, record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]
    connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]


def prepare(engine: sa.Engine, task: str) -> int:
    """Create what is not there; the version of the tables that are. Two may do so at once."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7240316)"))
        METADATA.create_all(connection)
        known = sa.select(QUEUES.c.version).where(QUEUES.c.task == task)
        version = connection.execute(known).scalar()
        if version is None:
            connection.execute(QUEUES.insert().values(task=task, version=VERSION))
        return VERSION if version is None else int(version)
