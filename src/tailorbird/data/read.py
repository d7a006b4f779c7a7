"""Files and hub datasets -> Examples, with every row accounted for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.documents import load_documents
from tailorbird.data.files import stem
from tailorbird.data.formats import columns as named_columns
from tailorbird.data.formats.base import Draft, Unusable, draft
from tailorbird.data.ids import Repeats
from tailorbird.data.interchange import FORMATS, form, read
from tailorbird.data.lookup import MISSING, lookup, names_in
from tailorbird.data.provenance import made_up_by
from tailorbird.data.remedies import History, Mending
from tailorbird.data.rows import Row, read_rows
from tailorbird.data.split import nested_subset, split_examples
from tailorbird.data.storage import gathered
from tailorbird.errors import DataError, nearest
from tailorbird.registry import names
from tailorbird.task.task import Column, Columns, Data, File, Splits
from tailorbird.task.types import SPLITS, Example, Message, Prompt, Provenance, Split
from tailorbird.words import counted

__all__ = [
    "Loaded", "cut_as_held", "load_documents", "load_examples", "rows_as_held", "stream_file",
]  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """Examples by split, and what happened to every row of every file."""

    splits: dict[Split, tuple[Example, ...]]
    accounts: tuple[FileAccount, ...]
    unlabelled: Sequence[Example] = ()
    """Inputs that stand in no split. A target is the answer as somebody knows it, for audits."""


def load_examples(data: Data, folder: Path, data_folder: Path | None, seed: int) -> Loaded:
    """Read the files that `data` names, relative to `folder`, and split them.

    The steps of `remedies.jsonl` in `folder` are applied.

    Rows that were made up are never tested on: of one pool they go to train, and a test file that
    holds some is refused.

    Raises `DataError` when a file is missing, empty or of a shape not known, when a named column is
    in no row, or when no row of a file can be used; `TaskError` when the format is not known.
    """
    intake = _Intake(data, folder, data_folder, Mending(History.read(folder).live))
    if data.all:
        splits = intake.cut(intake.read(data.all), seed)
    else:
        splits = {
            "train": intake.read(data.train),
            "dev": intake.read(data.dev),
            "test": intake.read(data.test),
        }
    _refuse_made_up(splits["test"])
    splits = {split: intake.mend(examples) for split, examples in splits.items()}
    if data.drop_leaks:
        intake.drop_leaks(splits)
    if data.train_limit is not None:
        splits["train"] = intake.limit(splits["train"], data.train_limit, seed)
    unlabelled = intake.unlabelled(splits)
    accounts = (*intake.accounts, *intake.mending.close())
    for account in accounts:
        account.verify()
    return Loaded(splits, accounts, unlabelled)


def cut_as_held(
    data: Data, folder: Path, data_folder: Path | None, seed: int
) -> dict[Split, tuple[Example, ...]]:
    """The rows of `data.all` in their splits as the files hold them, but for groups that remedies
    gave: these decide the side. Nothing is dropped as a leak, or for a limit. Raises as
    `load_examples`.
    """
    intake = _Intake(data, folder, data_folder, Mending(History.read(folder).live))
    return intake.cut(intake.read(data.all), seed)


def rows_as_held(data: Data, folder: Path, data_folder: Path | None) -> Iterator[Example]:
    """Every row that can be used as its file holds it: before splits, leaks, limits and remedies.

    Ids are those of `load_examples`. Raises as that does.
    """
    intake = _Intake(data, folder, data_folder)
    for file in data.all or (*data.train, *data.dev, *data.test):
        yield from intake.stream(file, FileAccount(_label(file)), labelled=True)
    for file in data.unlabelled:
        yield from intake.stream(file, FileAccount(_label(file)), labelled=False)


def stream_file(
    path: Path, format: str = "auto", columns: Columns | None = None, key: str | None = None
) -> tuple[FileAccount, Iterator[Example]]:
    """The rows of one file that belongs to no task, one after the other, and its account.

    The account is complete when the last row has been given. Rows may lack a target where columns
    are named, or where no format knows the first row that is not broken. Raises as `load_examples`,
    while rows are read.
    """
    file = File(path=path.name, key=key)
    rows = read_rows(file.path, key, path.parent, None)
    first = next((row for row in rows if row.problem is None), None)
    known = first is not None and any(form(n).recognise(first.value) for n in _of_examples())
    labelled = columns is None and (known or format not in ("auto", "columns"))
    account = FileAccount(_label(file))
    intake = _Intake(Data(all=(file,), format=format, columns=columns), path.parent, None)
    return account, intake.stream(file, account, labelled)


@dataclass
class _Intake:
    """Reads files one after the other; ids are unique over all of them."""

    data: Data
    folder: Path
    data_folder: Path | None
    mending: Mending = field(default_factory=Mending)
    accounts: list[FileAccount] = field(default_factory=list)
    owner: dict[str, FileAccount] = field(default_factory=dict)
    """The account that each example, by id, is counted in."""
    repeats: Repeats = field(default_factory=Repeats)
    prefixes: dict[str, str] = field(default_factory=dict)
    """What made-up ids start with -> the file that they belong to."""

    def read(self, files: Sequence[File], labelled: bool = True) -> tuple[Example, ...]:
        """The examples of some files, in order."""
        return tuple(example for file in files for example in self._file(file, labelled))

    def cut(self, pool: Sequence[Example], seed: int) -> dict[Split, tuple[Example, ...]]:
        """The pool in splits; what was made up goes to train, behind what was found."""
        found = [e for e in pool if not e.made_up]
        splits = split_examples(found, self.data.splits or Splits(), seed)
        closed = {e.group: s for s in ("dev", "test") for e in splits[s] if e.group is not None}
        kept = []
        for example in (e for e in pool if e.made_up):
            side = None if example.group is None else closed.get(example.group)
            if side is None:
                kept.append(example)
            else:
                reason = f"made up from a group that stands in {side}"
                self.owner[example.id].withdraw(reason, _row(example))
        return {**splits, "train": (*splits["train"], *kept)}

    def mend(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        """The examples as remedies leave them."""
        return tuple(self._mended(examples))

    def _mended(self, examples: Iterable[Example]) -> Iterator[Example]:
        mended = (self.mending.finish(e, self.owner[e.id]) for e in examples)
        return (e for e in mended if e is not None)

    def unlabelled(self, splits: Mapping[Split, tuple[Example, ...]]) -> Sequence[Example]:
        """The inputs without answers, each once; what stands in a split is dropped.

        They may be months of traffic: what is too much for memory goes to disk as it is read.
        """
        return gathered(self._unseen(splits)) if self.data.unlabelled else ()

    def _unseen(self, splits: Mapping[Split, tuple[Example, ...]]) -> Iterator[Example]:
        held = {_digest(e.asked): str(s) for s in ("dev", "test") for e in splits[s]}
        seen = {_digest(e.folded): "train" for e in splits["train"]}
        rows = (e for file in self.data.unlabelled for e in self._file(file, labelled=False))
        for example in self._mended(rows):
            key = _digest(example.folded)
            where = held.get(_digest(example.asked)) or seen.get(key)
            if where is None:
                seen[key] = "an earlier row"
                yield example
            else:
                reason = f"the same input stands in {where}"
                self.owner[example.id].withdraw(reason, _row(example))

    def limit(self, train: tuple[Example, ...], n: int, seed: int) -> tuple[Example, ...]:
        """`n` training examples; the others are counted as dropped."""
        chosen = nested_subset(train, n, seed)
        kept = {e.id for e in chosen}
        for example in train:
            if example.id not in kept:
                self.owner[example.id].withdraw("beyond train_limit", _row(example))
        return chosen

    def drop_leaks(self, splits: dict[Split, tuple[Example, ...]]) -> None:
        """Take out of train and dev what also stands in test (or dev); test stays as it is."""
        seen: dict[str, Split] = {}
        for split in reversed(SPLITS):
            kept = []
            for example in splits[split]:
                side = seen.setdefault(example.asked, split)
                if side == split:
                    kept.append(example)
                else:
                    reason = f"the same input stands in {side}"
                    self.owner[example.id].withdraw(reason, _row(example))
            splits[split] = tuple(kept)

    def _file(self, file: File, labelled: bool) -> Iterator[Example]:
        account = FileAccount(_label(file))
        self.accounts.append(account)
        return self.stream(file, account, labelled)

    def stream(self, file: File, account: FileAccount, labelled: bool) -> Iterator[Example]:
        """The examples of one file; `account` is complete when the last has been given."""
        shape = _Shape(self.data, labelled)
        prefix = self._prefix(file)
        for row in read_rows(file.path, file.key, self.folder, self.data_folder):
            for note in row.notes:
                account.change(note, row.number)
            for mark in row.seen:
                account.note(mark, row.number)
            try:
                example = self._example(row, shape, prefix, account)
                example = self.mending.meet(example, account, row.number)
            except Unusable as error:
                account.drop(error.reason, row.number)
            else:
                account.keep()
                yield example
        _check_used(account, shape)

    def _example(self, row: Row, shape: "_Shape", prefix: str, account: FileAccount) -> Example:
        if row.problem is not None:
            raise Unusable(row.problem)
        draft = shape.draft(row.value)
        target = None if draft.target is None else draft.target.strip()
        if target == "":
            if shape.labelled:
                raise Unusable("no target")
            target = None
        if not _has_text(draft.input):
            raise Unusable("empty input")
        for note in draft.notes:
            account.change(note, row.number)
        if target is not None and target != draft.target:
            account.change("whitespace around the target stripped", row.number)
        return Example(
            id=self._unique(
                (draft.id or "").strip() or f"{prefix}-{row.number:06d}", row.number, account
            ),
            input=self._cut(draft.input, row.number, account),
            target=target,
            sources=draft.sources,
            facts=draft.facts,
            answerable=draft.answerable,
            group=draft.group,
            time=draft.time,
            fields=draft.fields,
            provenance=Provenance(account.file, row.number, made_up_by(row.value)),
        )

    def _prefix(self, file: File) -> str:
        """The stem and key of the file, or its whole name where an earlier file has taken those.

        The first keeps its name, so that a file added at the end renames no example.
        """
        short = stem(file.path) if file.key is None else f"{stem(file.path)}-{file.key}"
        mine = self.prefixes.setdefault(short, _label(file)) == _label(file)
        return short if mine else _label(file)

    def _unique(self, wanted: str, row: int, account: FileAccount) -> str:
        name = self.repeats.unique(wanted, self.owner, row, account)
        self.owner[name] = account
        return name

    def _cut(self, given: str | Prompt, row: int, account: FileAccount) -> str | Prompt:
        limit = self.data.max_input_chars
        if limit is None or _length(given) <= limit:
            return given
        account.truncate(f"input longer than {limit:,} characters", row)
        return given[:limit] if isinstance(given, str) else _cut_turns(given, limit)


class _Shape:
    """How the rows of one file become drafts, and what was seen on the way."""

    def __init__(self, data: Data, labelled: bool = True) -> None:
        self.labelled = labelled
        self.columns: Columns | None = data.columns
        if data.format == "columns" or not labelled:
            self.columns = data.columns or Columns()
        self.formats: dict[str, Any] = {}
        if self.columns is None:
            wanted = _of_examples() if data.format == "auto" else (data.format,)
            self.formats = {name: form(name) for name in wanted}
        self.absent: list[tuple[str, Column]] = []
        """Named columns that no row has had so far, each with its key."""
        self.found: list[str] | None = None
        """Columns of the first row."""
        self.strange = False
        """Whether a row was of no known shape."""
        if self.columns is not None:
            self.absent = named_columns.named(self.columns)
        if not labelled:
            self.absent = [(key, c) for key, c in self.absent if key != "target"]
            if data.unlabelled:  # the splits show whether the other columns are named rightly
                self.absent = [(key, c) for key, c in self.absent if key == "input"]

    def draft(self, row: Any) -> Draft:
        """The draft of one row. Raises `Unusable`."""
        if self.found is None:
            self.found = list(names_in(row))
        if self.columns is not None:
            self.absent = [(k, c) for k, c in self.absent if lookup(row, c) is MISSING]
            return named_columns.convert(row, self._columns_of(row, self.columns))
        return draft(read(row, self._format_of(row)))

    def _columns_of(self, row: Any, columns: Columns) -> Columns:
        """Without a target where none is needed and the row has none."""
        if self.labelled or columns.target is None:
            return columns
        absent = lookup(row, columns.target) in (MISSING, None)
        return columns.model_copy(update={"target": None}) if absent else columns

    def _format_of(self, row: Any) -> str:
        if _is_preference(row):
            raise Unusable("a preference, not an answer known to be right")
        for name, known in self.formats.items():
            if known.recognise(row):
                return name
        self.strange = True
        raise Unusable(f"not of the shape {' or '.join(self.formats)}")


@cache
def _of_examples() -> tuple[str, ...]:
    """The formats whose answers are known to be right: others must be named."""
    return tuple(name for name in names(FORMATS) if form(name).EXAMPLES)


def _is_preference(row: Any) -> bool:
    """Rows that rank answers look like examples, but their answer may be the rejected one."""
    return isinstance(row, Mapping) and (
        "rejected" in row
        or "kto_tag" in row
        or ("completion" in row and isinstance(row.get("label"), bool))
    )


def _check_used(account: FileAccount, shape: _Shape) -> None:
    """Raise when a file gave nothing, or a named column is in none of its rows."""
    found = ", ".join(shape.found or ["no columns"])
    if account.read == 0:
        raise DataError(f"{account.file} is empty")
    if shape.absent and shape.found is not None:
        key, column = shape.absent[0]
        raise DataError(
            f'{account.file}: no row has a column "{column}"{nearest(str(column), shape.found)}',
            hint=f"the first row has: {found}; {_remedy(key)}",
        )
    if account.kept == 0 and shape.strange:
        raise DataError(
            f"{account.file}: the format is not known; the first row has: {found}",
            hint=f"name data.columns, or use one of: {', '.join(_of_examples())}; "
            "or format: log, for what a model answered",
        )
    if account.kept == 0:
        reasons = "; ".join(f"{n:,} {reason}" for reason, n in account.dropped.most_common(3))
        rows = counted(account.read, "row")
        raise DataError(f"{account.file}: none of {rows} can be used: {reasons}")


def _remedy(key: str) -> str:
    """What to do about `data.columns.KEY` when no row has its column."""
    if key in ("input", "target"):  # without its line, the default name would be looked for
        return f"data.columns says which is which (--set data.columns.{key}=NAME)"
    if key == "fields":
        return "take it out of data.columns.fields, or name another column"
    return f"remove the line data.columns.{key}, or name another column"


def _refuse_made_up(test: Sequence[Example]) -> None:
    """Raise where the test split holds a row that something made up: it would judge itself."""
    made = [(e.provenance, e.provenance.synthetic) for e in test if e.provenance and e.made_up]
    if made:
        place, maker = made[0]
        raise DataError(
            f"{place.file}: the test split holds {counted(len(made), 'row')} that something made "
            f"up, first row {place.row:,} (by {maker})",
            hint="a test row must have been found: move these rows to data.train",
        )


def _label(file: File) -> str:
    """The file as task.yaml names it, with its key."""
    return file.path if file.key is None else f"{file.path}#{file.key}"


def _row(example: Example) -> int:
    return example.provenance.row if example.provenance else 0


def _digest(text: str) -> bytes:
    """Equal for equal texts; shorter than a question."""
    return blake2b(text.encode(), digest_size=16).digest()


def _has_text(given: str | Prompt) -> bool:
    """Whether anybody but the system says something."""
    if isinstance(given, str):
        return bool(given.strip())
    return any(t.content.strip() for t in given if t.role != "system")


def _length(given: str | Prompt) -> int:
    return len(given) if isinstance(given, str) else sum(len(t.content) for t in given)


def _cut_turns(turns: Prompt, limit: int) -> Prompt:
    """Give the room to the last turn, then to the system, then to the newest of the others."""
    last = len(turns) - 1
    order = sorted(range(len(turns)), key=lambda i: (i != last, turns[i].role != "system", -i))
    kept: dict[int, Message] = {}
    for i in order:
        content = turns[i].content[:limit]
        limit -= len(content)
        if content:
            kept[i] = Message(turns[i].role, content)
    return tuple(kept[i] for i in sorted(kept))
