"""Arithmetic: sums, differences and products of small numbers."""

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from tailorbird.evaluate.capabilities.base import Ground, Item, answers

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel


@dataclass(frozen=True)
class Arithmetic:
    """Share of sums whose result is the last number of the answer."""

    sums: Annotated[int, Field(ge=1, le=500)] = 120
    max_tokens: Annotated[int, Field(ge=1)] = 24
    margin: Annotated[float, Field(gt=0)] = 0.05
    unit: ClassVar[str] = "share right"
    higher_is_better: ClassVar[bool] = True
    title: ClassVar[str] = "arithmetic"

    def missing(self, ground: Ground) -> str | None:
        """Nothing is needed."""
        return None

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """Equal seeds draw equal sums."""
        asked = drawn(self.sums, random.Random(ground.seed))
        said = answers(lm, list(asked), self.max_tokens, self.title, ground.quiet)
        return [
            Item(question, float(last_number(text) == result), text)
            for (question, result), text in zip(asked.items(), said)
        ]


def drawn(count: int, rng: random.Random) -> dict[str, int]:
    """Question -> result; all different."""
    found: dict[str, int] = {}
    while len(found) < count:
        sign = rng.choice("+-*")
        top = 12 if sign == "*" else rng.choice((10, 50, 100))
        a, b = sorted((rng.randint(1, top), rng.randint(1, top)), reverse=True)
        result = {"+": a + b, "-": a - b, "*": a * b}[sign]
        found[f"What is {a} {sign} {b}? Answer with a number."] = result
    return found


def last_number(text: str) -> int | None:
    """The last whole number of a text; points and commas between thousands do not count."""
    plain = re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text)
    numbers = re.findall(r"(?<![\d.,])-?\d+(?![.,]?\d)", plain)
    return int(numbers[-1]) if numbers else None


CAPABILITY = Arithmetic
