"""Real English from a data folder, streamed: passages and dialogues in a seeded order.

The folder holds ``enwiki_plain/train.txt.gz``, ``eltec_eng_novels/novels.txt.gz`` (one paragraph
a line, a blank line between works, the title first) and ``sgd_dialogues/train.jsonl.gz`` (one
dialogue a line). None of that text is kept in the repository.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypeVar

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import say

SHELF_SIZE = 2000
"""How many items are held to be drawn from at random; about 2 MB of text."""
SHORTEST, LONGEST = 250, 1000
"""Bounds of a passage, characters."""

T = TypeVar("T")


@dataclass
class RealText:
    """Endless streams of each source."""

    encyclopedia: Iterator[str]
    novels: Iterator[str]
    dialogues: Iterator[Conversation]

    @classmethod
    def read(cls, folder: Path, seed: int) -> "RealText":
        """Open the three files; they are read only as far as they are used."""
        return cls(
            _shuffled(folder / "enwiki_plain" / "train.txt.gz", seed, _passages),
            _shuffled(folder / "eltec_eng_novels" / "novels.txt.gz", seed, _passages),
            _shuffled(folder / "sgd_dialogues" / "train.jsonl.gz", seed, _dialogues),
        )

    def passage(self, rng: Random) -> str:
        """Some paragraphs; three quarters encyclopedia, as old novels would bend the style."""
        return next(self.encyclopedia if rng.random() < 0.75 else self.novels)


def _shuffled(
    path: Path, seed: int, items: Callable[[Iterator[str], Random], Iterator[T]]
) -> Iterator[T]:
    """Items of the file for ever, each drawn at random from the ``SHELF_SIZE`` next ones."""
    # One generator per source: how often one is read must not change what another gives.
    rng = Random(f"{seed} {path.name}")
    # Every seed begins somewhere else, so that together they read all of a long file.
    stream = items(_lines(path, rng.randrange(_line_count(path))), rng)
    held = list(islice(stream, SHELF_SIZE))
    while True:
        at = rng.randrange(len(held))
        yield held[at]
        held[at] = next(stream)


@cache
def _line_count(path: Path) -> int:
    with gzip.open(path, "rb") as file:
        return sum(1 for _ in file)


def _lines(path: Path, skip: int) -> Iterator[str]:
    """Lines without their ends, for ever; a blank line between two rounds."""
    while True:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in islice(file, skip, None):
                yield line.rstrip("\n")
        yield ""
        skip = 0


def _passages(lines: Iterator[str], rng: Random) -> Iterator[str]:
    """Consecutive paragraphs of one work, up to a length that differs from passage to passage."""
    held: list[str] = []
    wanted = rng.randint(SHORTEST, LONGEST)
    for line in lines:
        if line:
            held.append(line[:LONGEST])
        size = sum(map(len, held))
        if size >= wanted or (not line and size >= SHORTEST):
            yield "\n".join(held)[:LONGEST].strip()
            wanted = rng.randint(SHORTEST, LONGEST)
            held.clear()
        elif not line:
            held.clear()  # the end of a work: its last lines are too few


def _dialogues(lines: Iterator[str], rng: Random) -> Iterator[Conversation]:
    """Dialogues cut after two to eight pairs of turns, half with a system prompt."""
    for line in lines:
        if line:
            yield _dialogue(json.loads(line)["turns"], rng)


def _dialogue(spoken: list[dict[str, str]], rng: Random) -> Conversation:
    told = say(rng, "[You help people with bookings and plans.|Be a helpful assistant.|Chat.]")
    turns: list[Message] = [system(told)] if rng.random() < 0.5 else []
    for turn in spoken[: 2 * rng.randint(2, 8)]:
        turns.append((user if turn["speaker"] == "USER" else assistant)(turn["text"]))
    return tuple(turns)
