"""A pool that is cut by `data.splits` -> a file for each split, which are read as the same task."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, zip_longest
from pathlib import Path
from typing import Any

from tailorbird.data.example_rows import as_row
from tailorbird.data.provenance import origin
from tailorbird.data.read import cut_as_held, load_examples
from tailorbird.data.row_writers import write_rows
from tailorbird.data.rows import read_rows
from tailorbird.errors import DataError
from tailorbird.task.task import Columns, Data
from tailorbird.task.types import SPLITS, Example, Split

_NEW = ("all", "splits", *SPLITS)


@dataclass(frozen=True)
class Written:
    """The files of the splits."""

    rows: dict[Split, int]
    """Of each file; a split without rows has none."""
    keys: dict[str, Any]
    """What is to stand under `data` of the task file, in place of `all` and `splits`."""


def write_splits(
    data: Data, folder: Path, data_folder: Path | None, seed: int, out: Path
) -> Written:
    """Write train.jsonl, dev.jsonl and test.jsonl to `out`.

    Rows keep their ids, so that the steps of remedies.jsonl and limits go on meaning the same rows.
    Columns that the task does not name stay in the pool. What was written is read again: raises
    `DataError`, and leaves no file, where that gives other splits, or other unlabelled inputs; and
    where a file is there.
    """
    if not data.all:
        raise DataError("the splits stand in files of their own: there is no data.all to cut")
    cut = {s: rows for s, rows in cut_as_held(data, folder, data_folder, seed).items() if rows}
    files = {split: out / f"{split}.jsonl" for split in SPLITS if split in cut}
    for file in files.values():
        if file.exists():
            raise DataError(f"{file} exists already", hint="name another folder: --out FOLDER")
    keys: dict[str, Any] = {s: os.path.relpath(f.resolve(), folder) for s, f in files.items()}
    columns = _with_ids(data, folder, data_folder)
    if columns != data.columns:
        keys["columns"] = columns
    kept = {name: getattr(data, name) for name in data.model_fields_set if name not in _NEW}
    new = Data.model_validate({**kept, **keys})
    try:
        for split, file in files.items():
            write_rows(file, [as_row(e, new, origin(e)) for e in cut[split]])
        _check_same(data, new, folder, data_folder, seed)
    except BaseException:
        for file in files.values():
            file.unlink(missing_ok=True)
        raise
    if columns is not None and columns != data.columns:
        keys["columns"] = columns.model_dump(exclude_unset=True, mode="json")
    return Written({s: len(rows) for s, rows in cut.items()}, keys)


def _with_ids(data: Data, folder: Path, data_folder: Path | None) -> Columns | None:
    """The columns with one for ids, which are made up from file and row where none is named.

    Unlabelled files are read by the same columns, and have none of that name.
    """
    columns = data.columns or (Columns() if data.format == "columns" else None)
    if columns is None or columns.id is not None:
        return data.columns
    taken = {str(value) for value in columns.model_dump().values()} | set(map(str, columns.fields))
    for file in data.unlabelled:
        for row in read_rows(file.path, file.key, folder, data_folder):
            taken.update(row.value if isinstance(row.value, Mapping) else ())
    names = chain(("id", "row_id"), (f"row_id_{n}" for n in count(2)))
    return columns.model_copy(update={"id": next(n for n in names if n not in taken)})


def _check_same(data: Data, new: Data, folder: Path, data_folder: Path | None, seed: int) -> None:
    before, after = (load_examples(d, folder, data_folder, seed) for d in (data, new))
    parts = (
        *((f"the {s} split", before.splits[s], after.splits[s]) for s in SPLITS),
        ("the file of inputs without answers", before.unlabelled, after.unlabelled),
    )
    for what, old, fresh in parts:
        if any(a != b for a, b in zip_longest(map(_bare, old), map(_bare, fresh))):
            raise DataError(
                f"{what} would be read otherwise than it is now",
                hint="cut the pool yourself, and name the files as train, dev and test",
            )


def _bare(example: Example) -> Example:
    return replace(example, provenance=None)
