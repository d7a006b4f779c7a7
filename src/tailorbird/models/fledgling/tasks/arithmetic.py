"""Sums small enough to be learned digit by digit."""

from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import say
from tailorbird.models.fledgling.tasks.values import NOUNS

_STORIES = {
    "+": ("{a} {x}s and {b} {x}s", "[I have|There are] {a} {x}s, then {b} more [come|are added]"),
    "-": ("{a} {x}s without {b}", "[I had|There were] {a} {x}s and {b} [were lost|are gone]"),
    "*": ("{a} boxes of {b} {x}s", "a {x} costs {a} and I buy {b}"),
}


def sample(rng: Random) -> Conversation:
    """Two to five sums of one conversation."""
    turns: list[Message] = [
        system(say(rng, "[Work out the result.|Calculate.|Answer with a number.]"))
    ]
    for _ in range(rng.randint(2, 5)):
        turns += _sum(rng)
    return tuple(turns)


def _sum(rng: Random) -> tuple[Message, Message]:
    sign = rng.choice("++--*")
    top = 12 if sign == "*" else rng.choice((10, 20, 100))
    a, b = rng.randint(1, top), rng.randint(1, top)
    if sign == "-":
        a, b = max(a, b), min(a, b)
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    if rng.random() < 0.6:
        return user(say(rng, f"[{a} {sign} {b}|{a}{sign}{b}|What is {a} {sign} {b}?]")), assistant(
            str(result)
        )
    story = say(rng, rng.choice(_STORIES[sign]), a=str(a), b=str(b), x=rng.choice(NOUNS))
    return user(story + say(rng, "[|: how many|. How many or how much?]")), assistant(str(result))
