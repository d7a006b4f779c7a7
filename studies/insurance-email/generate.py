"""Generates labelled e-mails from policyholders out of the hand-written questions.jsonl.

Every row combines one or two hand-written questions with openings, stories and closings from
phrases.toml, and answers with the sentences of the handbook that state the facts. The rows form one
endless seeded stream, so a shorter file is the beginning of a longer one.
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
GREETING = "Thank you for your e-mail."
UNKNOWN = "The handbook does not say, so a colleague will answer you."
REST_UNKNOWN = "The handbook does not say the rest, so a colleague will answer you."

KINDS = {"single": 70, "multi": 12, "unanswerable": 13, "partly": 5}
TONES = {
    "neutral": 24, "polite": 16, "chatty": 14, "worried": 12,
    "angry": 12, "formal": 10, "terse": 9,
}  # fmt: skip
SOMBRE_TONES = {"sad": 45, "neutral": 25, "polite": 15, "formal": 10, "worried": 5}
SPANS = {"short": (0, 25), "medium": (26, 60), "long": (61, 130)}
SPAN_WEIGHTS = {"short": 25, "medium": 45, "long": 30}
SLOPPINESS = {0.0: 55, 0.08: 30, 0.2: 15}
NEVER_SLOPPY = {"formal", "polite", "sad"}


class Family(NamedTuple):
    """One hand-written question in several wordings, with its answer if the handbook has one."""

    family: str
    group: str
    product: str
    intent: str
    source: str
    facts: list[str]
    sombre: bool
    answers: list[str]
    questions: list[str]


def pick(weights: dict[T, int], rng: random.Random) -> T:
    """Draws one key in proportion to its weight."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def deck(items: list[T], rng: random.Random) -> Iterator[T]:
    """Deals all items in random order, then all of them again, without end."""
    while True:
        yield from rng.sample(items, len(items))


class Decks:
    """Deals families evenly over the passages, and wordings evenly within each family."""

    def __init__(self, families: list[Family], rng: random.Random) -> None:
        by_source: dict[str, list[Family]] = defaultdict(list)
        self.by_group: dict[str, list[Family]] = defaultdict(list)
        for family in families:
            by_source[family.source].append(family)
            self.by_group[family.group].append(family)
        self.gaps = deck(by_source.pop(""), rng)
        self.sources = deck(sorted(by_source), rng)
        self.families = {source: deck(members, rng) for source, members in by_source.items()}
        self.questions = {f.family: deck(f.questions, rng) for f in families}

    def answerable(self) -> Family:
        """The next question that the handbook answers."""
        return next(self.families[next(self.sources)])

    def companion(self, family: Family, rng: random.Random) -> Family:
        """Another answerable question of the same group, so that groups never mix."""
        return rng.choice([f for f in self.by_group[family.group] if f.source and f != family])

    def families_for(self, kind: str, rng: random.Random) -> list[Family]:
        """The one or two questions that an e-mail of this kind asks."""
        first = next(self.gaps) if kind in ("unanswerable", "partly") else self.answerable()
        if kind in ("single", "unanswerable"):
            return [first]
        pair = [first, self.companion(first, rng)]
        return rng.sample(pair, 2) if kind == "partly" else pair


class Handbook:
    """The passages, sentence by sentence."""

    def __init__(self, folder: Path) -> None:
        self.sentences: dict[str, list[str]] = {}
        for file in folder.glob("*.md"):
            text = file.read_text(encoding="utf-8").partition("\n\n")[2]
            self.sentences[file.stem] = re.split(r"(?<=[a-z0-9%)]\.) (?=[A-Z])", text.strip())

    def quote(self, family: Family) -> list[str]:
        """The sentences that state the facts; its own answer where a fact is worded otherwise."""
        quoted = [self._stating(fact, family) for fact in family.facts]
        if not quoted or None in quoted:
            return family.answers[:1]
        return sorted({q for q in quoted if q}, key=self.sentences[family.source].index)

    def _stating(self, fact: str, family: Family) -> str | None:
        """Of the sentences with the fact, the one most like the written answers."""
        answer = set(re.findall(r"\w+", " ".join(family.answers).lower()))
        stating = [s for s in self.sentences[family.source] if fact.lower() in s.lower()]
        return max(stating, key=lambda s: _share(s, answer), default=None)


def _share(sentence: str, words: set[str]) -> float:
    """How much of the sentence is among the words."""
    own = re.findall(r"\w+", sentence.lower())
    return sum(word in words for word in own) / len(own)


class Writer:
    """Turns questions into e-mails and answers into replies."""

    def __init__(self, phrases: dict[str, Any], handbook: "Handbook", rng: random.Random) -> None:
        self.phrases = phrases
        self.handbook = handbook
        self.rng = rng
        self.slots: dict[str, str] = {}

    def fill_slots(self, product: str) -> None:
        """Settles what {town} and the other slots stand for throughout one e-mail."""
        self.slots = {slot: self.rng.choice(words) for slot, words in self.phrases["slots"].items()}
        self.slots |= {"product": product, "ref": f"PL {self.rng.randrange(10**6, 10**7)}"}

    def phrase(self, kind: str, tone: str | None = None) -> str:
        """A random phrase of the kind, with its slots filled."""
        options = self.phrases[kind][tone] if tone else self.phrases[kind]
        return str(self.rng.choice(options)).format(**self.slots)

    def stories(self, family: Family) -> list[str]:
        """Context sentences in random order, fitting the product and the occasion."""
        lists = self.phrases["stories"]
        own = [] if family.product == "general" else lists[family.product]
        options = lists["sombre"] if family.sombre else own + self.rng.sample(lists["general"], 10)
        return [s.format(**self.slots) for s in self.rng.sample(options, len(options))]

    def sloppy(self, text: str, rate: float) -> str:
        """Misspells common words, none of which carries a fact, and neglects the punctuation."""
        typos: dict[str, str] = self.phrases["typos"]
        words = re.split(r"(\s+|[,.?!;:])", text)
        text = "".join(typos.get(w, w) if self.rng.random() < rate else w for w in words)
        if self.rng.random() < rate * 3:
            text = text.lower()
        if self.rng.random() < rate * 2:
            text = text.replace("'", "").rstrip(".?")
        if self.rng.random() < rate * 2:
            text = text.replace("?", self.rng.choice(["??", "?!", " ?"]))
        return text

    def email(self, families: list[Family], decks: Decks, tone: str, length: str) -> str:
        """A whole e-mail of roughly the wanted length."""
        rng, short = self.rng, length == "short" or tone == "terse"
        self.fill_slots(families[0].product)
        wordings = [next(decks.questions[family.family]) for family in families]
        question = f" {self.phrase('transitions')} ".join(wordings)
        if not short and rng.random() < 0.25:
            question = f"{self.phrase('leads')} {question}"
        chance = 0.35 if short else 0.8
        before = [self.phrase("openings", tone)] if rng.random() < chance else []
        after = [self.phrase("closings", tone)] if rng.random() < chance else []
        target = 0 if short else rng.randint(*SPANS[length]) - 24
        for story in self.stories(families[0]):
            if len(" ".join([*before, question, *after]).split()) >= target:
                break
            if rng.random() < 0.75:
                before.append(story)
            else:
                after.insert(0, story)
        blocks = [" ".join(before), question, " ".join(after)]
        body = rng.choice([" ", " ", "\n", "\n\n"]).join(filter(None, blocks))
        return self.frame(body, tone, 0.3 if short else 0.8)

    def frame(self, body: str, tone: str, odds: float) -> str:
        """Puts a subject, a salutation, a policy number and a signature around the body."""
        rng = self.rng
        first, last = (rng.choice(self.phrases[key]) for key in ("first_names", "last_names"))
        name = rng.choice([f"{first} {last}", f"{first[0]}. {last}", first])
        parts = [
            (odds / 3, f"Subject: {self.phrase('subjects')}"),
            (odds, self.phrase("salutations")),
            (1.0, body),
            (odds / 3, self.phrase("policy_lines")),
            (odds, f"{self.phrase('sign_offs')}\n{name}"),
        ]
        kept = [text for chance, text in parts if rng.random() < chance]
        rate = 0.0 if tone in NEVER_SLOPPY else pick(SLOPPINESS, rng)
        return self.sloppy(rng.choice(["\n", "\n\n"]).join(kept), rate)

    def reply(self, families: list[Family]) -> str:
        """The reply in house style."""
        known = [f for f in families if f.source]
        if not known:
            return f"{GREETING} {UNKNOWN}"
        sentences = list(dict.fromkeys(s for f in known for s in self.handbook.quote(f)))
        if len(known) < len(families):
            sentences.append(REST_UNKNOWN)
        return " ".join([GREETING, *sentences])


def _length(email: str) -> str:
    words = len(email.split())
    return next((name for name, (_, high) in SPANS.items() if words <= high), "long")


def rows(families: list[Family], phrases: dict[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    """The endless stream of rows; no e-mail occurs twice."""
    rng = random.Random(seed)
    handbook = Handbook(HERE / "handbook")
    decks, writer, seen = Decks(families, rng), Writer(phrases, handbook, rng), set[str]()
    kinds = deck([kind for kind, percent in KINDS.items() for _ in range(percent)], rng)
    for kind in kinds:
        asked = decks.families_for(kind, rng)
        tone = pick(SOMBRE_TONES if any(f.sombre for f in asked) else TONES, rng)
        email = writer.email(asked, decks, tone, pick(SPAN_WEIGHTS, rng))
        if email in seen:
            continue
        seen.add(email)
        yield {
            "id": f"train-{len(seen):05}",
            "email": email,
            "reply": writer.reply(asked),
            "facts": [fact for family in asked for fact in family.facts],
            "sources": sorted({family.source for family in asked if family.source}),
            "intent": asked[0].intent,
            "product": asked[0].product,
            "answerable": kind != "unanswerable",
            "tone": tone,
            "length": _length(email),
            "kind": kind,
            "group": asked[0].group,
        }


def main() -> None:
    """Writes the first n rows of the stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="number of rows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "train.jsonl")
    options = parser.parse_args()
    lines = (HERE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    families = [Family(**json.loads(line)) for line in lines]
    phrases = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))
    with options.out.open("w", encoding="utf-8") as out:
        for row in itertools.islice(rows(families, phrases, options.seed), options.n):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
