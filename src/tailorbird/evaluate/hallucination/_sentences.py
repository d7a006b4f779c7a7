"""Answers and sources as sentences, and sentences as the words that carry meaning."""

import re
from collections.abc import Iterable
from functools import lru_cache

_BREAK = re.compile(
    # Not after "Mr.", "e.g." or an initial, and not before a small letter ("8 a.m. to 7 p.m.").
    r"(?<!\b[A-Z]\.)(?<!\b[Mm]r\.)(?<!\b[Mm]rs\.)(?<!\b[Dd]r\.)(?<!\b[Ss]t\.)(?<!\b[Nn]o\.)"
    r"(?<!e\.g\.)(?<!i\.e\.)(?<=[.!?])[\"”’)]?\s+(?![a-z])"
)
_WRAPPED = re.compile(r"(?<![.!?:;\n])\n(?=[a-z])")
"""A line that goes on in the next one."""
_BULLET = re.compile(r"^\s*(?:[-*•#>]+|\d{1,2}[.)])\s+")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")

_FUNCTION_WORDS = frozenset(
    """a about above after again against all also although am an and any are as at be because been
    before being below between both but by can could did do does doing down during each even ever
    few for from further had has have having he her here hers him his how however i if in into is
    it its itself just me more most my of off on once only onto or other our out over own per
    rather same shall she should since so some such than that the their theirs them then there
    these they this those though through thus to too toward towards under until up upon us very
    was we were what when where whether which while who whom whose why will with within would you
    your yours may might must""".split()  # noqa: SIM905
)
_COURTESY = frozenset(
    """answer apologies ask best contact dear enquiry feel free get getting glad greetings happy
    hear hello help helpful helps hesitate hi hope inconvenience inform information kind kindly
    know know let letter mail e-mail email message need please question questions reach reaching
    regards reply respond sincerely sorry team thank thanks touch welcome wishes write
    writing""".split()  # noqa: SIM905
)
NEGATIONS = frozenset(
    """cannot never no nobody none nor not nothing nowhere without neither""".split()  # noqa: SIM905
)


@lru_cache(maxsize=16384)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences, lines and items of `text`, in order."""
    lines = (_BULLET.sub("", line) for line in _WRAPPED.sub(" ", text).split("\n"))
    parts = (part.strip() for line in lines for part in _BREAK.split(line))
    return tuple(part for part in parts if part)


def claims_of(answer: str) -> tuple[str, ...]:
    """The sentences that claim something: neither a question nor mere courtesy."""
    return tuple(s for s in sentences(answer) if not s.endswith("?") and not _is_courtesy(s))


def _is_courtesy(sentence: str) -> bool:
    words = {w.lower() for w in _WORD.findall(sentence)}
    return words <= _COURTESY | _FUNCTION_WORDS


@lru_cache(maxsize=65536)
def content(sentence: str) -> frozenset[str]:
    """The words that carry meaning, in small letters, without common endings."""
    words = (w.lower().replace("’", "'") for w in _WORD.findall(sentence))
    return frozenset(_stem(w) for w in words if w not in _FUNCTION_WORDS)


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    return re.sub(r"(?<=\w{3})(?:ing|ed|es|s|ly|e)$", "", word)


def negations(sentence: str) -> int:
    """How many words of `sentence` turn it into its opposite."""
    words = [w.lower().replace("’", "'") for w in _WORD.findall(sentence)]
    return sum(w in NEGATIONS or w.endswith("n't") for w in words)


def covered(claim: str, sources: Iterable[str], question: str) -> tuple[float, str]:
    """Share of the claim's words that the best sentence of `sources`, or `question`, has; and it.

    1 for a claim without words.
    """
    words = content(claim)
    asked = content(question)
    best, where = len(words & asked), ""
    for source in sources:
        for sentence in sentences(source):
            shared = len(words & (content(sentence) | asked))
            if shared > best:
                best, where = shared, sentence
    return (best / len(words) if words else 1.0), where
