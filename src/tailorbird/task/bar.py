"""The bar: which measures count, and how good is good enough."""

from typing import Literal

from pydantic import Field, model_validator

from tailorbird.registry import module
from tailorbird.task.strict import Strict

MEASURES: dict[str, Literal["higher", "lower"]] = {
    "latency_p50": "lower",
    "latency_p95": "lower",
    "latency_p99": "lower",
    "latency_first_p50": "lower",
    "latency_first_p95": "lower",
    "prompt_tokens": "lower",
    "completion_tokens": "lower",
    "cost_per_1000": "lower",
    "cost_per_correct": "lower",
    "training_minutes": "lower",
}
"""Measured for every rung beside the scorers: seconds, tokens per answer, money, minutes."""


def higher_is_better(scorer: str) -> bool:
    """Whether a mark of 1 is the best; else it is the worst."""
    return bool(module("task.scorers", scorer).BETTER == "higher")


class Criterion(Strict):
    """One line of the bar."""

    metric: str
    """A scorer (label, facts, ...), a metric of all answers together (macro_f1, ...) or a measure
    (latency_p95, ...)."""
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> "Criterion":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of at_least and at_most")
        return self

    @property
    def threshold(self) -> float:
        """The number to reach."""
        value = self.at_least if self.at_least is not None else self.at_most
        assert value is not None
        return value

    def holds(self, value: float) -> bool:
        """Whether `value` is good enough."""
        return value >= self.threshold if self.at_least is not None else value <= self.threshold

    def __str__(self) -> str:
        sign = ">=" if self.at_least is not None else "<="
        return f"{self.metric} {sign} {self.threshold:g}"


class Bar(Strict):
    """What counts as good. The cheapest rung that meets all of it wins."""

    primary: Criterion
    """The measure that rungs are ranked and compared by; must be a scorer."""
    guards: tuple[Criterion, ...] = ()
    """What must not get worse than this while the primary gets better."""
    proof: Literal["estimate", "interval"] = "estimate"
    """estimate: the measured value must meet the threshold; interval: its 95 % interval must."""
    margin: float = Field(default=0.02, gt=0, lt=1)
    """A difference in the primary smaller than this does not matter to anybody."""

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Primary and guards."""
        return (self.primary, *self.guards)
