"""Copy what is given, exactly: names, codes, numbers, unknown words, one of several items."""

from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import say
from tailorbird.models.fledgling.tasks.values import ADJECTIVES, NOUNS, VALUES, coined, person

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def sample(rng: Random) -> Conversation:
    """Two to five copies in one conversation."""
    whole = rng.random() < 0.7
    told = (
        say(rng, "[Repeat|Copy|Write out|Say] [exactly |]what [the user writes|comes].")
        if whole
        else say(rng, "[Give|Copy|Repeat] only the item [asked for|wanted].")
    )
    turns: list[Message] = [system(told)]
    for _ in range(rng.randint(2, 5)):
        turns += _whole(rng) if whole else _one(rng)
    return tuple(turns)


def _whole(rng: Random) -> tuple[Message, Message]:
    parts = [_item(rng) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
    text = rng.choice((" ", ", ", "; ")).join(parts)
    lead = say(rng, "[||||Repeat: |Copy this: |Say: ]")
    return user(lead + text), assistant(text)


def _one(rng: Random) -> tuple[Message, Message]:
    items = [_item(rng) for _ in range(rng.randint(2, 5))]
    at = rng.randrange(len(items))
    which = "last" if at == len(items) - 1 and rng.random() < 0.5 else _ORDINALS[at]
    ask = say(rng, "[The {w} item|{w}|Which is {w}?|Copy the {w}]", w=which)
    return user(f"{', '.join(items)}\n{ask}"), assistant(items[at])


def _item(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.25:
        return coined(rng)
    if draw < 0.4:
        return "".join(rng.choices("0123456789", k=rng.randint(2, 10)))
    if draw < 0.55:
        return " ".join(rng.choices(NOUNS, k=rng.randint(2, 5)))
    if draw < 0.7:
        return person(rng)
    if draw < 0.8:
        return f"{rng.choice(ADJECTIVES)} {coined(rng)} {rng.randint(1, 999)}"
    return rng.choice(tuple(VALUES.values()))(rng)
