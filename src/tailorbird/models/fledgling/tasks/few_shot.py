"""Earlier pairs of a user and an assistant in one fixed style, then one more pair."""

from collections.abc import Callable
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
from tailorbird.models.fledgling.tasks.letters import question
from tailorbird.models.fledgling.tasks.passages import shelf
from tailorbird.models.fledgling.tasks.replies import instructions, reply, style
from tailorbird.models.fledgling.tasks.values import ADJECTIVES, NOUNS, amount, code, date, person

Pair = tuple[str, str]


def sample(rng: Random) -> Conversation:
    """Three to five pairs; the style is sometimes described, always shown."""
    told, pair = _replies(rng) if rng.random() < 0.6 else _rewriting(rng)
    turns: list[Message] = [system(told)] if told else []
    for _ in range(rng.randint(3, 5)):
        asked, answer = pair(rng)
        turns += (user(asked), assistant(answer))
    return tuple(turns)


def _replies(rng: Random) -> tuple[str, Callable[[Random], Pair]]:
    wanted = style(rng, say(rng, "[our house|the desk|the office|the service]"))
    told = instructions(rng, wanted, "customer", "our house") if rng.random() < 0.7 else ""

    def pair(rng: Random) -> Pair:
        books = shelf(rng, most=1)
        point = rng.choice(books.missing if rng.random() < 0.1 else books.points)
        shown = with_passages(books.passages, question(rng, point))
        return shown, reply(rng, wanted, (point,), None)

    return told, pair


_MESSAGES = (
    "[I am|This is|My name is] {name}, [I ordered|I bought|I lost] a {thing} on {date}.",
    "{name} [paid|owes us] {amount} for the {thing}, [reference|number] {code}.",
    "On {date} {name} [sent|returned] the {thing} [worth|for] {amount}.",
    "[Order|File|Case] {code}: {thing}, {amount}, {name}.",
    "The {thing} ({code}) [was collected|was sent] by {name} on {date}.",
)
_SHAPES = (
    "{name}",
    "{thing}",
    "{name} / {thing}",
    "[Noted|Done|Thanks|Received]: {thing} ({name}).",
    "[Customer|Name]: {name}; [item|thing]: {thing}",
    "{thing} <- {name}",
    "Dear {name}, we [have|found|will look for] your {thing}.",
    "Hello {name}! The {thing} is [on its way|safe with us|being checked].",
    "[Ticket|Case] for {name}: {thing}.",
)


def _rewriting(rng: Random) -> tuple[str, Callable[[Random], Pair]]:
    # One draw of the choices fixes the shape for the whole conversation.
    shape = say(rng, rng.choice(_SHAPES), name="{name}", thing="{thing}")
    loud = rng.random() < 0.15

    def pair(rng: Random) -> Pair:
        name, thing = person(rng), f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
        facts = {"date": date(rng), "amount": amount(rng), "code": code(rng)}
        asked = say(rng, rng.choice(_MESSAGES), name=name, thing=thing, **facts)
        answer = shape.format(name=name, thing=thing)
        return asked, answer.upper() if loud else answer

    return say(
        rng, "[||Reply in our usual style.|Follow the examples.|Do the same as before.]"
    ), pair
