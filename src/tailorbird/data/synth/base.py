"""The protocol of generators. The file name is the registry: a generator is one file beside this.

A generator writes orders: cheap to list, always the same for the same task and seed, the most
useful first, as only so many are carried out. An order is carried out by rule, or by a teacher (any
language model), whose answer the generator then reads. Each module exports its class, a frozen
dataclass of settings, as `GENERATOR`.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from tailorbird.data.overlap import Protected
from tailorbird.data.split import place
from tailorbird.data.synth._bill import Bill
from tailorbird.evaluate.hallucination._sentences import sentences
from tailorbird.models.base import LM, Completion, Progress, Sampling
from tailorbird.retrieve.passages import PassageIndex
from tailorbird.settings import from_settings
from tailorbird.store import digest
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message, Prompt, Provenance

T = TypeVar("T")
FILE = "synthetic.jsonl"
"""Where rows that stay are written."""


class Unmade(Exception):
    """An order that gave no row. Caught where rows are counted; never leaves `synthesising`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A language model that writes rows, or reads them."""

    name: str
    """As the user named it."""
    lm: LM

    def ask(
        self, prompts: Sequence[Prompt], max_tokens: int, progress: Progress | None = None
    ) -> list[Completion]:
        """One greedy answer each: the same on the next run, so that it is paid for once."""
        return self.lm.complete(prompts, Sampling(max_tokens=max_tokens), progress)


@dataclass(frozen=True)
class Material:
    """What rows are made from, and held against."""

    task: Task
    """With its test split closed."""
    protected: Protected = field(default_factory=lambda: Protected({}))
    """The inputs of test and dev, as runs of words."""
    held: frozenset[str] = frozenset()
    """Digests of the inputs of test and dev."""
    teachers: tuple[Teacher, ...] = ()
    cache: Path = Path()
    """Indexes and fitted rungs; safe to delete."""
    seed: int = 0
    quiet: bool = False
    bill: Bill = field(default_factory=Bill)
    """What filters spend is noted here."""

    @cached_property
    def found(self) -> Task:
        """The task with those training rows alone that were found."""
        train = tuple(e for e in self.task.examples("train") if not e.made_up)
        return replace(self.task, splits={**self.task.splits, "train": train})

    @cached_property
    def seeds(self) -> tuple[Example, ...]:
        """The training rows that were found, in the order in which they are drawn on."""
        return tuple(self.drawn(self.found.examples("train"), "seeds"))

    @cached_property
    def index(self) -> PassageIndex:
        """Search by words over the passages of the documents."""
        words = self.task.spec.documents.chunk_words if self.task.spec.documents else 160
        return PassageIndex.build(self.task.documents, words, "sparse", self.cache)

    @cached_property
    def abstention(self) -> str | None:
        """How to say that the documents do not tell: as the rows mostly do, else as the task."""
        said = Counter(str(e.target) for e in self.seeds if not e.answerable)
        phrase = self.task.spec.outputs.abstain
        if said:
            return said.most_common(1)[0][0]
        return None if phrase is None else f"{phrase.rstrip('.')}."

    @cached_property
    def opening(self) -> str:
        """The sentence that at least half of the answers begin with, and a space; or nothing."""
        first = [s[0] for e in self.seeds if len(s := sentences(str(e.target))) > 1]
        for text, n in Counter(first).most_common(1):
            if 2 * n >= len(self.seeds):
                return f"{text} "
        return ""

    def drawn(self, items: Iterable[T], purpose: str) -> list[T]:
        """`items` in an order by lot, which the coming and going of other items does not change."""
        return sorted(items, key=lambda x: (place(self.seed, purpose, _name(x)), _name(x)))

    def by_lot(self, items: Iterable[T], *about: Any) -> list[T]:
        """`items` in an order by lot."""
        listed = list(items)
        return self.dice(*about).sample(listed, len(listed))

    def dice(self, *about: Any) -> random.Random:
        """Random numbers that depend on the seed and on what they are for alone."""
        return random.Random(digest([self.seed, *about]))


def _name(item: Any) -> str:
    return str(getattr(item, "id", item))


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to make."""

    of: str
    """The id of the row or document that it is made from."""
    how: str
    """What is done, in a word: `typos`, `unanswerable`."""
    prompt: Prompt | None = None
    """What a teacher is asked; None: made by rule."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What `rows` needs to know."""
    max_tokens: int = 200
    """Of the teacher's answer."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came of an order: an example, or a pair of answers to its input."""

    example: Example
    """Its id and provenance are given where rows are numbered."""
    rejected: str | None = None
    """A worse answer: the row is a preference."""
    negatives: tuple[str, ...] = ()
    """Documents that are near and do not answer."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Made":
        """What `to_json` wrote."""
        row = dict(plain["example"]) | {"time": None, "provenance": None}
        if not isinstance(row["input"], str):
            row["input"] = tuple(Message(**m) for m in row["input"])
        row["sources"], row["facts"] = tuple(row["sources"]), tuple(row["facts"])
        return cls(Example(**row), plain["rejected"], tuple(plain["negatives"]))


@dataclass(frozen=True, slots=True)
class Row:
    """A row with all that is known of how it came about."""

    made: Made
    generator: str
    number: int
    """1-based, among the rows of its generator."""
    of: str
    how: str
    teacher: str | None = None
    """Its name; None: made by rule."""
    identity: str | None = None
    """Of the teacher: changes whenever its answers could."""
    prompt: str | None = None
    """Digest of what the teacher was asked."""

    @property
    def example(self) -> Example:
        """The example, named, and known as made up."""
        return replace(
            self.made.example,
            id=f"{self.generator}-{self.number:05d}",
            provenance=Provenance(FILE, self.number, self.generator),
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that it says, the input first."""
        example = self.made.example
        said = (example.text, str(example.target), self.made.rejected or "")
        return tuple(text for text in said if text)

    def provenance(self, passed: Sequence[str]) -> dict[str, Any]:
        """The key `synthetic` of the row as it is written; `passed`: filters."""
        return {
            "id": self.example.id,
            "generator": self.generator,
            "how": self.how,
            "of": self.of,
            "teacher": self.teacher,
            "teacher_identity": self.identity,
            "prompt_sha256": self.prompt,
            "filters": list(passed),
            **({"negatives": list(self.made.negatives)} if self.made.negatives else {}),
        }


@runtime_checkable
class Generator(Protocol):
    """One way to make rows."""

    def missing(self, material: Material) -> str | None:
        """Why it can make nothing of this material; None where it can."""

    def orders(self, material: Material) -> Iterator[Order]:
        """What it would make, the most useful first. Never empty where nothing is missing."""

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """What comes of `order`; `answer` is the teacher's. Raises `Unmade` with the reason."""


def make_generator(name: str, settings: Mapping[str, Any]) -> Generator:
    """The generator `name`; an unknown setting is refused with the nearest one."""
    made: Generator = from_settings("data.synth", name, settings, "generator", "GENERATOR")
    return made


def in_turns(*streams: Iterable[T]) -> Iterator[T]:
    """The first of each stream, then the second of each, until all are over."""
    left = [iter(s) for s in streams]
    while left:
        for stream in list(left):
            try:
                yield next(stream)
            except StopIteration:
                left.remove(stream)
