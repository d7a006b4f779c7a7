"""Rows from templates with slots: those of a file, or those found among the rows of a label.

    templates:
      - input: When will my {product} be sent to {place}?
        target: delivery                # sources, facts, answerable, fields: as in the data
    slots:
      product: [kettle, desk lamp]
      place: [Leeds, the islands]

What is derived is `_slots.py`'s: for labels alone, as an answer would have to change with a slot.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, field_validator

from tailorbird.data.files import read_bytes
from tailorbird.data.synth._slots import Derived, derive, new_values
from tailorbird.data.synth.base import Made, Material, Order, in_turns
from tailorbird.errors import DataError, nearest
from tailorbird.task.strict import Strict, parse
from tailorbird.task.task import read_yaml
from tailorbird.task.types import Example

_SLOT = re.compile(r"\{(\w+)\}")


class Template(Strict):
    """A row with `{slots}` in any of its texts."""

    input: str
    target: str
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    answerable: bool = True
    fields: dict[str, str] = Field(default_factory=dict)


class TemplateFile(Strict):
    """What a file of templates holds."""

    templates: tuple[Template, ...] = Field(min_length=1)
    slots: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("slots")
    @classmethod
    def _have_values(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, values in value.items():
            if not values:
                raise ValueError(f'the slot "{name}" has no value')
        return value


@dataclass(frozen=True)
class Templates:
    """Each template filled, templates by turns."""

    file: str | None = None
    """A YAML or JSON file of templates, relative to the task file; none: they are derived."""
    shared: Annotated[int, Field(ge=1)] = 2
    """Values that two derived slots must have in common to lend each other the rest."""

    def missing(self, material: Material) -> str | None:
        """Without a file, for answers, and where rows are too different from each other."""
        if self.file is None and material.task.spec.kind != "label":
            return "for written answers, templates are not derived: name a file (templates.file)"
        if next(self.orders(material), None) is None:
            return "no two rows of a label are alike enough to make a template of"
        return None

    def orders(self, material: Material) -> Iterator[Order]:
        """One filling per template, then the next of each."""
        if self.file is not None:
            yield from in_turns(*_of_file(self.file, material))
            return
        rows = [(e.id, e.text, str(e.target)) for e in material.seeds if isinstance(e.input, str)]
        derived = derive(rows)
        pairs = list(zip(derived, new_values(derived, self.shared), strict=True))
        known = {e.folded for e in material.seeds}
        lending = material.by_lot((p for p in pairs if p[1]), "templates")
        yield from in_turns(*(_lent(material, t, values, known) for t, values in lending))

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The template, filled."""
        return [Made(order.about["example"])]


def _lent(
    material: Material, template: Derived, values: tuple[str, ...], known: set[str]
) -> Iterator[Order]:
    seed = next(e for e in material.seeds if e.id == template.seeds[0])
    for value in material.by_lot(values, "values", template.words):
        example = replace(seed, input=template.filled(value))
        if example.folded not in known:
            yield Order(seed.id, "derived", None, {"example": example})


def _of_file(name: str, material: Material) -> list[Iterator[Order]]:
    """A stream of orders for each template. Raises `DataError` for an unknown slot."""
    text = read_bytes(name, material.task.folder, material.task.data_folder).decode("utf-8")
    try:
        held = read_yaml(text)
    except ValueError as error:
        raise DataError(f"{name} is not valid YAML: {error}") from error
    if not isinstance(held, dict):
        raise DataError(f"{name} should hold templates and slots, found {type(held).__name__}")
    file = parse(TemplateFile, held, name)
    return [
        _filled(f"{name}#{i}", t, file.slots, material) for i, t in enumerate(file.templates, 1)
    ]


def _filled(
    of: str, template: Template, slots: dict[str, tuple[str, ...]], material: Material
) -> Iterator[Order]:
    used = list(dict.fromkeys(_SLOT.findall(str(template.model_dump()))))
    for slot in used:
        if slot not in slots:
            raise DataError(f'template {of}: no slot is called "{slot}"{nearest(slot, slots)}')
    return _fillings(of, template, {s: slots[s] for s in used}, material)


def _fillings(
    of: str, template: Template, slots: dict[str, tuple[str, ...]], material: Material
) -> Iterator[Order]:
    """Every filling once, by lot: a walk over all of them with a step prime to their number."""
    total = math.prod(map(len, slots.values()))
    dice = material.dice("filling", of)
    start = dice.randrange(total)
    step = next(s for s in itertools.count(dice.randrange(total) + 1) if math.gcd(s, total) == 1)
    for i in range(total):
        place, values = (start + i * step) % total, {}
        for slot, choices in slots.items():
            place, at = divmod(place, len(choices))
            values[slot] = choices[at]
        yield Order(of, "template", None, {"example": _example(template, values)})


def _example(template: Template, values: dict[str, str]) -> Example:
    def fill(text: Any) -> str:
        return _SLOT.sub(lambda m: values[m[1]], text)

    return Example(
        "", fill(template.input), fill(template.target),
        tuple(map(fill, template.sources)), tuple(map(fill, template.facts)), template.answerable,
        fields={k: fill(v) for k, v in template.fields.items()},
    )  # fmt: skip


GENERATOR = Templates
