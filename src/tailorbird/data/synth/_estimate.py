"""What making rows will take: from a few orders that are carried out on trial.

A trial's answers are kept like all others, so that they are paid for once. What was measured is
kept, too: asking again would only read what was kept, and seem to take no time.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tailorbird.data.synth._bill import price
from tailorbird.data.synth.base import Order, Teacher
from tailorbird.models.base import Completion
from tailorbird.progress import progress
from tailorbird.store import digest, read_json, write_json
from tailorbird.task.task import Prices
from tailorbird.task.types import Prompt, Usage

TRIED = 4
"""Orders of each generator that a teacher carries out on trial."""
TOKENS_PER_WORD = 1.4
"""Where there is no trial: English words in the tokens of usual tokenizers."""

Asked = Sequence[tuple[Order, Teacher | None]]


@dataclass(frozen=True, slots=True)
class Line:
    """What one model will take for one purpose."""

    purpose: str
    model: str | None
    """None: made by rule."""
    prompts: int
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float | None = None
    """None: not measured."""
    cost: float | None = 0.0
    """None: unknown."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all of it will take."""

    lines: tuple[Line, ...]
    currency: str
    measured: bool
    """Whether there was a trial; without one, tokens are guessed from words, at the longest
    answers."""

    @property
    def cost(self) -> float | None:
        """None where a part is unknown."""
        known = [line.cost for line in self.lines if line.cost is not None]
        return sum(known) if len(known) == len(self.lines) else None

    @property
    def seconds(self) -> float | None:
        """Of asking; None where it was not measured."""
        taught = [line.seconds for line in self.lines if line.model is not None]
        known = [s for s in taught if s is not None]
        return sum(known) if len(known) == len(taught) else None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"cost": self.cost, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class _Rate:
    """What one order takes."""

    tokens_per_word: float
    written: float
    """Tokens of an answer."""
    seconds: float | None


def estimate(
    asked: Mapping[str, Asked],
    sieves: Mapping[str, str],
    made: int,
    prices: Prices,
    kept: Path,
    probe: bool,
    quiet: bool,
) -> Estimate:
    """What making and sifting will take.

    Args:
        asked: generator -> its orders, each with the teacher that carries it out.
        sieves: filter -> the model that it may ask about each row.
        made: orders altogether, each of which may give a row.
        prices: of the task.
        kept: the file that keeps what was measured.
        probe: whether to measure; else it is guessed.
        quiet: no progress bar.
    """
    lines: list[Line] = []
    for purpose, orders in asked.items():
        ruled = sum(teacher is None for _, teacher in orders)
        if ruled:
            lines.append(Line(purpose, None, ruled))
        for teacher in dict.fromkeys(t for _, t in orders if t is not None):
            mine = [o for o, t in orders if t is teacher]
            rate = _tried(purpose, teacher, mine, kept, quiet) if probe else _guessed(mine)
            words = sum(_words(o.prompt) for o in mine)
            lines.append(_line(purpose, teacher.name, len(mine), words, rate, prices))
    for purpose, model in sieves.items():
        lines.append(_like(purpose, model, made, [x for x in lines if x.model], prices))
    return Estimate(tuple(lines), prices.currency, probe)


def _line(
    purpose: str, model: str, count: int, words: int, rate: _Rate, prices: Prices
) -> Line:  # fmt: skip
    usage = Usage(round(words * rate.tokens_per_word), round(count * rate.written))
    seconds = None if rate.seconds is None else count * rate.seconds
    cost = price(model, [usage], seconds or 0.0, prices)
    return Line(purpose, model, count, usage.prompt_tokens, usage.completion_tokens, seconds, cost)


def _like(
    purpose: str, model: str, count: int, others: Sequence[Line], prices: Prices
) -> Line:  # fmt: skip
    """A filter's prompts are about as long as those that made the rows, and no row may be left."""
    asked = sum(line.prompts for line in others)
    if not asked:
        return Line(purpose, model, count, cost=None)
    read, written = (
        round(count * sum(getattr(x, n) for x in others) / asked)
        for n in ("prompt_tokens", "completion_tokens")
    )
    times = [x.seconds for x in others if x.seconds is not None]
    seconds = count * sum(times) / asked if len(times) == len(others) else None
    cost = price(model, [Usage(read, written)], seconds or 0.0, prices)
    return Line(purpose, model, count, read, written, seconds, cost)


def _words(prompt: Prompt | None) -> int:
    return sum(len(m.content.split()) for m in prompt or ())


def _guessed(orders: Sequence[Order]) -> _Rate:
    longest = sum(o.max_tokens for o in orders) / len(orders)
    return _Rate(TOKENS_PER_WORD, longest, None)


def _tried(
    purpose: str, teacher: Teacher, orders: Sequence[Order], kept: Path, quiet: bool
) -> _Rate:
    """Measured on the first orders, or read where they were measured before."""
    trial = list(orders[:: max(1, len(orders) // TRIED)])[:TRIED]
    key = digest([purpose, teacher.lm.identity, [str(o.prompt) for o in trial]])[:16]
    known: dict[str, Any] = read_json(kept) if kept.is_file() else {}
    if key not in known:
        begun, answers = time.monotonic(), list[Completion]()
        with progress(f"trying {purpose} on {teacher.name}", len(trial), quiet) as tick:
            for length in dict.fromkeys(o.max_tokens for o in trial):
                prompts = [o.prompt or () for o in trial if o.max_tokens == length]
                answers += teacher.ask(prompts, length, tick)
        words = sum(_words(o.prompt) for o in trial)
        read = sum(a.usage.prompt_tokens for a in answers)
        rate = _Rate(
            read / max(1, words),
            sum(a.usage.completion_tokens for a in answers) / len(trial),
            (time.monotonic() - begun) / len(trial),
        )
        known[key] = asdict(rate)
        write_json(kept, known)
    return _Rate(**known[key])
