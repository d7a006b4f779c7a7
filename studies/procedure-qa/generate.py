"""Generates training questions: the hand-written ones of questions.jsonl, and the order of steps.

Every row is one wording of one family with an opening, a closing and slips from phrases.toml. The
answer is the sentence of the handbook that holds it. What comes before and after each step of each
procedure is asked by rule. The rows form one endless seeded stream, so a shorter file is the
beginning of a longer one.
"""

import argparse
import itertools
import json
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

HERE = Path(__file__).parent
UNANSWERABLE, STEPS = 0.15, 0.15
"""Shares of the rows: what the handbook does not answer, and what is asked by rule."""
OPENING, CLOSING = 0.45, 0.3
"""How often a question has one."""
SLOPPINESS = (0.0, 0.0, 0.1, 0.3)
"""Shares of words misspelt, each as likely."""


class Family(NamedTuple):
    """One question in several wordings, with the sentences of the handbook that answer it."""

    family: str
    source: str
    """The page; empty where the handbook does not say."""
    kind: str
    facts: list[str]
    answer: str
    questions: list[str]


def read_families() -> list[Family]:
    """What questions.jsonl holds."""
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [Family(**json.loads(line)) for line in lines]


def step_families(handbook: Path) -> list[Family]:
    """What comes after and before each step, page by page."""
    phrases = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))["steps"]
    found = []
    for page in sorted(handbook.glob("*.md")):
        steps = re.findall(r"(?m)^\d+\. (.+)$", page.read_text(encoding="utf-8"))
        firsts = [re.split(r"(?<=[.!?]) ", step)[0] for step in steps]
        for number, (step, then) in enumerate(itertools.pairwise(firsts), start=1):
            for way, known, wanted in (("after", step, then), ("before", then, step)):
                named = known[0].lower() + _plain(known)[1:].rstrip(".")
                asks = [p.format(step=named) for p in phrases[way]]
                fact = wanted.partition(" (see ")[0].rstrip(".")
                family = f"{page.stem}-{way}-{number}"
                found.append(Family(family, page.stem, "order", [fact], _plain(wanted), asks))
    return found


def _plain(text: str) -> str:
    """Without references to other pages."""
    return re.sub(r" \(see [^)]*\)", "", text)


def deck(items: list[T], rng: random.Random) -> Iterator[T]:
    """Deals all items in random order, then all of them again, without end."""
    while True:
        yield from rng.sample(items, len(items))


class Writer:
    """Asks a family's question as somebody at work would."""

    def __init__(self, phrases: dict[str, Any], rng: random.Random) -> None:
        self.phrases = phrases
        self.rng = rng

    def question(self, wording: str) -> str:
        """The wording with what stands around it."""
        parts = [
            self.phrase("openings") if self.rng.random() < OPENING else "",
            wording,
            self.phrase("closings") if self.rng.random() < CLOSING else "",
        ]
        return self.sloppy(" ".join(filter(None, parts)), self.rng.choice(SLOPPINESS))

    def phrase(self, kind: str) -> str:
        """A random phrase of the kind, with its slots filled."""
        slots = {slot: self.rng.choice(words) for slot, words in self.phrases["slots"].items()}
        return str(self.rng.choice(self.phrases[kind])).format(**slots)

    def sloppy(self, text: str, rate: float) -> str:
        """Misspells common words, none of which carries a fact, and neglects the punctuation."""
        typos: dict[str, str] = self.phrases["typos"]
        words = re.split(r"(\W+)", text)
        text = "".join(typos.get(w, w) if self.rng.random() < rate else w for w in words)
        if self.rng.random() < rate:
            text = text.replace("'", "").rstrip(".?")
        return text.lower() if self.rng.random() < rate else text


class Decks:
    """Deals pages evenly, the families of a page evenly, and the wordings of a family evenly."""

    def __init__(self, families: list[Family], rng: random.Random) -> None:
        by_source: dict[str, list[Family]] = defaultdict(list)
        for family in families:
            by_source[family.source].append(family)
        self.sources = deck(sorted(by_source), rng)
        self.families = {source: deck(own, rng) for source, own in by_source.items()}
        self.wordings = {family.family: deck(family.questions, rng) for family in families}

    def deal(self) -> tuple[Family, str]:
        """The next family, with one of its wordings."""
        family = next(self.families[next(self.sources)])
        return family, next(self.wordings[family.family])


def rows(families: list[Family], steps: list[Family], seed: int) -> Iterator[dict[str, Any]]:
    """The endless stream of rows; no question occurs twice."""
    rng = random.Random(seed)
    phrases = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))
    writer, seen = Writer(phrases, rng), set[str]()
    decks = [
        Decks([f for f in families if not f.source], rng),
        Decks(steps, rng),
        Decks([f for f in families if f.source], rng),
    ]
    shares = [UNANSWERABLE, STEPS, 1 - UNANSWERABLE - STEPS]
    while True:
        family, wording = rng.choices(decks, shares)[0].deal()
        question = writer.question(wording)
        if question.casefold() in seen:
            continue
        seen.add(question.casefold())
        yield _row(f"train-{len(seen):05}", question, family)


def _row(id: str, question: str, family: Family) -> dict[str, Any]:
    return {
        "id": id,
        "question": question,
        "answer": family.answer,
        "kind": family.kind,
        "facts": family.facts,
        "sources": [family.source] if family.source else [],
        "answerable": bool(family.source),
        "told": "yes" if family.source else "nothing",
        "wording": "training",
        "group": family.family,
    }


def main() -> None:
    """Writes the first n rows of the stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1100, help="number of rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "train.jsonl")
    options = parser.parse_args()
    stream = rows(read_families(), step_families(HERE / "handbook"), options.seed)
    with options.out.open("w", encoding="utf-8") as out:
        for row in itertools.islice(stream, options.n):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
