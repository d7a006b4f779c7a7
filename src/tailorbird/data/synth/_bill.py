"""What teachers and judges took: prompts, tokens, seconds, and money where prices are known."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tailorbird.evaluate.run import charge
from tailorbird.models.base import Completion, Progress, Sampling
from tailorbird.models.files import is_endpoint
from tailorbird.models.wrapped import Wrapped
from tailorbird.task.task import Prices
from tailorbird.task.types import Prompt, Usage


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model took for one purpose."""

    purpose: str
    """A generator's or a filter's name."""
    model: str
    prompts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    """Wall time of asking; nothing for answers that were kept from before."""
    cost: float | None = 0.0
    """In the currency of the prices; None: unknown."""

    def plus(self, usages: Sequence[Usage], seconds: float, prices: Prices) -> "Spent":
        """With more answers."""
        return replace(
            self,
            prompts=self.prompts + len(usages),
            prompt_tokens=self.prompt_tokens + sum(u.prompt_tokens for u in usages),
            completion_tokens=self.completion_tokens + sum(u.completion_tokens for u in usages),
            seconds=self.seconds + seconds,
            cost=_sum([self.cost, price(self.model, usages, seconds, prices)]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def price(model: str, usages: Sequence[Usage], seconds: float, prices: Prices) -> float | None:
    """An endpoint takes money for tokens, a local model for the hours of its machine."""
    if is_endpoint(model):
        return _sum([charge(u, prices) for u in usages])
    return None if prices.machine_hour is None else prices.machine_hour * seconds / 3600


def _sum(parts: Iterable[float | None]) -> float | None:
    listed = list(parts)
    known = [p for p in listed if p is not None]
    return sum(known) if len(known) == len(listed) else None


@dataclass
class Bill:
    """All that was spent so far."""

    prices: Prices = field(default_factory=Prices)
    lines: dict[tuple[str, str], Spent] = field(default_factory=dict)

    def add(self, purpose: str, model: str, usages: Sequence[Usage], seconds: float) -> None:
        """Note some answers of `model`."""
        line = self.lines.get((purpose, model), Spent(purpose, model))
        self.lines[purpose, model] = line.plus(usages, seconds, self.prices)

    @property
    def cost(self) -> float | None:
        """Of everything; None where a part is unknown."""
        return _sum(line.cost for line in self.lines.values())

    @property
    def seconds(self) -> float:
        """Of everything."""
        return sum(line.seconds for line in self.lines.values())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        lines = [line.to_json() for line in self.lines.values()]
        return {
            "lines": lines,
            "cost": self.cost,
            "seconds": self.seconds,
            "currency": self.prices.currency,
        }


@dataclass(frozen=True)
class Billed(Wrapped):
    """`lm`, whose answers are noted in a bill under a purpose."""

    spec: str
    """As the user named it."""
    bill: Bill
    purpose: str

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """The model's answers."""
        begun = time.monotonic()
        answers = self.lm.complete(prompts, sampling, progress)
        seconds = time.monotonic() - begun
        self.bill.add(self.purpose, self.spec, [a.usage for a in answers], seconds)
        return answers
