"""A template language small enough to read in a minute: ``[a|b]`` is a choice, ``{name}`` a slot.

>>> say(Random(0), "[Hello|Hi] {name}[!|.]", name="Ada")
'Hi Ada.'
"""

from functools import cache
from random import Random

_Node = str | tuple[str] | list["_Sequence"]  # literal text | one slot's name | alternatives
_Sequence = tuple["_Node", ...]


def say(rng: Random, template: str, **slots: str) -> str:
    """One wording of ``template``; choices may nest, a slot's value is taken as it is."""
    parts: list[str] = []
    _expand(rng, _parse(template), slots, parts)
    return "".join(parts)


def sentence(rng: Random, template: str, **slots: str) -> str:
    """``say`` with a capital first letter."""
    return capital(say(rng, template, **slots))


def capital(text: str) -> str:
    """``text`` with its first character in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def words(text: str) -> tuple[str, ...]:
    """A list of words written as a line of text."""
    return tuple(text.split())


def _expand(rng: Random, nodes: _Sequence, slots: dict[str, str], parts: list[str]) -> None:
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, tuple):
            parts.append(slots[node[0]])
        else:
            # random() and a product: about a third of the cost of rng.choice, and this is the
            # innermost step of the whole mix.
            _expand(rng, node[int(rng.random() * len(node))], slots, parts)


@cache
def _parse(template: str) -> _Sequence:
    nodes, end = _sequence(template, 0)
    if end != len(template):
        raise ValueError(f"Template {template!r} has a stray {template[end]!r} at {end}.")
    return nodes


def _sequence(template: str, start: int) -> tuple[_Sequence, int]:
    """The nodes from ``start`` up to a ``|`` or ``]`` that belongs to an outer choice."""
    nodes: list[_Node] = []
    at = start
    while at < len(template) and template[at] not in "|]":
        if template[at] == "[":
            choice, at = _choice(template, at + 1)
            nodes.append(choice)
        elif template[at] == "{":
            close = template.index("}", at)
            nodes.append((template[at + 1 : close],))
            at = close + 1
        else:
            stop = next((i for i in range(at, len(template)) if template[i] in "[]{|"), None)
            nodes.append(template[at:stop])
            at = len(template) if stop is None else stop
    return tuple(nodes), at


def _choice(template: str, start: int) -> tuple[list[_Sequence], int]:
    alternatives: list[_Sequence] = []
    at = start
    while True:
        nodes, at = _sequence(template, at)
        alternatives.append(nodes)
        if at >= len(template):
            raise ValueError(f"Template {template!r} lacks a closing bracket.")
        if template[at] == "]":
            return alternatives, at + 1
        at += 1
