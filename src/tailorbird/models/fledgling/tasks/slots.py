"""Take named fields out of a message, as lines, as JSON, or one by one."""

import json
from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, assistant, system, user
from tailorbird.models.fledgling.tasks.domains import domains, thing
from tailorbird.models.fledgling.tasks.grammar import say
from tailorbird.models.fledgling.tasks.letters import noisy
from tailorbird.models.fledgling.tasks.values import VALUES

_PARTS = {
    "name": ("person", "[My name is|I am|This is] {v}.|[On behalf of|Writing for] {v}."),
    "date": (
        "date",
        "[It happened on|I bought it on|The visit was on] {v}.|On {v} I was with you.",
    ),
    "reference": (
        "code",
        "[Reference|My number is|File] {v}.|[The label says|It is filed as] {v}.",
    ),
    "phone": ("phone", "[Call me on|My number is|You reach me on] {v}."),
    "amount": ("amount", "[I paid|It cost|You took] {v}.|[A bill of|In all] {v} [came|was paid]."),
    "address": ("place", "[I live at|Send it to|We are at] {v}."),
    "time": ("time", "[I came|It was|Best reach me] at {v}."),
}


def sample(rng: Random) -> Conversation:
    """Some fields are in the message, some only asked for ("none")."""
    present = {field: VALUES[_PARTS[field][0]](rng) for field in rng.sample(list(_PARTS), k=4)}
    wanted = rng.sample(list(_PARTS), k=rng.randint(1, 4))
    none = rng.choice(("none", "none", "-", "not given"))
    found = {field: present.get(field, none) for field in wanted}
    told = say(rng, "[Extract|Find|Take] {f}[ from the message|].", f=", ".join(wanted))
    layout = rng.choice(("lines", "json", "row")) if len(wanted) > 1 else "value"
    told += {
        "lines": " One line each, as field: value.",
        "json": " Answer in JSON.",
        "row": " Separate them by a semicolon.",
        "value": say(rng, "[| Value only.]"),
    }[layout]
    told += say(rng, '[| If it is missing, write "{none}".]', none=none)
    return system(told), user(_message(rng, present)), assistant(_layout(layout, found))


def _message(rng: Random, present: dict[str, str]) -> str:
    parts = [say(rng, f"[{_PARTS[field][1]}]", v=value) for field, value in present.items()]
    it = thing(rng, rng.choice(domains()))
    parts.append(say(rng, "[It is about|I write about|My question is about] the {it}.", it=it))
    rng.shuffle(parts)
    # Typos would make the fields wrong, so only the greeting suffers them.
    return noisy(rng, say(rng, "[Hello there,|Dear team,|Good day!]")) + " " + " ".join(parts)


def _layout(layout: str, found: dict[str, str]) -> str:
    if layout == "json":
        return json.dumps(found, ensure_ascii=False)
    if layout == "lines":
        return "\n".join(f"{field}: {value}" for field, value in found.items())
    return "; ".join(found.values())
