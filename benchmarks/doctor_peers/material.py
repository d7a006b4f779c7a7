"""Rows with planted copies: customers' mails put together from words that mean nothing.

Sentences come from templates, as mails do, so that rows that are no copies share runs of words.
"""

import json
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"
COPIED = 0.02
"""Share of the rows that are copies, for each kind of copy."""
LABELS = [f"queue {n}" for n in range(50)]


class Writer:
    """Writes rows; the same seed, the same rows."""

    def __init__(self, seed: int = 0) -> None:
        self.draw = random.Random(seed)
        self.words = [
            "".join(self.draw.choices(LETTERS, k=self.draw.randint(2, 10))) for _ in range(30_000)
        ]
        ranks = range(len(self.words))
        self.weights = list(accumulate(1 / (rank + 5) for rank in ranks))
        self.templates = [self.phrase(self.draw.randint(6, 14)) for _ in range(3_000)]

    def phrase(self, length: int) -> list[str]:
        """Words, frequent and rare."""
        return self.draw.choices(self.words, cum_weights=self.weights, k=length)

    def sentence(self) -> list[str]:
        """Half of them a template with one word and one number of its own."""
        if self.draw.random() < 0.5:
            return self.phrase(self.draw.randint(6, 14))
        words = list(self.draw.choice(self.templates))
        words[self.draw.randrange(len(words))] = self.draw.choice(self.words)
        words[self.draw.randrange(len(words))] = str(self.draw.randrange(10_000))
        return words

    def text(self) -> str:
        """A mail."""
        sentences = [self.sentence() for _ in range(self.draw.randint(2, 8))]
        return " ".join(" ".join(words).capitalize() + "." for words in sentences)


def equal(text: str, draw: random.Random) -> str:
    """In other case and white space."""
    return text.upper().replace(". ", ".\n") if draw.random() < 0.5 else text


def punctuation(text: str, draw: random.Random) -> str:
    return text.replace(".", draw.choice(["!", " ...", ";"]))


def typos(text: str, draw: random.Random) -> str:
    """One word in thirty, at least one."""
    words = text.split()
    for at in draw.sample(range(len(words)), max(1, len(words) // 30)):
        word = words[at]
        place = draw.randrange(len(word))
        words[at] = word[:place] + draw.choice(LETTERS) + word[place:]
    return " ".join(words)


def greeting(text: str, draw: random.Random) -> str:
    """Three words before, two behind."""
    return f"Dear {draw.choice(LETTERS)} team, {text} Regards, {draw.choice(LETTERS).upper()}"


def numbers(text: str, draw: random.Random) -> str:
    """Every number is another; one at least is put in."""
    words = [str(draw.randrange(10_000)) if w.isdecimal() else w for w in text.split()]
    words[draw.randrange(len(words))] = str(draw.randrange(10_000))
    return " ".join(words)


def sentences_moved(text: str, draw: random.Random) -> str:
    parts = text.split(". ")
    draw.shuffle(parts)
    return ". ".join(p.removesuffix(".") for p in parts) + "."


def words_swapped(text: str, draw: random.Random) -> str:
    """One pair of neighbours in fifteen words."""
    words = text.split()
    for at in draw.sample(range(len(words) - 1), max(1, len(words) // 15)):
        words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)


def reworded(text: str, draw: random.Random) -> str:
    """One word in three is another."""
    words = text.split()
    for at in draw.sample(range(len(words)), len(words) // 3):
        words[at] = "".join(draw.choices(LETTERS, k=6))
    return " ".join(words)


KINDS = {
    f.__name__: f
    for f in (
        equal, punctuation, typos, greeting, numbers, sentences_moved, words_swapped, reworded
    )
}  # fmt: skip


def rows(count: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """`count` rows. A copy names what it copies and how; its original comes before it."""
    writer, draw, recent = Writer(seed), random.Random(seed + 1), []
    for number in range(count):
        kind = draw.choice(list(KINDS)) if draw.random() < COPIED * len(KINDS) else None
        if kind is None or not recent:
            row = {"input": writer.text(), "target": draw.choice(LABELS)}
        else:
            original = draw.choice(recent)
            text = KINDS[kind](original["input"], draw)
            row = {"input": text, "target": original["target"], "copies": original["id"]}
            row["kind"] = kind
        row["id"] = f"row-{number}"
        yield row
        if "kind" not in row and (len(recent) < 5_000 or draw.random() < 0.1):
            recent.append(row)  # a copy of anything so far, without holding all of it
            if len(recent) > 5_000:
                recent.pop(draw.randrange(len(recent)))


def write(file: Path, count: int, seed: int = 0) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for row in rows(count, seed):
            stream.write(json.dumps(row) + "\n")
