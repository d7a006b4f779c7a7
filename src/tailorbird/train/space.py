"""What a search may change: for each setting, a range of numbers or a list of values.

learning_rate=1e-4..1e-2:log    a range; `:log` draws every power of ten alike often
epochs=1..4                     a range of whole numbers, ends included
rank=8,16,64                    these values
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

from tailorbird.approaches.base import make_approach
from tailorbird.errors import TaskError
from tailorbird.extras import need
from tailorbird.registry import module
from tailorbird.task.task import read_yaml


@dataclass(frozen=True)
class Span:
    """A range of numbers, ends included."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __contains__(self, value: Any) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    @property
    def ends(self) -> tuple[Any, ...]:
        """The two ends."""
        return self.low, self.high

    @property
    def middle(self) -> float:
        """Halfway, by factors on a logarithmic scale."""
        half = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        return round(half) if self.whole else half

    @property
    def size(self) -> float:
        """How many values there are."""
        return self.high - self.low + 1 if self.whole else math.inf

    def every(self) -> Iterable[Any]:
        """All of them, for whole numbers."""
        return range(int(self.low), int(self.high) + 1)

    def as_used(self, value: float) -> float:
        """With three digits."""
        return value if self.whole else float(f"{value:.3g}")

    def distribution(self, optuna: Any) -> Any:
        """As Optuna calls it."""
        if self.whole:
            whole = optuna.distributions.IntDistribution
            return whole(int(self.low), int(self.high), log=self.log)
        return optuna.distributions.FloatDistribution(self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Options:
    """A list of values."""

    values: tuple[Any, ...]

    def __contains__(self, value: Any) -> bool:
        return value in self.values

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.values)

    def every(self) -> Iterable[Any]:
        """All of them."""
        return self.values

    def as_used(self, value: Any) -> Any:
        """As it is."""
        return value

    def distribution(self, optuna: Any) -> Any:
        """As Optuna calls it."""
        return optuna.distributions.CategoricalDistribution(self.values)


Space = Mapping[str, Span | Options]
"""Setting -> what it may be. A dot leads into a setting that has settings: `adapter.lora.rank`."""

_EPOCHS = Span(1, 4, whole=True)
_ROWS = Options((4, 8, 16, 32))
_RANKS = Options((8, 16, 32, 64))
_STRENGTH = Span(0.1, 1000.0, log=True)
_KINDS = Options(("sparse", "dense", "hybrid"))
_USUAL: Mapping[str, Mapping[str, Span | Options]] = {
    "nearest": {"by": _KINDS},
    "linear": {"strength": _STRENGTH},
    "encoder": {"strength": _STRENGTH},
    "few_shot": {"shots": Span(1, 8, whole=True), "select": Options(("fixed", "similar"))},
    "quote": {"passages": Span(1, 3, whole=True), "by": _KINDS},
    "rag": {"passages": Span(1, 6, whole=True), "by": _KINDS},
    "classification_head": {
        "learning_rate": Span(3e-5, 1e-2, log=True), "epochs": _EPOCHS, "batch_size": _ROWS,
    },
    "multi_task": {"rank": _RANKS, "epochs": _EPOCHS, "batch_size": _ROWS},
    "fine_tuned": {"rank": _RANKS, "epochs": _EPOCHS, "batch_size": _ROWS},
}  # fmt: skip
"""What is worth searching for, where nobody says otherwise."""


def usual_space(approach: str, settings: Mapping[str, Any], model: str) -> Space:
    """The space to search for `approach`, around the `settings` it has on `model`.

    The learning rate of an adapter goes from a tenth of the usual one to ten times as much. Raises
    `TaskError` for an approach without settings worth searching.
    """
    space = dict(_USUAL.get(approach, {}))
    if not space:
        raise TaskError(
            f"nothing is known to be worth searching for {approach}",
            hint="name settings: --space 'SETTING=1..8 OTHER=a,b'",
        )
    present: Any = make_approach(approach, settings)
    if "rank" in space and _rank(present) is None:
        del space["rank"]
    if "learning_rate" not in space and hasattr(present, "learning_rate"):
        rate = present.learning_rate or _usual_rate(present, model)
        space["learning_rate"] = Span(rate / 10, rate * 10, log=True)
    return space


def present_values(approach: Any, settings: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """What the settings of `space` are now; the middle of a range where nobody has said."""
    now: dict[str, Any] = {}
    for name, dimension in space.items():
        value: Any = settings
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is None:
            value = _rank(approach) if name == "rank" else getattr(approach, name, None)
        if value is None and isinstance(dimension, Span):
            value = dimension.middle
        now[name] = value
    return now


def with_changes(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with `changes` made, a dotted one inside what it leads into."""
    changed = dict(settings)
    for name, value in changes.items():
        first, _, rest = name.partition(".")
        if rest:
            inside = changed.get(first) or {}
            inside = {inside: {}} if isinstance(inside, str) else inside
            value = with_changes(inside, {rest: value})
        changed[first] = value
    return changed


def _rank(approach: Any) -> int | None:
    """The rank that `rank` stands for; None where it cannot be set."""
    from tailorbird.train.adapters.base import make_adapter

    named = getattr(approach, "adapter", None)
    if not isinstance(named, str) or named == "none":
        return None
    usual = getattr(make_adapter(named), "rank", None)
    return usual if usual is None else approach.rank or usual


def _usual_rate(approach: Any, model: str) -> float:
    """The learning rate that a rung which names none has."""
    from tailorbird.models.files import locate
    from tailorbird.train.adapters.base import make_adapter
    from tailorbird.train.objectives.base import make_objective
    from tailorbird.train.recipe import usual_rate

    config = need("transformers").AutoConfig.from_pretrained(locate(model)).get_text_config()
    objective: Any = make_objective(getattr(approach, "objective", "sft"))
    adapter: Any = make_adapter(approach.adapter)
    return float(adapter.rate * usual_rate(config.hidden_size) * objective.rate)


def parse_space(approach: str, said: Iterable[str], settings: Mapping[str, Any]) -> Space:
    """The space that texts such as `"rank=8,16 epochs=1..4"` name.

    Raises `TaskError` where a text cannot be read, or a value is none that `approach` takes.
    """
    fields = {f.name: f for f in dataclasses.fields(module("approaches", approach).APPROACH)}
    space: dict[str, Span | Options] = {}
    for text in (part for whole in said for part in whole.split()):
        name, sign, values = text.partition("=")
        if not sign or not values:
            raise TaskError(f"--space takes SETTING=VALUES, not {text!r}", hint=_FORMS)
        real = name in fields and isinstance(fields[name].default, float)
        space[name] = _span(values, real) if ".." in values else _options(values)
    for name, dimension in space.items():
        for value in dimension.ends:
            make_approach(approach, with_changes(settings, {name: value}))
    return space


_FORMS = "learning_rate=1e-4..1e-2:log, epochs=1..4 or rank=8,16,64"


def _span(text: str, real: bool) -> Span:
    ends, _, scale = text.partition(":")
    low, _, high = ends.partition("..")
    try:
        whole = not real and low.lstrip("-").isdigit() and high.lstrip("-").isdigit()
        read = int if whole else float
        span = Span(read(low), read(high), log=scale == "log", whole=whole)
    except ValueError as error:
        raise TaskError(f"{text!r} is no range of numbers", hint=_FORMS) from error
    if scale not in ("", "log"):
        raise TaskError(f"a range is LOW..HIGH or LOW..HIGH:log, not {text!r}", hint=_FORMS)
    if not span.low < span.high or not math.isfinite(span.high - span.low):
        raise TaskError(f"{text!r} does not go from a lower to a higher number", hint=_FORMS)
    if span.log and span.low <= 0:
        raise TaskError(f"{text!r}: on a logarithmic scale a range begins above 0", hint=_FORMS)
    return span


def _options(text: str) -> Options:
    values = tuple(_value(part) for part in text.split(","))
    if len(set(values)) < 2:
        raise TaskError(f"{text!r} leaves nothing to choose", hint=_FORMS)
    return Options(tuple(dict.fromkeys(values)))


def _value(text: str) -> Any:
    with suppress(ValueError):  # YAML takes 1e-4 for a word
        return int(text) if text.lstrip("-").isdigit() else float(text)
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise TaskError(f"{text!r} is no value: {error}") from error
    if isinstance(value, list | dict):
        raise TaskError(f"{text!r} is no single value", hint=_FORMS)
    return value


def as_used(space: Space, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of a range with three digits: what is printed is what was tried."""
    return {n: space[n].as_used(value) for n, value in drawn.items()}


def combinations(space: Space, most: int = 10_000) -> list[dict[str, Any]] | None:
    """Everything that can be tried; None where that is more than `most`."""
    if math.prod(d.size for d in space.values()) > most:
        return None
    return [dict(zip(space, values)) for values in product(*(d.every() for d in space.values()))]
