"""Rows for training that nobody wrote: made, sifted, accounted for, and kept where they came from.

runs/NAME/synth/
  synthetic.jsonl     rows that stay, in the columns of the task, to be named in data.train
  preferences.jsonl   pairs that stay, to be named in data.preferences
  rows.jsonl          every row that was made, with the filters it passed or why it went
  synth.json          settings, teachers, accounts, what it took
  made/               what came of each order, chunk by chunk: a kill costs the last one
  answers/            what teachers and judges said: asked once, paid once
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import tailorbird
from tailorbird.data.accounts import FileAccount
from tailorbird.data.overlap import Protected
from tailorbird.data.synth._bill import Bill
from tailorbird.data.synth._estimate import Estimate, estimate
from tailorbird.data.synth._written import as_preference, as_row
from tailorbird.data.synth.base import (
    FILE,
    Generator,
    Made,
    Material,
    Order,
    Row,
    Teacher,
    Unmade,
    make_generator,
)
from tailorbird.data.synth.filters.base import FOLDER, Filter, in_order, make_filter
from tailorbird.errors import DataError, TaskError, nearest
from tailorbird.evaluate.chunks import in_chunks
from tailorbird.models.base import LM, Completion, Progress
from tailorbird.models.cached import Cached
from tailorbird.progress import progress
from tailorbird.registry import names
from tailorbird.store import append_jsonl, digest, file_digest, write_atomic, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Split, Usage

CHUNK = 32
"""Orders between two writes: the most that a kill can cost."""
PAIRS = "preferences.jsonl"
ALWAYS = "held_out"
"""The filter that cannot be left out."""


@dataclass(frozen=True)
class Request:
    """What to make, and how to sift it."""

    only: tuple[str, ...] = ()
    """Generators; none: all that can make something."""
    skip: tuple[str, ...] = ()
    """Filters that are left out."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By generator or filter."""
    limit: int = 500
    """Orders that each generator may have carried out."""
    seed: int = 0


@dataclass(frozen=True)
class Synthesised:
    """What was made, and what became of it."""

    rows: tuple[Row, ...]
    """Examples that stay."""
    pairs: tuple[Row, ...]
    """Preferences that stay."""
    accounts: tuple[FileAccount, ...]
    """Of each generator: every order that gave no row, and every row that was dropped."""
    unused: Mapping[str, str]
    """Generator or filter -> why it was of no use here."""
    bill: Bill
    folder: Path


class Synthesis:
    """Everything that is known before the first row is made."""

    def __init__(
        self,
        task: Task,
        out: Path,
        request: Request,
        teachers: Mapping[str, LM],
        quiet: bool = False,
    ) -> None:
        """`teachers`: name -> model; they share the orders. Raises `TaskError` for unknown names,
        and where no generator can make anything of the task."""
        _check(request)
        self.task, self.out, self.request, self.quiet = task, out, request, quiet
        self.teachers = tuple(
            Teacher(name, Cached(lm, out / "answers")) for name, lm in teachers.items()
        )
        self.material = _material(task, request, self.teachers, out / "cache", quiet)
        self.bill = self.material.bill
        self.unused: dict[str, str] = {}
        self.generators: dict[str, Generator] = self._usable(request.only or names("data.synth"))
        self.filters: dict[str, Filter] = self._sieves()
        self.orders = {
            name: list(islice(g.orders(self.material), request.limit))
            for name, g in self.generators.items()
        }

    def _usable(self, wanted: Sequence[str]) -> dict[str, Generator]:
        found: dict[str, Generator] = {}
        for name in wanted:
            generator = make_generator(name, self.request.settings.get(name, {}))
            reason = generator.missing(self.material)
            if reason is None:
                found[name] = generator
            else:
                self.unused[name] = reason
        if not found:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.unused.items())
            raise TaskError(f"no row can be made for this task: {reasons}")
        return found

    def _sieves(self) -> dict[str, Filter]:
        found: dict[str, Filter] = {}
        for name in (n for n in in_order() if n not in self.request.skip):
            sieve = make_filter(name, self.request.settings.get(name, {}))
            reason = sieve.missing(self.material)
            if reason is None:
                found[name] = sieve
            else:
                self.unused[name] = reason
        return found

    # ---- what it takes -----------------------------------------------------------------------

    def estimate(self, probe: bool = True) -> Estimate:
        """What it will take, before it is made; a probe asks each teacher a few of the orders."""
        asked = {name: list(self._shared(orders)) for name, orders in self.orders.items()}
        made = sum(map(len, self.orders.values()))
        sieves = {n: m for n, f in self.filters.items() if (m := f.asks(self.material))}
        return estimate(
            asked, sieves, made, self.task.spec.budget.prices, self.out / "probe.json", probe,
            self.quiet,
        )  # fmt: skip

    def _shared(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Teacher | None]]:
        """Each order with the teacher that carries it out: they take turns."""
        for i, order in enumerate(orders):
            taught = order.prompt is not None
            yield order, self.teachers[i % len(self.teachers)] if taught else None

    # ---- making ------------------------------------------------------------------------------

    def make(self) -> Synthesised:
        """Make and sift all rows, and write those that stay. Goes on where it was killed."""
        accounts = {name: FileAccount(name) for name in self.generators}
        rows = [row for name in self.generators for row in self._made(name, accounts[name])]
        fates = self._sifted(rows, accounts)
        for account in accounts.values():
            account.verify()
        kept = [(row, passed) for row, (passed, reason) in zip(rows, fates) if reason is None]
        self._write(rows, fates, kept)
        done = Synthesised(
            tuple(r for r, _ in kept if r.made.rejected is None),
            tuple(r for r, _ in kept if r.made.rejected is not None),
            tuple(accounts.values()), self.unused, self.bill, self.out,
        )  # fmt: skip
        write_json(self.out / "synth.json", self._manifest(done))
        return done

    def _made(self, name: str, account: FileAccount) -> Iterator[Row]:
        """The rows of one generator, numbered; orders without a row are counted as dropped."""
        orders = list(self._shared(self.orders[name]))
        settings = self.request.settings.get(name, {})
        identities = [t.lm.identity for t in self.teachers]
        key = digest([name, settings, identities, _key(self.material), tailorbird.__version__])
        file = self.out / "made" / f"{name}-{key[:16]}.jsonl"

        def work(chunk: Sequence[tuple[Order, Teacher | None]], tick: Progress) -> list[Any]:
            return self._carried_out(name, chunk, tick)

        number = 0
        done = in_chunks(file, orders, CHUNK, work, f"making {name}", self.quiet)
        for place, ((order, teacher), came) in enumerate(zip(orders, done, strict=True), 1):
            if came["usage"] is not None and teacher is not None:
                usage = Usage(**came["usage"])
                self.bill.add(name, teacher.name, [usage], came["seconds"])
            if came["reason"] is not None:
                account.drop(came["reason"], place)
            for made in came["rows"]:
                number += 1
                account.keep()
                yield Row(
                    Made.from_json(made), name, number, order.of, order.how,
                    teacher.name if teacher else None, teacher.lm.identity if teacher else None,
                    _prompt_digest(order),
                )  # fmt: skip

    def _carried_out(
        self, name: str, chunk: Sequence[tuple[Order, Teacher | None]], tick: Progress
    ) -> list[Any]:
        """What came of some orders: one JSON value each."""
        answers: dict[int, tuple[Completion, float]] = {}
        for teacher, length in dict.fromkeys((t, o.max_tokens) for o, t in chunk if t):
            mine = [i for i, (o, t) in enumerate(chunk) if t is teacher and o.max_tokens == length]
            prompts = [p for i in mine if (p := chunk[i][0].prompt) is not None]
            begun = time.monotonic()
            said = teacher.ask(prompts, length, tick)
            each = (time.monotonic() - begun) / len(mine)
            answers |= {i: (answer, each) for i, answer in zip(mine, said, strict=True)}
        tick(len(chunk) - len(answers))
        return [self._came(name, order, answers.get(i)) for i, (order, _) in enumerate(chunk)]

    def _came(self, name: str, order: Order, said: tuple[Completion, float] | None) -> Any:
        answer, seconds = said or (None, 0.0)
        plain: dict[str, Any] = {"rows": [], "reason": None, "seconds": seconds}
        plain["usage"] = None if answer is None else asdict(answer.usage)
        try:
            if answer is not None and answer.error is not None:
                raise Unmade("the teacher failed")
            if answer is not None and answer.finish == "length":
                raise Unmade("the teacher's answer was cut off")
            text = None if answer is None else answer.text
            made = self.generators[name].rows(order, text, self.material)
            plain["rows"] = [m.to_json() for m in made]
        except Unmade as unmade:
            plain["reason"] = unmade.reason
        return plain

    # ---- sifting -----------------------------------------------------------------------------

    def _sifted(
        self, rows: Sequence[Row], accounts: Mapping[str, FileAccount]
    ) -> list[tuple[list[str], str | None]]:
        """Of each row the filters that it passed, and why it was dropped."""
        fates: list[tuple[list[str], str | None]] = [([], None) for _ in rows]
        left = list(range(len(rows)))
        with progress("sifting", len(self.filters), self.quiet) as tick:
            for name, sieve in self.filters.items():
                said = sieve.sift([rows[i] for i in left], self.material)
                for i, reason in zip(left, said, strict=True):
                    if reason is None:
                        fates[i][0].append(name)
                    else:
                        fates[i] = (fates[i][0], f"{name}: {reason}")
                        row = rows[i]
                        accounts[row.generator].withdraw(f"{name}: {reason}", row.number)
                left = [i for i in left if fates[i][1] is None]
                tick(1)
        return fates

    # ---- writing -----------------------------------------------------------------------------

    def _write(
        self,
        rows: Sequence[Row],
        fates: Sequence[tuple[Sequence[str], str | None]],
        kept: Sequence[tuple[Row, Sequence[str]]],
    ) -> None:
        singles = [(r, p) for r, p in kept if r.made.rejected is None]
        pairs = [(r, p) for r, p in kept if r.made.rejected is not None]
        data = self.task.spec.data
        _rewrite(self.out / FILE, [as_row(r, p, data) for r, p in singles])
        _rewrite(self.out / PAIRS, [as_preference(r, p) for r, p in pairs])
        every = [
            as_plain(row, passed, reason) for row, (passed, reason) in zip(rows, fates, strict=True)
        ]
        _rewrite(self.out / "rows.jsonl", every)

    def _manifest(self, done: Synthesised) -> dict[str, Any]:
        files = {f: file_digest(self.out / f) for f in (FILE, PAIRS) if (self.out / f).is_file()}
        return {
            "version": 1,
            "tailorbird": tailorbird.__version__,
            "task": self.task.spec.name,
            "generators": {n: asdict(g) for n, g in self.generators.items()},  # type: ignore[call-overload]
            "filters": {n: asdict(f) for n, f in self.filters.items()},  # type: ignore[call-overload]
            "unused": dict(self.unused),
            "teachers": {t.name: t.lm.identity for t in self.teachers},
            "limit": self.request.limit,
            "seed": self.request.seed,
            "rows": {a.file: counts_of(a) for a in done.accounts},
            "kept": {"examples": len(done.rows), "preferences": len(done.pairs)},
            "bill": self.bill.to_json(),
            "sha256": files,
        }


def synthesise(
    task: Task,
    out: Path,
    request: Request | None = None,
    teachers: Mapping[str, LM] | None = None,
    quiet: bool = False,
) -> Synthesised:
    """Make rows for `task`, sift them, and keep everything under `out`.

    Raises `TaskError` where nothing can be made of the task, or where it would cost more than the
    budget of the task; what is unknown stops nothing.
    """
    synthesis = Synthesis(task, out, request or Request(), teachers or {}, quiet)
    if synthesis.teachers and task.spec.budget.cost is not None:
        check_budget(task, synthesis.estimate())
    return synthesis.make()


def check_budget(task: Task, found: Estimate) -> None:
    """Raise `TaskError` where an estimate is above `budget.cost`."""
    most, currency = task.spec.budget.cost, found.currency
    if most is not None and found.cost is not None and found.cost > most:
        raise TaskError(
            f"this would cost about {found.cost:.2g} {currency}, and the budget is {most:g}",
            hint="make fewer rows (--limit), or raise budget.cost",
        )


def counts_of(account: FileAccount) -> dict[str, Any]:
    """What one generator made: rows and orders that gave none, and why what went had to go."""
    return {
        "made": account.read,
        "kept": account.kept,
        "dropped": dict(account.dropped.most_common()),
    }


def as_plain(row: Row, passed: Sequence[str], reason: str | None) -> dict[str, Any]:
    """A line of rows.jsonl."""
    return {
        "id": row.example.id,
        "input": row.example.text,
        "target": row.example.target,
        "rejected": row.made.rejected,
        "kept": reason is None,
        "reason": reason,
        "synthetic": row.provenance(passed),
    }


def _check(request: Request) -> None:
    generators, filters = names("data.synth"), names(FOLDER)
    for name in request.only:
        if name not in generators:
            raise TaskError(f'no generator is called "{name}"{nearest(name, generators)}')
    for name in request.skip:
        if name not in filters:
            raise TaskError(f'no filter is called "{name}"{nearest(name, filters)}')
        if name == ALWAYS:
            raise TaskError(
                f"{ALWAYS} cannot be left out", hint="a row with words of the test is no use at all"
            )
    known = (*generators, *filters)
    for name in request.settings:
        if name not in known:
            raise TaskError(f'no generator or filter is called "{name}"{nearest(name, known)}')


def _material(
    task: Task, request: Request, teachers: tuple[Teacher, ...], cache: Path, quiet: bool
) -> Material:
    """The test split is looked at once, to keep its inputs out, and is closed behind that."""
    if not task.splits.get("train"):
        raise DataError("the train split is empty: there is nothing to begin from")
    closed: tuple[Split, ...] = ("test", "dev")
    held = [(s, e) for s in closed for e in task.splits.get(s, ())]
    return Material(
        task=task.without_test(),
        protected=Protected({f"{split} {e.id}": e.text for split, e in held}),
        held=task.sealed | {digest(e.asked) for _, e in held},
        teachers=teachers,
        cache=cache,
        seed=request.seed,
        quiet=quiet,
        bill=Bill(task.spec.budget.prices),
    )


def _key(material: Material) -> str:
    """Of all that orders depend on: the rows that were found, the documents, the seed."""
    task = material.found
    rows = [asdict(replace(e, provenance=None)) for e in task.examples("train")]
    goal = [task.spec.goal, task.spec.kind, task.spec.outputs.model_dump(mode="json")]
    return digest([rows, [asdict(d) for d in task.documents], goal, material.seed])


def _prompt_digest(order: Order) -> str | None:
    if order.prompt is None:
        return None
    return digest([[m.role, m.content] for m in order.prompt])


def _rewrite(path: Path, rows: Sequence[Any]) -> None:
    """The file anew; none where there are no rows, as an empty file cannot be read as data."""
    path.unlink(missing_ok=True)
    if rows:
        write_atomic(path, lambda p: append_jsonl(p, rows))
