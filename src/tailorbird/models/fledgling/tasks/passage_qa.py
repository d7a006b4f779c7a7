"""Passages, a question or an e-mail, and the answer: the reading the product lives on."""

from random import Random

from tailorbird.models.fledgling.tasks.chat import (
    Conversation,
    Message,
    assistant,
    system,
    user,
    with_passages,
)
from tailorbird.models.fledgling.tasks.grammar import say
from tailorbird.models.fledgling.tasks.letters import Letter, letter, question
from tailorbird.models.fledgling.tasks.passages import Point, Shelf, shelf
from tailorbird.models.fledgling.tasks.replies import Style, instructions, reply, style

UNANSWERABLE = 0.18
"""Share of first questions that no passage answers."""


def sample(rng: Random) -> Conversation:
    """One shelf, one style, one to three turns."""
    books = shelf(rng)
    wanted = style(rng, books.organisation)
    who = rng.choice(books.domain.people)
    points = _asked(rng, books)
    asked = _ask(rng, books, wanted, points)
    told = instructions(rng, wanted, who, books.organisation)
    answer = assistant(reply(rng, wanted, points, asked.signed))
    shown = _show(rng, books, asked.text)
    turns = (system(told), user(shown)) if rng.random() < 0.92 else (user(f"{told}\n\n{shown}"),)
    return (*turns, answer, *_follow_ups(rng, books, wanted))


def _asked(rng: Random, books: Shelf) -> tuple[Point, ...]:
    if rng.random() < UNANSWERABLE:
        return (rng.choice(books.missing),)
    both = rng.random() < 0.12 and len(books.points) > 1
    return tuple(rng.sample(books.points, 2 if both else 1))


def _ask(rng: Random, books: Shelf, wanted: Style, points: tuple[Point, ...]) -> Letter:
    is_letter = len(points) > 1 or rng.random() < (0.75 if wanted.length == "reply" else 0.3)
    if is_letter:
        return letter(rng, books.domain, books.organisation, points)
    return Letter(question(rng, points[0]), None)


def _show(rng: Random, books: Shelf, asked: str) -> str:
    if rng.random() < 0.88:
        return with_passages(books.passages, asked)
    mark = say(rng, "[- |* |# |Passage: |]")
    texts = "\n\n".join(f"{mark}{title}\n{text}" for title, text in books.passages)
    label = say(rng, "[Question: |Q: |E-mail:\n|]")
    return f"{texts}\n\n{label}{asked}"


def _follow_ups(rng: Random, books: Shelf, wanted: Style) -> tuple[Message, ...]:
    """More questions about the same passages: more to learn from the same reading."""
    if rng.random() < 0.6:
        return ()
    turns: list[Message] = []
    for _ in range(rng.choice((1, 2))):
        point = rng.choice(books.missing if rng.random() < 0.15 else books.points)
        turns.append(user(question(rng, point)))
        turns.append(assistant(reply(rng, wanted, (point,), None)))
    return tuple(turns)
