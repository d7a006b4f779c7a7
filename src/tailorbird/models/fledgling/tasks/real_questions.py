"""Questions about real paragraphs: a sentence with a name, a year or a number taken out of it.

The question keeps the words around the gap, so the answer is found by where they stand: extraction
as in SQuAD, from text of any kind, without anybody having written a question.
"""

import re
from random import Random

from tailorbird.models.fledgling.tasks.chat import (
    Conversation,
    Message,
    assistant,
    system,
    user,
    with_passages,
)
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.sentences import split

UNANSWERABLE = 0.12
"""Share of questions about another paragraph."""

_YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?: (?:million|billion|per cent|percent))?(?!\w)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'-]+(?: (?:of |the |de |and )?[A-Z][\w'-]+)*(?=[ ,.;])")
_LOWER = re.compile(r"(?<= )(?:an?|the) [a-z]+(?: [a-z]+)?(?=[,.;])")
_WORDS = {
    _YEAR: "[which year|what year]",
    _NUMBER: "[what number|how many|which number|what figure]",
    _NAME: "[who or what|which name|what|who|whom|which place]",
    _LOWER: "[what|which thing]",
}


def sample(rng: Random, text: str, other: str) -> Conversation:
    """One to four questions about ``text``; now and then one that only ``other`` answers."""
    refusal = say(rng, "[The passage does not say.|not stated|The text does not say that.|unknown]")
    length = rng.choice(("value", "value", "sentence"))
    told = say(rng, _TOLD[length], r=refusal)
    questions = [_question(rng, text) for _ in range(rng.randint(1, 4))]
    turns: list[Message] = []
    for question in dict.fromkeys(q for q in questions if q):
        asked, span, sentence = question
        answer = span if length == "value" else sentence
        if rng.random() < UNANSWERABLE and (foreign := _question(rng, other)):
            asked, answer = foreign[0], refusal
        turns += (user(asked), assistant(answer))
    if not turns:
        turns = [user("What does the passage begin with?"), assistant(text.split("\n")[0][:60])]
    turns[0] = user(_shown(rng, text, turns[0]["content"]))
    return (system(told), *turns)


_TOLD = {
    "value": (
        "[Answer with words of the passage.|Give only the value.|Give the answer, no sentence.]"
        '[| If [the passage|it] does not say, [write|say] "{r}"]'
    ),
    "sentence": (
        "[Answer with the sentence of the passage that says it.|Quote the sentence that answers.]"
        '[| Otherwise [write|say] "{r}"]'
    ),
}


def _shown(rng: Random, text: str, asked: str) -> str:
    line = _one_line(text)
    if rng.random() < 0.6:
        return with_passages([(" ".join(line.split()[: rng.randint(1, 4)]), line)], asked)
    return f"{say(rng, '[Passage: |]')}{line}\n\n{asked}"


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _question(rng: Random, text: str) -> tuple[str, str, str] | None:
    """(question, span, its sentence), or None where no sentence lends itself."""
    sentences = [s for s in split(_one_line(text)) if 40 < len(s) < 300]
    for _ in range(6):
        if not sentences:
            return None
        sentence = rng.choice(sentences)
        kind = rng.choice(tuple(_WORDS))
        spans = [m for m in kind.finditer(sentence) if m.start() > 0 and len(m.group()) < 60]
        if spans:
            span = rng.choice(spans)
            if asked := _asked(rng, sentence, span, say(rng, _WORDS[kind])):
                return asked, span.group(), sentence
    return None


def _asked(rng: Random, sentence: str, span: re.Match[str], word: str) -> str:
    """The sentence around the gap, not always all of it; empty where too little is left."""
    before = sentence[: span.start()].rstrip().split()[-rng.randint(3, 14) :]
    after = sentence[span.end() :].rstrip(" .;").split()[: rng.randint(0, 10)]
    if len(before) + len(after) < 4:
        return ""
    if rng.random() < 0.4 and len(before) > 3:
        # The gap in front: "which year: the bridge was opened in"
        return capital(f"{word}: {' '.join(before)} ... {' '.join(after)}".rstrip(" .")) + "?"
    return capital(f"{' '.join(before)} {word} {' '.join(after)}".rstrip(" ,")) + "?"
