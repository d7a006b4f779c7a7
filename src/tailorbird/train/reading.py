"""Training examples that teach a model to read: passages shown, facts redrawn, some left without.

An adapter trained on fixed facts learns them by heart and then answers without support. Here the
supporting passage stands among distractors, where a search would have put it; numbers, codes,
months and names are replaced by others, consistently in passage, question and answer; and some
examples see only distractors and learn to say that the documents do not tell.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tailorbird.retrieve.passages import Passage, PassageIndex
from tailorbird.task.benchmark import Task
from tailorbird.task.facts import states, unsupported
from tailorbird.task.types import Example, Message

Shown = tuple[Example, tuple[Passage, ...]]
_CANDIDATES = 12
"""Passages retrieved per example, from which distractors are drawn."""


def as_given(examples: Sequence[Example], epochs: int, seed: int) -> list[Shown]:
    """Every example once per epoch, in a new seeded order each time, without passages."""
    rows: list[Shown] = []
    for epoch in range(epochs):
        order = random.Random(f"{seed}-{epoch}").sample(list(examples), len(examples))
        rows += [(e, ()) for e in order]
    return rows


def abstention(task: Task, examples: Sequence[Example]) -> str | None:
    """How the training data abstain; else the phrase of the task file."""
    said = (str(e.target) for e in examples if not e.answerable)
    return next(said, task.spec.outputs.abstain)


@dataclass(frozen=True)
class Reading:
    """How to show passages in training."""

    task: Task
    index: PassageIndex
    passages: int
    unanswerable: float
    """Share of answerable examples that lose their support and learn to abstain."""
    redraw: float

    @cached_property
    def places(self) -> list[int]:
        """Where a supporting passage stands among those found for dev, one per example that has
        one: the model is to know how far the order of what was found can be trusted.

        Not of train: the search may have learned from those very examples.
        """
        dev = [e for e in self.task.splits.get("dev", ()) if e.sources]
        places: list[int] = []
        for example, row in zip(dev, self.index.search([e.text for e in dev], self.passages)):
            supporting = {p.id for p in self.index.supporting(example)}
            places += [i for i, p in enumerate(row) if p.id in supporting][:1]
        return places

    def draw(self, examples: Sequence[Example], epochs: int, seed: int) -> list[Shown]:
        """Examples once per epoch, with passages and facts drawn anew each time.

        Those are left out whose answer states a fact that is not shown, as where it rests on more
        passages than there is room for: they would teach to make facts up.
        """
        found = dict(zip(
            (e.id for e in examples),
            self.index.search([e.text for e in examples], _CANDIDATES),
        ))  # fmt: skip
        said = abstention(self.task, examples)
        shown = (
            self._show(e, found[e.id], said, random.Random(f"{seed}-{number}-{e.id}"))
            for number, (e, _) in enumerate(as_given(examples, epochs, seed))
        )
        return [each for each in shown if _grounded(*each)]

    def _show(
        self, example: Example, found: list[Passage], said: str | None, rng: random.Random
    ) -> Shown:
        supporting = self.index.supporting(example)
        gold, answering = supporting[: self.passages], self._answering(example, supporting)
        others = [p for p in found if p.id not in answering]
        if gold and said and rng.random() < self.unanswerable:
            example = replace(example, target=said, facts=(), answerable=False)
            gold = []
        room = max(0, self.passages - len(gold))
        # The hardest distractors (best ranked) are the likeliest, but not the only ones.
        pool = others[: 2 * room] or others
        drawn = sorted(rng.sample(range(len(pool)), min(room, len(pool))))
        shown = [pool[i] for i in drawn]
        for number, passage in enumerate(gold):
            place = rng.choice(self.places) if self.places and not number else rng.randint(0, room)
            shown.insert(place, passage)
        if rng.random() < self.redraw:
            return redraw_facts(example, shown, rng)
        return example, tuple(shown)

    def _answering(self, example: Example, supporting: Sequence[Passage]) -> set[str]:
        """Ids of the passages that may hold (part of) the answer, which rests on `supporting`.

        The rest of a source does not, where it is known which of its passages state the facts; and
        it is the likeliest distractor that a search finds.
        """
        found = {p.id for p in supporting}
        for source in example.sources:
            passages = self.index.by_document.get(source, [])
            stating = [p for p in passages if any(states(p.shown, f) for f in example.facts)]
            found |= {p.id for p in stating or passages}
        return found


def _grounded(example: Example, shown: Sequence[Passage]) -> bool:
    texts = [f"{p.title}\n{p.text}" for p in shown]
    return not unsupported(str(example.target), [*texts, example.text])


# ---- facts drawn anew ----------------------------------------------------------------------

_MONTHS = (  # noqa: SIM905
    "January February March April May June July August September October November December"
).split()
_FIRST = (  # noqa: SIM905
    "Ada Bruno Carla Dmitri Esme Farid Greta Hugo Ines Jonas Kira Leon Mara Nils Olga Pavel Rosa "
    "Stefan Tilda Umar Vera Wim Yara Zoe"
).split()
_LAST = (  # noqa: SIM905
    "Abara Brandt Castell Dorsey Engel Fontaine Garrick Hollis Ivers Jansen Keller Lorne Moreau "
    "Novak Okafor Penrose Quill Rossi Sandoval Thorne Ullman Vance Wexler Zieler"
).split()
_MONTH = re.compile(r"\b(" + "|".join(m for m in _MONTHS if m != "May") + r")\b")
_CODE = re.compile(r"\b[A-Z]{2,4}(?=-\d)")
_DIGITS = re.compile(r"\d+")
_PERSON = re.compile(r"[A-Z][a-zé'’-]+(?: [A-Z][a-zé'’-]+){1,2}")


def redraw_facts(example: Example, shown: Sequence[Passage], rng: random.Random) -> Shown:
    """Replace numbers, code letters, months and required names by others, the same everywhere."""
    names = {f for f in example.facts if _PERSON.fullmatch(f)}
    change = _Redraw(rng, names)
    turns = example.input
    new_input = (
        change(turns)
        if isinstance(turns, str)
        else tuple(Message(m.role, change(m.content)) for m in turns)
    )
    passages = tuple(replace(p, title=change(p.title), text=change(p.text)) for p in shown)
    target = None if example.target is None else change(example.target)
    facts = tuple(change(f) for f in example.facts)
    return replace(example, input=new_input, target=target, facts=facts), passages


class _Redraw:
    """One consistent substitution: equal strings become equal strings, different ones differ."""

    def __init__(self, rng: random.Random, names: set[str]) -> None:
        self.rng = rng
        self.names = names
        self.seen: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        # Longest first, then by spelling: the order of a set changes from process to process.
        for name in sorted(self.names, key=lambda n: (-len(n), n)):
            new = self._map(name, lambda _: f"{self.rng.choice(_FIRST)} {self.rng.choice(_LAST)}")
            text = text.replace(name, new)
        text = _MONTH.sub(lambda m: self._map(m[0], lambda _: self.rng.choice(_MONTHS)), text)
        text = _CODE.sub(lambda m: self._map(m[0], self._letters), text)
        return _DIGITS.sub(lambda m: self._map(m[0], self._number), text)

    def _map(self, old: str, draw: Callable[[str], str]) -> str:
        if old not in self.seen:
            taken = set(self.seen.values())
            new = draw(old)
            for _ in range(50):
                if new not in taken:
                    break
                new = draw(old)
            self.seen[old] = new
        return self.seen[old]

    def _letters(self, old: str) -> str:
        return "".join(self.rng.choice("ABCDEFGHKLMNPRSTVW") for _ in old)

    def _number(self, old: str) -> str:
        """As many digits; a leading zero stays, and a number does not gain one."""
        first = "0" if old[0] == "0" else self.rng.choice("123456789")
        return first + "".join(self.rng.choice("0123456789") for _ in old[1:])
