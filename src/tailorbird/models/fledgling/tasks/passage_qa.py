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
    """One shelf, one style, one to five turns."""
    books = shelf(rng)
    wanted = style(rng, books.organisation)
    who = rng.choice(books.domain.people)
    points = _asked(rng, books)
    asked = _ask(rng, books, wanted, points)
    told = instructions(rng, wanted, who, books.organisation)
    answer = assistant(reply(rng, wanted, points, asked.signed))
    shown = _show(rng, books, asked.text)
    turns = (system(told), user(shown)) if rng.random() < 0.92 else (user(f"{told}\n\n{shown}"),)
    left = [point for point in books.points if point not in points]
    return (*turns, answer, *_follow_ups(rng, books, left, wanted))


def _asked(rng: Random, books: Shelf) -> tuple[Point, ...]:
    count = min(rng.choices((1, 2, 3), weights=(75, 20, 5))[0], len(books.points))
    points = rng.sample(books.points, count)
    if rng.random() < UNANSWERABLE:
        points[rng.randrange(count)] = rng.choice(books.missing)  # all of it, or one part
    return tuple(points)


def _ask(rng: Random, books: Shelf, wanted: Style, points: tuple[Point, ...]) -> Letter:
    is_letter = len(points) > 1 or rng.random() < (0.7 if wanted.length == "reply" else 0.35)
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


def _follow_ups(rng: Random, books: Shelf, left: list[Point], wanted: Style) -> tuple[Message, ...]:
    """More questions about the same passages: more to learn from the same reading."""
    if rng.random() < 0.2:
        return ()
    turns: list[Message] = []
    for point in rng.sample(left, min(len(left), rng.choice((1, 2, 3, 4)))):
        if rng.random() < 0.15:
            point = rng.choice(books.missing)
        turns.append(user(question(rng, point)))
        turns.append(assistant(reply(rng, wanted, (point,), None)))
    return tuple(turns)
