"""Train, dev and test from one pool: seeded, and stable as the data grow.

What examples share (`group`) decides the side for all of them, so that near-copies never sit on
both sides. Which side, by:

random, group   The hash of seed and unit, alone. Rows may come, go, move or be corrected: no other
                row changes sides. Fractions hold on average.
stratum         The n-th unit of a stratum, in the order of the rows, takes the n-th point of a
                golden-ratio sequence, so that fractions hold within each stratum to two or three
                rows. A hash of the row alone cannot do that (10 rows, 20 %: one stratum in ten
                would have no test row), and ranks of hashes would move old rows when new ones
                come. The price: rows may be added after the last, but deleting, inserting or
                relabelling one moves later ones of its stratum.
time            The latest are test, those before them dev, ties together. The border moves on as
                data come in, by design; groups may straddle it, as they do in production.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from operator import itemgetter

from tailorbird.errors import DataError, nearest
from tailorbird.task.task import Splits
from tailorbird.task.types import Example, Split
from tailorbird.words import counted

_GOLDEN = (math.sqrt(5) - 1) / 2


def split_examples(
    examples: Sequence[Example], splits: Splits, seed: int
) -> dict[Split, tuple[Example, ...]]:
    """Cut a pool into train, dev and test; each keeps the order of the pool.

    Raises `DataError` when the fractions leave no train, or the field that `splits.by` needs
    is missing.
    """
    if splits.test + splits.dev >= 1:
        raise DataError(f"test {splits.test:g} and dev {splits.dev:g} leave nothing to train on")
    if splits.by == "group" and all(e.group is None for e in examples):
        raise DataError("splits.by is group, but no row has a group", hint="name columns.group")
    if splits.by == "time":
        sides = _by_time(examples, splits)
    else:
        places = _by_stratum(examples, splits, seed) if splits.by == "stratum" else None
        sides = [
            _side(place(seed, "split", unit(e)) if places is None else places[unit(e)], splits)
            for e in examples
        ]
    cut: dict[Split, list[Example]] = {"train": [], "dev": [], "test": []}
    for example, side in zip(examples, sides):
        cut[side].append(example)
    return {side: tuple(members) for side, members in cut.items()}


def nested_subset(examples: Iterable[Example], n: int, seed: int) -> tuple[Example, ...]:
    """`n` examples by seeded choice, in their order; a larger `n` holds the smaller choice.

    No more than `n` are held.
    """

    def rank(numbered: tuple[int, Example]) -> tuple[float, str]:
        return place(seed, "subset", numbered[1].id), numbered[1].id

    chosen = nsmallest(n, enumerate(examples), key=rank)
    return tuple(example for _, example in sorted(chosen, key=itemgetter(0)))


def unit(example: Example) -> str:
    """What goes to one side as a whole: the group, or the example itself."""
    return f"example {example.id}" if example.group is None else f"group {example.group}"


def place(seed: int, purpose: str, name: str) -> float:
    """A point in [0, 1) that depends on nothing else."""
    text = f"{seed}\0{purpose}\0{name}".encode("utf-8", "surrogatepass")
    bits = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 11
    return float(bits / 2**53)


def _side(point: float, splits: Splits) -> Split:
    if point < splits.test:
        return "test"
    return "dev" if point < splits.test + splits.dev else "train"


def _by_stratum(examples: Sequence[Example], splits: Splits, seed: int) -> dict[str, float]:
    """A point for each unit; a group's stratum is that of its first row."""
    counts: Counter[str] = Counter()
    places: dict[str, float] = {}
    for example, stratum in zip(examples, _strata(examples, splits)):
        if unit(example) not in places:
            start = place(seed, "stratum", stratum)
            places[unit(example)] = (start + counts[stratum] * _GOLDEN) % 1
            counts[stratum] += 1
    return places


def _strata(examples: Sequence[Example], splits: Splits) -> Iterator[str]:
    name = splits.stratum
    if name is None:
        return (e.target or "" for e in examples)
    known = {field for e in examples for field in e.fields}
    if name not in known:
        raise DataError(
            f'splits.stratum: no row has a field "{name}"{nearest(name, known)}',
            hint="name the column in columns.fields",
        )
    return (e.fields.get(name, "") for e in examples)


def _by_time(examples: Sequence[Example], splits: Splits) -> list[Split]:
    times = [e.time for e in examples if e.time is not None]
    if len(times) < len(examples):
        raise DataError(
            f"splits.by is time, but "
            f"{counted(len(examples) - len(times), 'row has', 'rows have')} no time",
            hint="name columns.time",
        )
    ordered = sorted(times)
    n = len(ordered)
    test = round(splits.test * n)
    dev = round(splits.dev * n)
    in_test = set(ordered[n - test :])
    in_dev = set(ordered[n - test - dev : n - test]) - in_test
    return ["test" if t in in_test else "dev" if t in in_dev else "train" for t in times]
