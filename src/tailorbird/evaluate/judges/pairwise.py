"""A judge that says which of two answers is better. It is asked twice, in both orders.

The order alone moves many judges (Zheng et al. 2023, Judging LLM-as-a-Judge, section 3.3), so an
answer wins when it wins in both; otherwise the two are even.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tailorbird.evaluate.judges.base import Choice, Item, ask, prompt
from tailorbird.models.base import LM, Progress

CHOICES = ("A", "B", "tie")
PREFERENCES = ("second", "tie", "first")
"""Worst to best for the first answer."""


@dataclass(frozen=True, slots=True)
class Preference:
    """What a judge said of two answers, in both orders."""

    forward: Choice
    """With the first answer as A."""
    swapped: Choice
    """With the second answer as A."""

    @property
    def orders(self) -> tuple[float | None, float | None]:
        """Per order: 1 the first answer wins, 0 the second, 0.5 even; None was not read."""
        here = {0: 1.0, 1: 0.0, 2: 0.5, None: None}
        there = {0: 0.0, 1: 1.0, 2: 0.5, None: None}
        return here[self.forward.index], there[self.swapped.index]

    @property
    def value(self) -> float | None:
        """1, 0.5 or 0 for the first answer; None where an order was not read."""
        a, b = self.orders
        if a is None or b is None:
            return None
        return a if a == b else 0.5

    @property
    def consistent(self) -> bool | None:
        """Whether both orders say the same."""
        a, b = self.orders
        return None if a is None or b is None else a == b

    @property
    def position(self) -> float | None:
        """How often the answer shown first won, of the two times; 0.5 where order is nothing."""
        a, b = self.orders
        return None if a is None or b is None else (a + 1 - b) / 2


@dataclass(frozen=True)
class Pairwise:
    """What makes one answer better than another."""

    text: str
    """In plain words."""
    max_tokens: int = 160

    def prefer(
        self,
        lm: LM,
        items: Sequence[tuple[Item, str, str]],
        progress: Progress | None = None,
    ) -> list[Preference]:
        """The better one of each two answers. `progress` is told of orders: two per pair."""
        task = (
            "You compare two answers, A and B. Their order means nothing, nor does their length.\n"
            + self.text
        )
        prompts = [
            prompt(task, item, [("Answer A", x), ("Answer B", y)], ", ".join(CHOICES))
            for item, one, other in items
            for x, y in ((one, other), (other, one))
        ]
        said = ask(lm, prompts, CHOICES, self.max_tokens, progress)
        return [Preference(a, b) for a, b in zip(said[::2], said[1::2], strict=True)]
