"""The suites for synthesis: what generators make of a material, and what filters say of rows."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tailorbird.data.synth.base import Generator, Made, Material, Order, Row, Unmade
from tailorbird.data.synth.filters.base import Filter
from tailorbird.task.facts import states
from tailorbird.testing.claims import claim, never_raises

NONSENSE = ("", "   ", "Sure!", "Question:", "Answer: \nQuestion:", "Message: \n" * 3, "\x00\u202e")
"""What teachers say on bad days."""
_SOME = 25
"""Orders that are carried out."""


def check_generator(name: str, generator: Generator, material: Material) -> list[Row]:
    """List the orders of a generator, carry out the first of them, and judge the rows.

    Orders for teachers are answered with nonsense, and then by the first teacher of `material`.
    Returns the rows; none where the generator says that it can make nothing of the material.
    Raises `AssertionError`.
    """
    claim(isinstance(generator, Generator), f"{name} has no `missing`, `orders` and `rows`")
    missing = generator.missing(material)
    if missing is not None:
        claim(bool(missing), f"{name} does not say why it can make nothing")
        return []
    with never_raises(f"{name} should list its orders"):
        orders = list(generator.orders(material))
        again = list(generator.orders(replace(material)))
    claim(bool(orders), f"{name} says that it can make something, and lists no order")
    claim(orders == again, f"{name} lists other orders the second time: a kill would mix them up")
    made: list[Row] = []
    for order in orders[:_SOME]:
        _judge_order(name, order, material)
        for row in _carried_out(name, generator, order, material):
            _judge_row(name, row, order, material)
            made.append(
                Row(row, name, len(made) + 1, order.of, order.how, _teacher(order, material))
            )
    claim(bool(made), f"none of the first {_SOME} orders of {name} gives a row")
    return made


def _teacher(order: Order, material: Material) -> str | None:
    return material.teachers[0].name if order.prompt is not None else None


def _judge_order(name: str, order: Order, material: Material) -> None:
    claim(bool(order.of and order.how), f"{name}: an order does not say of what, and how")
    if order.prompt is None:
        return
    claim(bool(material.teachers), f"{name} asks a teacher where there is none")
    claim(order.max_tokens > 0, f"{name} leaves no room for an answer")
    claim(order.prompt[-1].role == "user", f"{name}: a prompt does not end with what is asked")


def _carried_out(name: str, generator: Generator, order: Order, material: Material) -> list[Made]:
    if order.prompt is None:
        return _rows(name, generator, order, None, material)
    for nonsense in NONSENSE:
        for row in _rows(name, generator, order, nonsense, material):
            _judge_row(name, row, order, material)
    (answer,) = material.teachers[0].ask([order.prompt], order.max_tokens)
    return _rows(name, generator, order, answer.text, material)


def _rows(
    name: str, generator: Generator, order: Order, answer: str | None, material: Material
) -> list[Made]:
    with never_raises(f"{name} should read {answer!r}, or say why it cannot"):
        try:
            rows = generator.rows(order, answer, material)
            again = generator.rows(order, answer, material)
        except Unmade as unmade:
            claim(bool(unmade.reason), f"{name} does not say why an order gave no row")
            return []
    claim(rows == again, f"{name} makes another row of the same order")
    return rows


def _judge_row(name: str, made: Made, order: Order, material: Material) -> None:
    example, task = made.example, material.task
    claim(bool(example.text.strip()), f"{name} makes a row without an input")
    claim(bool(str(example.target or "").strip()), f"{name} makes a row without a target")
    plain = json.loads(json.dumps(made.to_json()))
    read = Made.from_json(plain)
    same = replace(read.example, id="") == replace(example, id="", time=None, provenance=None)
    claim(same and read.rejected == made.rejected, f"{name}: a row is not read as it was written")
    unknown = set(example.sources) - set(task.document_by_id)
    claim(not unknown, f"{name} cites what is not there: {unknown}")
    lost = [f for f in example.facts if not states(str(example.target), f)]
    claim(not lost, f"{name}: the answer {example.target!r} lacks {lost}")
    if task.labels:
        claim(example.target in task.labels, f"{name} makes up the label {example.target!r}")
    seed = next((e for e in material.seeds if e.id == order.of), None)
    if made.rejected is not None:
        claim(made.rejected != example.target, f"{name} rejects the right answer")
        claim(seed is not None, f"{name} makes a pair of no row that was found")
    elif seed is not None:
        claim(example.group == seed.group, f"{name} takes a row out of its group")
        claim(example.folded != seed.folded, f"{name} gives back the row that it was given")


def check_filter(name: str, sieve: Filter, rows: Sequence[Row], material: Material) -> None:
    """Sift `rows`, twice; raises `AssertionError`."""
    claim(isinstance(sieve, Filter), f"{name} has no `missing`, `asks` and `sift`")
    missing = sieve.missing(material)
    if missing is not None:
        claim(bool(missing), f"{name} does not say why it has nothing to say")
        return
    asks: Any = sieve.asks(material)
    claim(asks is None or bool(asks), f"{name} does not say whom it asks")
    with never_raises(f"{name} should say of any row whether it stays"):
        said = sieve.sift(rows, material)
        again = sieve.sift(rows, material)
        nothing = sieve.sift([], material)
    claim(nothing == [], f"{name} says something of no rows: {nothing}")
    claim(len(said) == len(rows), f"{name} says {len(said)} things of {len(rows)} rows")
    claim(said == again, f"{name} says something else the second time")
    claim(all(s is None or bool(s) for s in said), f"{name} drops a row without a reason")
