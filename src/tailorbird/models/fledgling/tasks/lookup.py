"""A table of keys and values, then the value of a key (or the key of a value), several times."""

import json
from collections.abc import Callable
from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.values import ADJECTIVES, NOUNS, VALUES, coined, person

Rows = dict[str, str]


def sample(rng: Random) -> Conversation:
    """One table, one to four look-ups."""
    rows = _rows(rng)
    backwards = rng.random() < 0.15
    pairs = [(v, k) if backwards else (k, v) for k, v in rows.items()]
    asked = rng.sample(pairs, min(len(pairs), rng.choice((1, 2, 3, 4))))
    ask = say(rng, "[{k}|{k}?|{k}:|What is {k}?|[Value|Entry] of {k}?|Look up {k}.]", k="{k}")
    plain = rng.random() < 0.7
    form = "{v}" if plain else say(rng, "[{k}: {v}|{k} is {v}.|It is {v}.]", k="{k}", v="{v}")
    told = say(
        rng, "Look up [the key|what is asked] in the [table|list].[ Answer with the entry.|]"
    )
    turns: list[Message] = [system(told)] if rng.random() < 0.8 else []
    for number, (key, value) in enumerate(asked):
        text = ask.format(k=key)
        turns.append(user(f"{_table(rng, rows)}\n\n{text}" if number == 0 else text))
        turns.append(assistant(form.format(k=key, v=value)))
    return tuple(turns)


def _rows(rng: Random) -> Rows:
    key = rng.choice((_word, coined, person, VALUES["code"], VALUES["place"]))
    value = rng.choice((_word, coined, person, *VALUES.values()))
    rows: Rows = {}
    size = rng.randint(3, 12)
    while len(rows) < size:
        candidate = value(rng)
        # Values differ too, so that looking up backwards has one answer.
        if candidate not in rows.values():
            rows.setdefault(key(rng), candidate)
        elif rng.random() < 0.1:
            break  # a kind with few values, such as ages
    return rows


def _word(rng: Random) -> str:
    return (
        f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" if rng.random() < 0.5 else rng.choice(NOUNS)
    )


def _table(rng: Random, rows: Rows) -> str:
    return rng.choice(_LAYOUTS)(rows)


def _bars(rows: Rows) -> str:
    return "\n".join(f"| {k} | {v} |" for k, v in rows.items())


def _prose(rows: Rows) -> str:
    return " ".join(f"{capital(k)} has {v}." for k, v in rows.items())


_LAYOUTS: tuple[Callable[[Rows], str], ...] = (
    lambda rows: "\n".join(f"{k}: {v}" for k, v in rows.items()),
    lambda rows: "\n".join(f"- {k} = {v}" for k, v in rows.items()),
    lambda rows: "\n".join(f"{k}, {v}" for k, v in rows.items()),
    lambda rows: "; ".join(f"{k} is {v}" for k, v in rows.items()),
    lambda rows: json.dumps(rows, ensure_ascii=False),
    _bars,
    _prose,
)
