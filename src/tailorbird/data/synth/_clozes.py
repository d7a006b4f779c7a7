"""Questions from statements, by rule: a fact of a sentence gives way to what asks for it.

The statement-to-cloze step of Lewis et al. 2019 (Unsupervised Question Answering by Cloze
Translation, arXiv:1906.04980), with the asking words of the fact's kind put in its place, so that
the sentence stays grammatical: "You may cancel within how many days?"
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tailorbird.evaluate.hallucination._sentences import sentences
from tailorbird.task.facts import states

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_COUNTS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|twenty|thirty|"
    "forty|fifty|sixty|ninety"
)
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_PHONE = r"(?<![\d£$€-])(?:0\d{3,4} \d{3,6}(?: \d{3,4})?|\d{3}-\d{3}-\d{4})\b"
_DATE = rf"\b\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?|\b(?:{_MONTHS}) \d{{1,2}}(?:, \d{{4}})?"
_KINDS = tuple(
    (kind, re.compile(pattern), words)
    for kind, pattern, words in (
        ("address", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "which e-mail address"),
        ("link", r"(?:https?://|www\.)[^\s,;)]*[^\s,;).]", "which web address"),
        ("phone", _PHONE, "which number"),
        ("form", r"\b(?:[Cc]laim )?[Ff]orm [A-Z]{0,6}-?\d[\w-]*", "which form"),
        ("code", r"\b(?:the )?code [A-Z]{1,6}-?\d\w*", "which code"),
        ("date", _DATE, "what date"),
        ("time", r"\b\d{1,2}(?:[:.]\d{2})? ?[ap]\.?m\b\.?", "what time"),
        ("money", rf"[£$€]\s?{_NUMBER}(?: (?:million|billion))?", "how much"),
        ("share", rf"\b{_NUMBER} ?(?:%|per ?cent)", "what share"),
        ("person", r"(?<=\bby )[A-Z][a-zé]+ [A-Z][a-zé]+(?=[\s.,;])", "whom"),
        ("count", rf"(?<![\w£$€.,-])(?:{_NUMBER}|(?:{_COUNTS}))(?= [a-z]{{3,}})", "how many"),
    )
)  # fmt: skip
"""Kind of fact, how it is written, what asks for it; the first that fits a place has it."""
KINDS = tuple(kind for kind, _, _ in _KINDS)
_LEANS = re.compile(r"^(?:It|They|This|These|Those|That|He|She|Here|There|Such|But|And|Or|Both)\b")
"""A sentence that says nothing without the one before it."""
_UNIT = re.compile(r" (?:(?:working|calendar|business|full) )?[a-z]+")


@dataclass(frozen=True, slots=True)
class Cloze:
    """A question made of a sentence."""

    question: str
    answer: str
    """The sentence."""
    fact: str
    """What was asked for, as the sentence says it."""
    kind: str


def clozes(text: str, shortest: int = 5, longest: int = 40) -> Iterator[Cloze]:
    """One for each fact of each sentence of `shortest` to `longest` words that stands by itself and
    holds no link of Markdown."""
    for sentence in sentences(text):
        whole = sentence.endswith(".") and not _LEANS.match(sentence) and "](" not in sentence
        if whole and shortest <= len(sentence.split()) <= longest:
            yield from _of(sentence)


def kinds_in(text: str) -> frozenset[str]:
    """The kinds of facts that a text states."""
    return frozenset(kind for kind, pattern, _ in _KINDS if pattern.search(text))


def _of(sentence: str) -> Iterator[Cloze]:
    taken: list[tuple[int, int]] = []
    for kind, pattern, words in _KINDS:
        for match in pattern.finditer(sentence):
            start, end = match.span()
            if any(start < b and a < end for a, b in taken):
                continue
            taken.append((start, end))
            fact = match[0]
            if kind == "count":
                unit = _UNIT.match(sentence, end)
                fact += unit[0] if unit else ""
            if states(sentence, fact):
                asked = sentence[:start] + words + sentence[end:]
                yield Cloze(_as_question(asked), sentence, fact, kind)


def _as_question(text: str) -> str:
    """The words of whoever asks: what is said to "you" is asked by "I"."""
    text = text.rstrip(".")
    if re.match(r"You (?!are\b|were\b)", text):
        text = re.sub(r"\byour\b", "my", "I" + text[3:])
    return f"{text[0].upper()}{text[1:]}?"
